//! File systems of all kinds, created for one test and removed after it.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{is_root, skip};

/// Whether this machine can make and mount file systems with these programs. Says what is missing, or fails where
/// disks are required.
pub(crate) fn can_mount(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|name| !is_installed(name)).collect();
    if is_root() && missing.is_empty() && Path::new("/dev/loop-control").exists() {
        return true;
    }
    let why = format!("it needs root, loop devices and {programs:?}; missing: {missing:?}");
    assert!(
        std::env::var_os("AGENT_BACKENDS_REQUIRE_DISKS").is_none_or(|value| value != "1"),
        "{why}"
    );
    skip(&why);
    false
}

/// Returns whether there is a program of this name, or a device at this path.
fn is_installed(program: &str) -> bool {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&dirs)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|dir: PathBuf| dir.join(program).exists())
}

/// Returns a command that finds programs of administrators too.
pub(crate) fn command(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end; it must succeed.
#[track_caller]
pub(crate) fn sh<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) {
    let output = command(program).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
}

/// A directory for images and mounts. The mounts are unmounted in reverse order on drop.
#[derive(Debug)]
pub(crate) struct Bench {
    dir: TempDir,
    mounted: Vec<PathBuf>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            mounted: Vec::new(),
        }
    }

    /// Returns a path in it as text for a command line.
    pub(crate) fn at(&self, name: &str) -> String {
        let path = self.dir.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    /// Makes a directory in it.
    pub(crate) fn dir(&self, name: &str) -> String {
        std::fs::create_dir_all(self.dir.path().join(name)).unwrap();
        self.at(name)
    }

    /// Mounts something by a program whose last argument is the directory.
    #[track_caller]
    pub(crate) fn mount(&mut self, program: &str, args: &[&str], name: &str) -> String {
        let at = self.dir(name);
        let mut all = args.to_vec();
        all.push(&at);
        sh(program, &all);
        self.mounted.push(PathBuf::from(&at));
        at
    }

    /// Mounts a new file system of this many megabytes in a file.
    #[track_caller]
    pub(crate) fn disk(&mut self, mkfs: &[&str], megabytes: u64, name: &str) -> String {
        let image = self.at(&format!("{}.img", name.replace('/', "-")));
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(megabytes << 20).unwrap();
        let (program, args) = mkfs.split_first().unwrap();
        let mut args = args.to_vec();
        args.push(&image);
        sh(program, &args);
        self.mount("mount", &["-o", "loop", &image], name)
    }

    /// Mounts an overlay of `lower`, which is there, below an empty upper directory.
    #[track_caller]
    pub(crate) fn overlay(&mut self, lower: &str, name: &str) -> String {
        let parts = self.mount("mount", &["-t", "tmpfs", "parts"], &format!("{name}-parts"));
        for part in ["upper", "work"] {
            std::fs::create_dir(Path::new(&parts).join(part)).unwrap();
        }
        let options = format!("lowerdir={lower},upperdir={parts}/upper,workdir={parts}/work");
        self.mount("mount", &["-t", "overlay", "overlay", "-o", &options], name)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        while let Some(at) = self.mounted.pop() {
            // A test that failed may still have something open.
            let _ = command("umount").arg("-l").arg(at).status();
        }
    }
}

/// Returns what is in a directory, one line an entry: path, mode and number, and for a file the size and the
/// content's start. Directories below other mounts count too.
pub(crate) fn tree(dir: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut todo = vec![PathBuf::from(dir)];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let mut line = format!("{} {:o} {}", path.display(), meta.mode(), meta.ino());
            if meta.is_file() {
                let content = std::fs::read(&path).unwrap();
                let start = &content[..content.len().min(64)];
                let start = String::from_utf8_lossy(start);
                line += &format!(" {} {start:?} {}", meta.len(), meta.mtime_nsec());
            } else if meta.is_dir() {
                todo.push(path);
            }
            lines.push(line);
        }
    }
    lines.sort();
    lines
}

/// The names in a directory, hidden and reserved ones too.
pub(crate) fn names(dir: &str) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
