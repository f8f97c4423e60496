//! Which process a sandbox of a provider belongs to: a lock beside its directory, which ends with the process.
//!
//! A lock is a file of a name that no sandbox can have. It may stay behind; that it is there means nothing, that it is locked
//! means that its process runs.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backend_core::SandboxId;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open, stat};
use rustix::io::Errno;

/// How often to try again when the file of a lock was removed while it was being locked, or was locked for a moment by a
/// process that asked whether it is.
const TRIES: usize = 8;
const MOMENT: Duration = Duration::from_millis(5);

/// The right of this process to a sandbox. It ends when it is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    locked: File,
}

impl Claim {
    /// Claims a sandbox; `None` if it is claimed, by whatever process.
    pub(crate) fn take(root: &Path, id: &SandboxId) -> io::Result<Option<Self>> {
        let path = path_of(root, id);
        let mut taken = false;
        for _ in 0..TRIES {
            let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = open(&path, flags, Mode::RUSR | Mode::WUSR)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    taken = true;
                    std::thread::sleep(MOMENT);
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            let (locked, named) = (fstat(&file)?, stat(&path));
            // Whoever claimed it before may have removed the file meanwhile, and then this lock is of no name.
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

    /// Returns whether a process that runs has claimed a sandbox.
    pub(crate) fn is_taken(root: &Path, id: &SandboxId) -> io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match open(path_of(root, id), flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(false),
            opened => opened?,
        };
        // A shared lock, so that two who ask do not take each other for an owner.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the sandbox up, and removes the file of the lock.
    pub(crate) fn release(self) -> io::Result<()> {
        // While it is locked, so that nobody's lock is removed.
        std::fs::remove_file(&self.path)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Said, and not left to the close: a child that is just being started may have the file open for a moment longer.
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
