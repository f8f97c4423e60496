//! Writes against `tempfile`, edits against the original.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use backend_core::{Backend as _, EditRequest, VirtualPath, WriteRequest};
use backend_fs::{Durability, FsBackend};
use serde_json::json;

use crate::options::Options;
use crate::original::Original;
use crate::row::{Goal, Row};
use crate::table::Table;

pub(super) async fn run(options: &Options, table: &mut Table, scratch: &Path) {
    let dir = scratch.join("changes");
    fs::create_dir(&dir).unwrap();
    // The peers do not wait for a disk. The cost of waiting has its own rows.
    let builder = FsBackend::builder(&dir).durability(Durability::Relaxed);
    let files = builder.build().unwrap();
    write(options, table, &dir, &files).await;
    durable(options, table, &dir).await;
    edit(options, table, &dir, &files).await;
}

/// Against `tempfile` on the same thread, and on a blocking thread, where a program with a runtime has to call it.
async fn write(options: &Options, table: &mut Table, dir: &Path, files: &FsBackend) {
    if !options.wants("write of 4 KB, atomic") {
        return;
    }
    let content = vec![b'x'; 4096];
    let path = VirtualPath::parse("/ours.txt").unwrap();
    let request = WriteRequest::new(path, content.clone());
    let theirs = dir.join("theirs.txt");
    let persist: Arc<dyn Fn() + Send + Sync> = {
        let (dir, theirs) = (dir.to_owned(), theirs.clone());
        Arc::new(move || persist(&dir, &content, &theirs))
    };
    files.write_with(&request).await.unwrap();
    persist();
    assert_eq!(
        fs::read(dir.join("ours.txt")).unwrap(),
        fs::read(&theirs).unwrap()
    );
    let times = options.size(50, 2);
    let mut row = Row::new("write of 4 KB, atomic", "tempfile", Goal::Ratio(1.1));
    let mut hopped = Row::new(
        "write of 4 KB, atomic",
        "tempfile, by spawn_blocking",
        Goal::Ratio(1.1),
    );
    for _ in 0..options.rounds(101) {
        let ours = nanos!(times, files.write_with(&request).await.unwrap());
        row.ours(ours);
        hopped.ours(ours);
        row.theirs(nanos!(times, persist()));
        hopped.theirs(nanos!(times, {
            let persist = Arc::clone(&persist);
            tokio::task::spawn_blocking(move || persist())
                .await
                .unwrap();
        }));
    }
    table.add(row);
    table.add(hopped);
}

/// The cost of waiting for the disk: against `tempfile` with the same waits.
async fn durable(options: &Options, table: &mut Table, dir: &Path) {
    let rounds = options.rounds(101);
    let content = vec![b'x'; 4096];
    for (durability, wait) in [
        (Durability::Relaxed, Wait::Nothing),
        (Durability::Content, Wait::Content),
        (Durability::Full, Wait::Directory),
    ] {
        let name = format!("write of 4 KB over a file, durability {durability}");
        if !options.wants(&name) {
            continue;
        }
        let builder = FsBackend::builder(dir).durability(durability);
        let files = builder.build().unwrap();
        let path = VirtualPath::parse("/durable.txt").unwrap();
        let request = WriteRequest::new(path, content.clone());
        files.write_with(&request).await.unwrap();
        let mut row = Row::new(&name, wait.name(), Goal::Ratio(1.5));
        for _ in 0..rounds {
            row.ours(nanos!(1, files.write_with(&request).await.unwrap()));
            let (dir, content, to) = (dir.to_owned(), content.clone(), dir.join("theirs.txt"));
            row.theirs(nanos!(1, {
                let (dir, content, to) = (dir.clone(), content.clone(), to.clone());
                tokio::task::spawn_blocking(move || persist_after(&dir, &content, &to, wait))
                    .await
                    .unwrap();
            }));
        }
        table.add(row);
    }
}

/// What is waited for in addition to the write itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Nothing,
    Content,
    Directory,
}

impl Wait {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "tempfile, by spawn_blocking",
            Self::Content => "the same, with sync_data",
            Self::Directory => "the same, with sync_all, also of the directory",
        }
    }
}

/// The use case of the library `tempfile`.
fn persist(dir: &Path, content: &[u8], to: &Path) {
    persist_after(dir, content, to, Wait::Nothing);
}

fn persist_after(dir: &Path, content: &[u8], to: &Path, wait: Wait) {
    let mut file = tempfile::NamedTempFile::new_in(dir).unwrap();
    file.write_all(content).unwrap();
    match wait {
        Wait::Nothing => {}
        Wait::Content => file.as_file().sync_data().unwrap(),
        Wait::Directory => file.as_file().sync_all().unwrap(),
    }
    drop(file.persist(to).unwrap());
    if wait == Wait::Directory {
        fs::File::open(dir).unwrap().sync_all().unwrap();
    }
}

async fn edit(options: &Options, table: &mut Table, dir: &Path, files: &FsBackend) {
    if !options.wants("edit of a 1 MB file, there and back") {
        return;
    }
    let line = "the quick brown fox jumps over the lazy dog\n";
    let text = format!(
        "{}needle here\n{}",
        line.repeat(12_000),
        line.repeat(12_000)
    );
    for name in ["ours.txt", "theirs.txt"] {
        fs::write(dir.join(name), &text).unwrap();
    }
    let path = VirtualPath::parse("/ours.txt").unwrap();
    let there = EditRequest::new(&path, "needle here", "thread there");
    let back = EditRequest::new(&path, "thread there", "needle here");
    let mut original = Original::start(options, table);
    if let Some(original) = &mut original {
        original.ask(1, "open_files", json!([dir]));
    }
    let args = json!(["/theirs.txt", "needle here", "thread there"]);
    let name = "edit of a 1 MB file, there and back";
    let mut row = Row::new(name, "the original", Goal::Ratio(0.2));
    // The work that no atomic edit can avoid.
    let mut bare = Row::new(name, "read and write it, by tempfile, twice", Goal::None);
    let replace = || {
        let content = fs::read(dir.join("bare.txt")).unwrap();
        persist(dir, &content, &dir.join("bare.txt"));
    };
    fs::write(dir.join("bare.txt"), &text).unwrap();
    for _ in 0..options.rounds(51) {
        let ours = nanos!(1, {
            files.edit_with(&there).await.unwrap();
            files.edit_with(&back).await.unwrap();
        });
        row.ours(ours);
        bare.ours(ours);
        if let Some(original) = &mut original {
            row.theirs(original.ask(1, "edit", args.clone()).0);
        }
        bare.theirs(nanos!(1, {
            replace();
            replace();
        }));
    }
    assert_eq!(fs::read(dir.join("ours.txt")).unwrap(), text.as_bytes());
    assert_eq!(fs::read(dir.join("theirs.txt")).unwrap(), text.as_bytes());
    table.add(row);
    table.add(bare);
}
