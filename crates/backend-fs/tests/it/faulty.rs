//! A file system that fails on request. It passes everything else on to a directory.
//!
//! Its server is a separate process: a test that waits for the file system never waits for itself.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use backend_fs::FsBackend;

use crate::disks::Mount;
use crate::support::{argument_of_child, child};

mod actions;
mod nodes;
mod server;

/// A way to fail or misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A name that contains `bad` cannot be looked up: `EIO`.
    BadEntry,
    /// The lookup of a name that contains `slow` hangs as long as [`Faulty::set`] leaves this on.
    LookHangs,
    /// Everything has 0 links.
    NoLinkCount,
    /// An inode has another number with each lookup.
    RandomInodes,
    /// Files have the size 0, whatever their content, as in `/proc`.
    SizeZero,
    /// Files have the size 4096, whatever their content, as in `/sys`.
    SizePage,
    /// Times have whole seconds.
    WholeSeconds,
    /// The mode grants no permissions.
    NoModes,
    /// Directories return each name twice.
    NamesTwice,
    /// A rename replaces nothing: `EEXIST`.
    NoClobber,
    /// A file whose name contains `bad` cannot be removed: `EIO`.
    RemoveFails,
    /// A rename fails: `EIO`.
    RenameFails,
    /// A rename with flags is not known: `EINVAL`.
    NoRenameFlags,
    /// There are no hard links: `ENOSYS`.
    NoLinks,
    /// Modes and owners cannot be set: `ENOSYS`.
    NoChmod,
    /// Modes and owners must not be set: `EPERM`.
    ChmodDenied,
    /// Modes that are set are forgotten, without an error.
    ChmodIgnored,
    /// The first open of each file is interrupted: `EINTR`.
    OpenInterrupted,
    /// The first open of each file finds a stale handle: `ESTALE`.
    OpenStale,
    /// The first read of each file is interrupted: `EINTR`.
    ReadInterrupted,
    /// A read from beyond 128 KiB fails: `EIO`.
    ReadFails,
    /// A read of a file with `slow` in its content hangs for as long as [`Faulty::set`] leaves this on.
    ReadHangs,
    /// A read returns a third of the requested bytes.
    ShortReads,
    /// A file that begins with `endless` continues with `yes` forever, and its size is 0.
    Endless,
    /// Data written beyond 100 kB is lost, and only a flush, including that of a close, reports it:
    /// `ENOSPC`.
    LostAtClose,
    /// A write takes half of the bytes.
    ShortWrites,
    /// There is no space for data beyond 100 kB: `ENOSPC`.
    DiskFull,
    /// Files cannot be synced: `EINVAL`.
    NoSync,
    /// Directories cannot be synced: `EINVAL`.
    NoDirSync,
    /// Syncing a file fails: `EIO`.
    SyncFails,
    /// Syncing a directory with the name `slow` hangs as long as [`Faulty::set`] leaves this on.
    DirSyncHangs,
    /// Syncing a directory fails: `EIO`.
    DirSyncFails,
    /// The server was restarted: it answers `ESTALE` to everything.
    Stale,
    /// The removal of an entry with `slow` in its name hangs as long as [`Faulty::set`] leaves this on.
    RemovalHangs,
}

/// A set of faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults(u64);

impl Faults {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self(faults.iter().fold(0, |all, fault| all | 1 << *fault as u64))
    }

    fn has(self, fault: Fault) -> bool {
        self.0 & 1 << fault as u64 != 0
    }
}

/// The file system, mounted until it is dropped.
#[derive(Debug)]
pub(crate) struct Faulty {
    source: PathBuf,
    mount: Option<Mount>,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    server: Child,
}

