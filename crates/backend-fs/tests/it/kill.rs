//! Killed writers: the file has the old content or the new, complete; their leftovers are hidden, and
//! removable.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;
use std::time::Duration;

use backend_core::{Backend, BackendExt, GlobRequest, GrepRequest};
use backend_fs::FsBackend;

use crate::support::{Host, argument_of_child, child, run};

const KILLS: usize = 250;

/// Large enough that a kill often falls into the middle of it.
const SIZE: usize = 800_000;

/// The content of the file before the edit, with `old` as its first line, and after it.
fn content(first: &str) -> String {
    let line = "x".repeat(79) + "\n";
    format!("{first}\n{}", line.repeat(SIZE / 80))
}

/// The child: it writes, or edits, until it is killed. Elsewhere it is an empty test.
#[test]
fn a_child_that_writes() {
    use std::io::Write;
    let writes = argument_of_child("writer");
    let edits = argument_of_child("editor");
    let Some(root) = writes.as_ref().or(edits.as_ref()) else {
        return;
    };
    let backend = FsBackend::open(root).unwrap();
    println!("\nready");
    std::io::stdout().flush().unwrap();
    run(async {
        while writes.is_some() {
            backend.write("/d/f", content("old")).await.unwrap();
            backend.write("/d/f", content("new")).await.unwrap();
        }
        loop {
            // One of them matches what the child before this one left.
            let _ = backend.edit("/d/f", "old", "new").await;
            let _ = backend.edit("/d/f", "new", "old").await;
        }
    });
}

#[test]
fn a_killed_writer_leaves_old_or_new_content_and_nothing_visible() {
    let host = Host::new();
    host.put("d/f", content("new"));
    let file = host.root().join("d/f");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o751)).unwrap();
    let (old, new) = (content("old").into_bytes(), content("new").into_bytes());
    let mut seen = [0, 0];
    let litter = || fs::read_dir(host.root().join("d")).unwrap().count() - 1;
    let mut round = 0;
    // A kill within a write is rare: the test continues until there was one.
    while round < KILLS || (litter() == 0 && round < 20 * KILLS) {
        round += 1;
        let role = if round % 2 == 0 { "writer" } else { "editor" };
        let mut writer = child("kill::a_child_that_writes", role, host.root())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        // The moment of the kill sweeps through everything that the child does.
        std::thread::sleep(Duration::from_micros(97 * (round as u64 % 90)));
        writer.kill().unwrap();
        writer.wait().unwrap();

        let found = fs::read(&file).unwrap();
        assert!(found == old || found == new, "round {round}: a torn file");
        seen[usize::from(found == new)] += 1;
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o751);
    }
    println!(
        "{} kills left the one content, {} the other",
        seen[0], seen[1]
    );

    let on_disk = litter();
    run(async {
        let backend = host.backend();
        assert_eq!(backend.ls("/d").await.unwrap().items.len(), 1);
        let all = GlobRequest::new("**").hidden().ignored();
        assert_eq!(backend.glob_with(&all).await.unwrap().items.len(), 1);
        let grep = GrepRequest::new("old|new|x").hidden().ignored();
        assert_eq!(backend.grep_with(&grep).await.unwrap().searched, 1);
        let removed = backend.remove_leftovers().await.unwrap();
        println!("{round} kills left {removed} temporary files");
        assert_eq!(removed, on_disk as u64);
        assert!(removed > 0, "no kill fell into a write");
    });
    assert_eq!(litter(), 0);
}
