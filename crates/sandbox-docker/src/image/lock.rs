//! One build at a time for one image, across the processes of a user on a machine.
//!
//! It is a kernel lock on a file, so it is released however its holder ends. If locking is not possible, builds continue without
//! it: two concurrent builds of one image only cost time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags};

/// The initial and maximum delay before the lock is tried again.
const MIN_BACKOFF: Duration = Duration::from_millis(20);
const MAX_BACKOFF: Duration = Duration::from_millis(250);

/// A lock, held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: Option<File>,
    path: PathBuf,
}

/// Waits for the lock of this name. `waiting` is called once if another process holds it.
pub(super) async fn acquire(name: &str, waiting: impl FnOnce()) -> Lock {
    match directory() {
        Ok(directory) => acquire_in(&directory, name, waiting).await,
        Err(error) => {
            tracing::warn!(%error, "no directory for locks; not waiting for builds of other processes");
            Lock {
                file: None,
                path: PathBuf::new(),
            }
        }
    }
}

async fn acquire_in(directory: &Path, name: &str, waiting: impl FnOnce()) -> Lock {
    let path = directory.join(format!("{name}.lock"));
    let mut waiting = Some(waiting);
    let mut wait = MIN_BACKOFF;
    loop {
        match try_acquire(&path) {
            Ok(Some(file)) => {
                return Lock {
                    file: Some(file),
                    path,
                };
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a lock cannot be taken; not waiting for builds of other processes");
                return Lock { file: None, path };
            }
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(MAX_BACKOFF);
    }
}

/// Takes the lock if it is free.
fn try_acquire(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default())
        .open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // The last holder removed the file. This lock is then on a removed file, which the next process will not see.
    let there = std::fs::symlink_metadata(path);
    let own = file.metadata()?;
    let same = there.is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
    Ok(same.then_some(file))
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Before the lock is released, so that the next holder sees that the file is gone.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Returns a directory that only this user can access.
fn directory() -> io::Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let directory = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|directory| directory.is_absolute() && directory.is_dir())
        .map_or_else(
            || std::env::temp_dir().join(format!("agent-backends-{user}")),
            |directory| directory.join("agent-backends"),
        );
    own_directory(&directory, user)?;
    Ok(directory)
}

/// Creates a directory that no other user can write to, or makes sure that an existing one is.
fn own_directory(directory: &Path, user: u32) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let there = std::fs::symlink_metadata(directory)?;
    if !there.is_dir() || there.uid() != user || there.mode() & 0o022 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "other users can write to the directory for locks",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{acquire_in, own_directory, try_acquire};

    #[tokio::test(start_paused = true)]
    async fn a_second_process_is_notified_that_it_waits_for_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let waited = AtomicUsize::new(0);
        let waiting = || {
            waited.fetch_add(1, Ordering::SeqCst);
        };
        let first = acquire_in(dir.path(), "a", waiting).await;
        let _other = acquire_in(dir.path(), "b", waiting).await;
        assert_eq!(waited.load(Ordering::SeqCst), 0);
        let next = acquire_in(dir.path(), "a", waiting);
        tokio::pin!(next);
        assert!(futures_util::poll!(&mut next).is_pending());
        assert_eq!(waited.load(Ordering::SeqCst), 1);
        drop(first);
        let next = next.await;
        assert!(next.file.is_some());
        drop(next);
        assert!(!dir.path().join("a.lock").exists());
        assert!(dir.path().join("b.lock").exists());
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        std::os::unix::fs::symlink(dir.path().join("target"), &path).unwrap();
        assert!(try_acquire(&path).is_err());
        assert!(!dir.path().join("target").exists());
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let user = rustix::process::geteuid().as_raw();
        let path = dir.path().join("locks");
        own_directory(&path, user).unwrap();
        own_directory(&path, user).unwrap();
        assert!(own_directory(&path, user.wrapping_add(1)).is_err());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(own_directory(&path, user).is_err());
    }
}
