//! The kinds of file system that a test can make: on an image, in memory, or over another directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Mount, image, must};
use crate::faulty::{Fault, Faulty};

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ext4,
    /// ext4 with inodes of 128 bytes: times have whole seconds.
    Ext4Small,
    Xfs,
    Btrfs,
    Tmpfs,
    /// Over a lower directory that holds the directories of the tests.
    Overlay,
    FuseOverlay,
    Ntfs3g,
    /// Case-insensitive NTFS.
    LowNtfs3g,
    Sshfs,
    Bindfs,
    /// The faulty one, with faults that a backend can tolerate.
    Faulty(&'static [Fault]),
}

/// How many directories a lower layer has.
pub(crate) const LOWER: usize = 500;

/// A file system of some kind, until it is dropped.
#[derive(Debug)]
pub(crate) struct Made {
    root: PathBuf,
    // In the order in which they are unmounted.
    _faulty: Option<Faulty>,
    _mounts: Vec<Mount>,
}

impl Made {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Kind {
    /// The commands and devices that it takes.
    pub(crate) fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Ext4 | Self::Ext4Small => &["mkfs.ext4", "/dev/loop-control"],
            Self::Xfs => &["mkfs.xfs", "/dev/loop-control"],
            Self::Btrfs => &["mkfs.btrfs", "/dev/loop-control"],
            Self::Tmpfs | Self::Overlay => &[],
            Self::FuseOverlay => &["fuse-overlayfs", "/dev/fuse"],
            Self::Ntfs3g => &["mkfs.ntfs", "ntfs-3g", "/dev/fuse"],
            Self::LowNtfs3g => &["mkfs.ntfs", "lowntfs-3g", "/dev/fuse"],
            Self::Sshfs => &["sshfs", SFTP_SERVER, "/dev/fuse"],
            Self::Bindfs => &["bindfs", "/dev/fuse"],
            Self::Faulty(_) => &["/dev/fuse"],
        }
    }

    /// Makes one below a directory.
    pub(crate) fn make(self, dir: &Path) -> Made {
        let root = dir.join("mnt");
        fs::create_dir_all(&root).unwrap();
        let mut made = Made {
            root: root.clone(),
            _faulty: None,
            _mounts: Vec::new(),
        };
        made._mounts = match self {
            Self::Ext4 => on_image(dir, 128, &["mkfs.ext4", "-q", "-F"]),
            Self::Ext4Small => on_image(dir, 128, &["mkfs.ext4", "-q", "-F", "-I", "128"]),
            Self::Xfs => on_image(dir, 320, &["mkfs.xfs", "-q"]),
            Self::Btrfs => on_image(dir, 256, &["mkfs.btrfs", "-q"]),
            Self::Tmpfs => vec![Mount::new(&["-t", "tmpfs"], Path::new("none"), &root)],
            Self::Overlay => {
                let memory = Mount::new(&["-t", "tmpfs"], Path::new("none"), &dir.join("layers"));
                let options = layers(memory.at());
                let mount =
                    Mount::new(&["-t", "overlay", "-o", &options], Path::new("none"), &root);
                vec![mount, memory]
            }
            Self::FuseOverlay => {
                let options = layers(&dir.join("layers"));
                by_server("fuse-overlayfs", &["-o", &options], None, &root)
            }
            Self::Ntfs3g => on_ntfs("ntfs-3g", &[], dir),
            Self::LowNtfs3g => on_ntfs("lowntfs-3g", &["-o", "ignore_case"], dir),
            Self::Sshfs => {
                let script = dir.join("ssh");
                fs::write(&script, format!("#!/bin/sh\nexec {SFTP_SERVER}\n")).unwrap();
                fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
                let command = format!("ssh_command={}", script.display());
                let far = format!("host:{}", source(dir).display());
                by_server("sshfs", &["-o", &command], Some(Path::new(&far)), &root)
            }
            Self::Bindfs => by_server("bindfs", &[], Some(&source(dir)), &root),
            Self::Faulty(faults) => {
                let faulty = Faulty::mount(dir, faults);
                made.root = faulty.root().to_path_buf();
                made._faulty = Some(faulty);
                Vec::new()
            }
        };
        made
    }
}

const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

fn on_image(dir: &Path, size: u64, make: &[&str]) -> Vec<Mount> {
    let file = dir.join("image");
    image(&file, size, make);
    vec![Mount::new(&["-o", "loop"], &file, &dir.join("mnt"))]
}

fn on_ntfs(program: &str, options: &[&str], dir: &Path) -> Vec<Mount> {
    let file = dir.join("image");
    image(&file, 192, &["mkfs.ntfs", "-q", "-F"]);
    by_server(program, options, Some(&file), &dir.join("mnt"))
}

fn source(dir: &Path) -> PathBuf {
    let source = dir.join("source");
    fs::create_dir_all(&source).unwrap();
    source
}

/// Mounts by a program that goes to the background once it has mounted.
fn by_server(program: &str, options: &[&str], source: Option<&Path>, at: &Path) -> Vec<Mount> {
    let options = options.iter().map(Path::new);
    must(program, options.chain(source).chain([at]));
    vec![Mount::guard(at)]
}

/// Makes the layers of an overlay, and returns the options that name them.
fn layers(dir: &Path) -> String {
    for number in 0..LOWER {
        fs::create_dir_all(dir.join(format!("lower/{number}"))).unwrap();
    }
    fs::create_dir_all(dir.join("lower/some/where")).unwrap();
    fs::write(dir.join("lower/some/where/f"), "of the lower layer").unwrap();
    for name in ["upper", "work"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    let part = |name| dir.join(name).display().to_string();
    let (lower, upper, work) = (part("lower"), part("upper"), part("work"));
    format!("lowerdir={lower},upperdir={upper},workdir={work}")
}
