//! Which process owns a sandbox of a provider: a lock next to its directory, released when the process ends.
//!
//! A lock is a file whose name no sandbox can have. The file may stay behind: its existence means nothing, but while it is
//! locked its process runs.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backend_core::SandboxId;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open, stat};
use rustix::io::Errno;

/// How often to try again when the file of a lock was removed while it was being locked, or was locked briefly by a
/// process that checked it.
const MAX_TRIES: usize = 8;
const RETRY_DELAY: Duration = Duration::from_millis(5);

/// The right of this process to a sandbox. It ends when it is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    locked: File,
}

impl Claim {
    /// Claims a sandbox; `None` if any process has already claimed it.
    pub(crate) fn take(root: &Path, id: &SandboxId) -> io::Result<Option<Self>> {
        let path = path_of(root, id);
        let mut taken = false;
        for _ in 0..MAX_TRIES {
            let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = open(&path, flags, Mode::RUSR | Mode::WUSR)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    taken = true;
                    std::thread::sleep(RETRY_DELAY);
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            let (locked, named) = (fstat(&file)?, stat(&path));
            // The previous owner may have removed the file meanwhile; then this lock is on an unlinked file.
            if named.is_ok_and(|named| named.st_ino == locked.st_ino) {
                return Ok(Some(Self {
                    path,
                    locked: file.into(),
                }));
            }
        }
        match taken {
            true => Ok(None),
            false => Err(Errno::AGAIN.into()),
        }
    }

    /// Returns whether a running process has claimed a sandbox.
    pub(crate) fn is_taken(root: &Path, id: &SandboxId) -> io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match open(path_of(root, id), flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(false),
            opened => opened?,
        };
        // A shared lock, so that two concurrent checks do not take each other for an owner.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Releases the claim and removes the lock file.
    pub(crate) fn release(self) -> io::Result<()> {
        // While it is locked, so that no other process's lock is removed.
        std::fs::remove_file(&self.path)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Unlocked explicitly rather than by the close: a child that is just being started may keep the file open a moment
        // longer.
        let _ = flock(&self.locked, FlockOperation::Unlock);
    }
}

fn path_of(root: &Path, id: &SandboxId) -> PathBuf {
    // No id starts with a dot.
    root.join(format!(".{id}.lock"))
}

#[cfg(test)]
mod tests {
    use backend_core::SandboxId;

    use super::Claim;

    #[test]
    fn a_claim_excludes_others_until_it_ends() {
        let root = tempfile::tempdir().unwrap();
        let id = SandboxId::parse("a").unwrap();
        assert!(!Claim::is_taken(root.path(), &id).unwrap());
        let claim = Claim::take(root.path(), &id).unwrap().unwrap();
        assert!(Claim::is_taken(root.path(), &id).unwrap());
        assert!(Claim::take(root.path(), &id).unwrap().is_none());
        drop(claim);
        assert!(!Claim::is_taken(root.path(), &id).unwrap());
        let again = Claim::take(root.path(), &id).unwrap().unwrap();
        again.release().unwrap();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
