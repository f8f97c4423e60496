//! The process that changes files until it is killed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use backend_core::text::line_hash;
use backend_core::{
    Backend, BackendExt, EditRequest, LineAnchor, LineEdit, RenameRequest, Replacement,
};
use backend_fs::FsBackend;

use super::How;
use super::plan::{Change, World};
use crate::support::{argument_of_child, fully_durable, p, run};

/// The worker. Elsewhere it is an empty test.
#[test]
fn a_child_that_changes_files() {
    let Some(dir) = argument_of_child("worker") else {
        return;
    };
    let how = fs::read_to_string(dir.join("how")).unwrap();
    let how = [How::Content, How::Full, How::Naive]
        .into_iter()
        .find(|known| format!("{known:?}") == how)
        .unwrap();
    let root = dir.join("mnt");
    let mut log = OpenOptions::new()
        .append(true)
        .open(dir.join("log"))
        .unwrap();
    let mut world = World::new();
    run(async {
        let backend = match how {
            How::Full => fully_durable(&root),
            _ => FsBackend::open(&root).unwrap(),
        };
        loop {
            let change = world.next();
            log.write_all(b"b").unwrap();
            match how {
                How::Naive => naively(&root, &change),
                _ => by_backend(&backend, &change).await.unwrap(),
            }
            log.write_all(b"d").unwrap();
        }
    });
}

async fn by_backend(backend: &FsBackend, change: &Change) -> backend_core::Result<()> {
    let at = |path: &str| p(&format!("/{path}"));
    match change {
        Change::Write { path, new } => {
            backend.write(at(path), new.text()).await?;
        }
        Change::Edit { path, old, new } => {
            let all = Replacement::all(old.word(), new.word());
            backend
                .edit_with(&EditRequest::exact(at(path), vec![all]))
                .await?;
        }
        Change::Patch { path, old, new } => {
            let line = LineAnchor::new(old.lines() + 2, line_hash(&old.last_line()));
            let edit = LineEdit::Replace {
                first: line.clone(),
                last: line,
                text: new.last_line(),
            };
            backend
                .edit_with(&EditRequest::lines(at(path), vec![edit]))
                .await?;
        }
        Change::Rename { from, to } => {
            let request = RenameRequest::new(at(from), at(to)).overwrite();
            backend.rename_with(&request).await?;
        }
        Change::Delete { path } => {
            backend.delete(at(path)).await?;
        }
    }
    Ok(())
}

/// Changes files like programs that ignore the disk.
fn naively(root: &Path, change: &Change) {
    match change {
        Change::Write { path, new }
        | Change::Edit { path, new, .. }
        | Change::Patch { path, new, .. } => {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let temporary = path.with_extension("tmp");
            let mut file = File::create(&temporary).unwrap();
            file.write_all(new.text().as_bytes()).unwrap();
            drop(file);
            fs::rename(temporary, path).unwrap();
        }
        Change::Rename { from, to } => {
            let to = root.join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::rename(root.join(from), to).unwrap();
        }
        Change::Delete { path } => fs::remove_file(root.join(path)).unwrap(),
    }
}
