//! File systems that a test makes and mounts for itself.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{is_root, skip};

/// Whether a test can run that takes root and these commands. It fails instead of being skipped where
/// `AGENT_BACKENDS_REQUIRE_DISKS` is 1.
pub(crate) fn can(needs: &[&str]) -> bool {
    let absent = needs.iter().find(|need| !is_there(need));
    let why = match absent {
        _ if !is_root() => "it takes root".to_owned(),
        Some(need) => format!("there is no {need}"),
        None => return true,
    };
    let required = std::env::var_os("AGENT_BACKENDS_REQUIRE_DISKS").is_some_and(|v| v == "1");
    assert!(!required, "AGENT_BACKENDS_REQUIRE_DISKS is 1, but {why}");
    skip(&why);
    false
}

/// Returns whether there is a device with this path, or a command with this name.
fn is_there(need: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    need.starts_with('/') && Path::new(need).exists()
        || here.into_iter().any(|dir| dir.join(need).is_file())
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

/// Runs a command that has to succeed.
#[track_caller]
pub(crate) fn must<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) {
    let output = command(program).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
}

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
        must("mount", args.into_iter().chain([at.as_os_str()]));
        Self { at }
    }

    /// Mounts something by a command that takes what and where.
    #[track_caller]
    pub(crate) fn of(mount: &[&str], source: &Path, at: PathBuf) -> Self {
        fs::create_dir_all(&at).unwrap();
        let (program, options) = mount.split_first().unwrap();
        let options = options.iter().map(OsStr::new);
        must(program, options.chain([source.as_os_str(), at.as_os_str()]));
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
        must(program, options.chain([image.as_os_str()]));
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
