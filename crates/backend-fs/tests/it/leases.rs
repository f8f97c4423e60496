//! Files under a lease, as a file server holds for its clients: operations wait for them, and leave them out of nothing.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use backend_core::{Backend, BackendExt, GrepRequest, RenameRequest, Truncation};
#[cfg(target_os = "linux")]
use backend_fs::FsBackend;

#[cfg(target_os = "linux")]
use crate::disks::{Mount, alone};
use crate::support::{Host, fully_durable, p, run, skip};

/// Takes a write lease on a file, and says so; says when another process wants the file; and releases the lease on
/// request.
const HOLDER: &str = r#"
use Fcntl;
$| = 1;
$SIG{IO} = sub {
    print "wanted\n";
    <STDIN>;
    fcntl(F, 1024, F_UNLCK) or die "give back: $!";
};
open(F, "+<", $ARGV[0]) or die "open: $!";
fcntl(F, 1024, F_WRLCK) or die "lease: $!";
print "held\n";
sleep 1 while 1;
"#;

/// A program that holds a lease.
struct Holder {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Holder {
    /// `None` where no program can hold a lease on the file.
    fn of(path: &Path) -> Option<Self> {
        let mut child = Command::new("perl")
            .args(["-e", HOLDER])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let says = BufReader::new(child.stdout.take().unwrap());
        let mut holder = Self { child, says };
        (holder.next() == "held").then_some(holder)
    }

    /// Waits for the next thing that it says.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn give_back(&mut self) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn leased(host: &Host) -> Option<Holder> {
    host.put("leased.txt", "alpha leased\n");
    host.put("other.txt", "alpha other\n");
    let holder = Holder::of(&host.root().join("leased.txt"));
    if holder.is_none() {
        skip("no lease can be held here, or there is no perl");
    }
    holder
}

/// Does something that needs the file, and releases the lease once that waits.
fn meanwhile<T: Send + 'static>(
    holder: &mut Holder,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    run(async {
        let working = tokio::spawn(work);
        assert_eq!(tokio::task::block_in_place(|| holder.next()), "wanted");
        holder.give_back();
        working.await.unwrap()
    })
}

#[test]
fn a_search_waits_for_a_lease_and_leaves_the_file_out_of_nothing() {
    let host = Host::new();
    let Some(mut holder) = leased(&host) else {
        return;
    };
    let backend = host.backend();
    let found = meanwhile(&mut holder, async move { backend.grep("alpha").await });
    let found = found.unwrap();
    assert_eq!((found.matches.len(), found.skipped.unreadable), (2, 0));
    assert_eq!(found.truncated, None);
}

#[test]
fn a_read_and_an_edit_wait_for_a_lease() {
    let host = Host::new();
    let Some(mut holder) = leased(&host) else {
        return;
    };
    let backend = host.backend();
    let page = meanwhile(
        &mut holder,
        async move { backend.read("/leased.txt").await },
    );
    assert_eq!(page.unwrap().text, "alpha leased\n");
    drop(holder);
    let mut holder = leased(&host).unwrap();
    let backend = host.backend();
    let edit = async move { backend.edit("/leased.txt", "leased", "edited").await };
    meanwhile(&mut holder, edit).unwrap();
    assert_eq!(host.get("leased.txt"), b"alpha edited\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_directory_that_moves_to_another_disk_waits_for_a_lease() {
    alone(&["perl"], |dir| {
        let _far = Mount::new(&["-t", "tmpfs"], Path::new("none"), &dir.join("far"));
        let tree = dir.join("near/tree");
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("leased.txt"), "alpha leased\n").unwrap();
        let Some(mut holder) = Holder::of(&tree.join("leased.txt")) else {
            return skip("no lease can be held here");
        };
        let backend = FsBackend::open(dir).unwrap();
        let moving = async move { backend.rename("/near/tree", "/far/tree").await };
        meanwhile(&mut holder, moving).unwrap();
        let moved = std::fs::read(dir.join("far/tree/leased.txt")).unwrap();
        assert_eq!(moved, b"alpha leased\n");
        assert!(!tree.exists());
    });
}

#[test]
fn a_file_under_a_lease_can_be_moved() {
    let host = Host::new();
    for to in ["/other.txt", "/new.txt"] {
        let Some(mut holder) = leased(&host) else {
            return;
        };
        // To replace something, or for full durability, its content must be on the disk first.
        let backend = match to {
            "/other.txt" => host.backend(),
            _ => fully_durable(&host.root()),
        };
        let request = RenameRequest::new(p("/leased.txt"), p(to)).overwrite();
        let moved = meanwhile(
            &mut holder,
            async move { backend.rename_with(&request).await },
        );
        assert!(moved.unwrap().atomic);
        assert_eq!(host.get(&to[1..]), b"alpha leased\n");
        assert!(!host.root().join("leased.txt").exists());
    }
}

#[test]
fn a_search_with_less_time_returns_the_other_results() {
    let host = Host::new();
    let Some(mut holder) = leased(&host) else {
        return;
    };
    let backend = host.backend();
    let found = run(async {
        let request = GrepRequest::new("alpha").timeout(Duration::from_millis(100));
        backend.grep_with(&request).await.unwrap()
    });
    assert_eq!(holder.next(), "wanted");
    assert_eq!(found.truncated, Some(Truncation::Time));
    // The file that is under a lease comes first, and what it holds back depends on the number of cores.
    assert!(
        found
            .matches
            .iter()
            .all(|found| found.text == "alpha other")
    );
}

#[test]
fn waiting_for_a_lease_blocks_no_other_file() {
    let host = Host::new();
    let Some(mut holder) = leased(&host) else {
        return;
    };
    let (backend, other) = (host.backend(), host.backend());
    run(async {
        let edit = async move { backend.edit("/leased.txt", "leased", "edited").await };
        let editing = tokio::spawn(edit);
        assert_eq!(tokio::task::block_in_place(|| holder.next()), "wanted");
        let limit = Duration::from_secs(300);
        let writes = async {
            for n in 0..2000 {
                other.write(format!("/n{n}"), "x").await.unwrap();
            }
        };
        tokio::time::timeout(limit, writes)
            .await
            .expect("a write waits for another file");
        assert!(!editing.is_finished(), "the lease is still held");
        holder.give_back();
        editing.await.unwrap().unwrap();
    });
    assert_eq!(host.get("leased.txt"), b"alpha edited\n");
}
