//! One file system that is mounted until it is dropped.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::mounts::{command, sh};

/// Something that is mounted until it is dropped.
#[derive(Debug)]
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    /// Mounts a file system in memory at a directory that is made for it.
    #[track_caller]
    pub(crate) fn memory(options: &str, at: PathBuf) -> Self {
        fs::create_dir_all(&at).unwrap();
        let args = ["-t", "tmpfs", "-o", options, "tmpfs"].map(OsStr::new);
        sh("mount", args.into_iter().chain([at.as_os_str()]));
        Self { at }
    }

    /// Mounts something by a command that takes what and where.
    #[track_caller]
    pub(crate) fn of(mount: &[&str], source: &Path, at: PathBuf) -> Self {
        fs::create_dir_all(&at).unwrap();
        let (program, options) = mount.split_first().unwrap();
        let options = options.iter().map(OsStr::new);
        sh(program, options.chain([source.as_os_str(), at.as_os_str()]));
        Self { at }
    }

    /// Makes a file system in a file of this many MiB, and mounts it by a command.
    #[track_caller]
    pub(crate) fn image(
        image: &Path,
        size: u64,
        make: &[&str],
        mount: &[&str],
        at: PathBuf,
    ) -> Self {
        fs::File::create_new(image)
            .unwrap()
            .set_len(size << 20)
            .unwrap();
        let (program, options) = make.split_first().unwrap();
        let options = options.iter().map(OsStr::new);
        sh(program, options.chain([image.as_os_str()]));
        Self::of(mount, image, at)
    }

    pub(crate) fn at(&self) -> &Path {
        &self.at
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A test that fails may leave a file open.
        let _ = command("umount").arg("-l").arg(&self.at).status();
    }
}
