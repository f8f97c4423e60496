//! Files: whether a directory can be opened and confines its content.

use backend_core::{BackendExt, Error, ErrorKind};
use backend_fs::FsBackend;

use super::Check;

/// Writes, reads, and tries to escape.
pub(super) async fn confinement() -> Check {
    let name = "files";
    let failed = |detail: String| {
        Check::fail(
            name,
            detail,
            "the temporary directory must be writable; set TMPDIR to use another one",
        )
    };
    let directory = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => return failed(format!("no temporary directory: {error}")),
    };
    let inside = directory.path().join("inside");
    let secret = directory.path().join("secret");
    let set_up = std::fs::write(&secret, "secret")
        .and_then(|()| std::fs::create_dir(&inside))
        .and_then(|()| std::os::unix::fs::symlink("../secret", inside.join("link")));
    if let Err(error) = set_up {
        return failed(format!("the temporary directory does not work: {error}"));
    }
    let tried = async {
        let files = FsBackend::open(&inside)?;
        files.write("/a/b.txt", "text").await?;
        files.edit("/a/b.txt", "text", "more text").await?;
        let text = files.read("/a/b.txt").await?.text;
        let escape = files.read("/link").await;
        Ok::<_, Error>((text, escape.err().map(|error| error.kind())))
    };
    match tried.await {
        Ok((text, Some(ErrorKind::PermissionDenied))) if text == "more text" => {
            Check::ok(name, "a directory can be written, read and not escaped")
        }
        Ok(_) => Check::fail(
            name,
            "writes or refusals were not as expected",
            "do not use --root here: this is a bug in the file system or in this program",
        ),
        Err(error) => failed(error.to_string()),
    }
}

/// Whether the kernel confines paths, or this program does it step by step.
#[cfg(target_os = "linux")]
pub(super) fn handles() -> Check {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(CWD, "/", flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS) {
        Ok(_) => Check::ok("openat2", "the kernel confines paths"),
        Err(error) => Check::warn(
            "openat2",
            format!("not available: {error}; paths are confined step by step, which is slower"),
            "it needs Linux 5.6, and a system call filter that permits it",
        ),
    }
}

/// Whether the kernel confines paths, or this program does it step by step.
#[cfg(not(target_os = "linux"))]
pub(super) fn handles() -> Check {
    let detail = "not on this system; paths are confined step by step, which is slower";
    Check::warn("openat2", detail, "it is equally safe")
}