impl Faulty {
    /// Mounts one below a directory, over an empty one.
    pub(crate) fn mount(dir: &Path, faults: &[Fault]) -> Self {
        let source = dir.join("source");
        fs::create_dir_all(&source).unwrap();
        let at = dir.join("faulty");
        fs::create_dir_all(&at).unwrap();
        let mut server = child("faulty::a_child_that_serves", "server", dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = server.stdin.take();
        let output = BufReader::new(server.stdout.take().unwrap());
        let mut faulty = Self {
            source,
            mount: Some(Mount::guard(&at)),
            input,
            output,
            server,
        };
        faulty.wait_for("mounted");
        faulty.set(faults);
        faulty
    }

    /// Replaces the faults. Requests in progress see them too.
    pub(crate) fn set(&mut self, faults: &[Fault]) {
        let faults = Faults::new(faults);
        writeln!(self.input.as_mut().unwrap(), "{}", faults.0).unwrap();
        self.wait_for("set");
    }

    /// Waits until a request hangs.
    pub(crate) fn wait_until_it_hangs(&mut self) {
        self.wait_for("hangs");
    }

    /// Ends all faults, also if the server is gone. Nothing hangs from then on.
    pub(crate) fn end_hanging(&mut self) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "0");
        }
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while line.trim_end() != word {
            line.clear();
            let read = self.output.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the server ended before it said '{word}'");
        }
    }

    /// Where it is mounted.
    pub(crate) fn root(&self) -> &Path {
        self.mount.as_ref().unwrap().at()
    }

    /// The directory behind it, without any fault.
    pub(crate) fn source(&self) -> &Path {
        &self.source
    }

    pub(crate) fn backend(&self) -> FsBackend {
        FsBackend::open(self.root()).unwrap()
    }

    /// Ends the server and leaves the mount, as a crash of the server does.
    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.end_hanging();
        self.mount = None;
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The server. Elsewhere it is an empty test.
#[test]
fn a_child_that_serves() {
    if let Some(dir) = argument_of_child("server") {
        server::serve(&dir.join("source"), &dir.join("faulty"));
    }
}

mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::{Fault, Faulty};
    use crate::disks::alone;

    #[test]
    fn without_faults_it_is_the_directory_behind_it() {
        alone(&["/dev/fuse"], |dir| {
            let faulty = Faulty::mount(dir, &[]);
            let root = faulty.root();
            fs::create_dir(root.join("d")).unwrap();
            fs::write(root.join("d/f"), "one\n".repeat(100_000)).unwrap();
            symlink("d/f", root.join("l")).unwrap();
            fs::hard_link(root.join("d/f"), root.join("d/g")).unwrap();
            fs::rename(root.join("d/f"), root.join("h")).unwrap();
            let text = fs::read(root.join("d/g")).unwrap();
            assert_eq!(text, fs::read(faulty.source().join("h")).unwrap());
            assert_eq!(text.len(), 400_000);
            assert_eq!(fs::metadata(root.join("h")).unwrap().nlink(), 2);
            assert_eq!(fs::read_dir(root).unwrap().count(), 3);
            fs::remove_file(root.join("l")).unwrap();
            fs::remove_dir_all(root.join("d")).unwrap();
            assert_eq!(fs::read_dir(faulty.source()).unwrap().count(), 1);
        });
    }

    #[test]
    fn faults_come_and_go_and_the_server_ends_with_a_panic() {
        alone(&["/dev/fuse"], |dir| {
            let root = dir.join("faulty");
            let panic = std::panic::catch_unwind(|| {
                let mut faulty = Faulty::mount(dir, &[]);
                fs::write(root.join("f"), "text").unwrap();
                faulty.set(&[Fault::BadEntry, Fault::NoLinkCount]);
                assert_eq!(fs::metadata(root.join("f")).unwrap().nlink(), 0);
                let error = fs::metadata(root.join("bad")).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(5));
                faulty.set(&[]);
                assert_eq!(fs::metadata(root.join("f")).unwrap().nlink(), 1);
                panic!("on purpose");
            });
            let words = panic.unwrap_err();
            assert_eq!(words.downcast_ref(), Some(&"on purpose"));
            assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "it is unmounted");
        });
    }
}
