//! The lock of a workspace root, and the token of its holder.
//!
//! There are two locks: on the root itself, which cannot be removed, and on its lock file, which older versions check. The token
//! is written before the holder writes anything else.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use backend_core::{Error, Result};

use super::{Flush, LOCK, TOKEN, platform, write};
use crate::guard::{Guard, holds};

#[derive(Debug)]
pub(super) struct Lock {
    pub(super) root: fs::File,
    file: fs::File,
    pub(super) token: u64,
}

impl Lock {
    /// Locks the root; `None` if another manager owns it. An ownership check also locks it for an instant.
    pub(super) fn take(root: &Path, flush: Flush) -> io::Result<Option<Self>> {
        for _ in 0..5 {
            let held = if holds(Guard::RootLock) {
                platform::lock_dir(root)?
            } else {
                Some(fs::File::open(root)?)
            };
            if let Some(held) = held
                && let Some(file) = platform::lock(&root.join(LOCK))?
            {
                let mut lock = Self {
                    root: held,
                    file,
                    token: 0,
                };
                lock.token = next(root, flush)?;
                return Ok(Some(lock));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(None)
    }

    /// Returns whether another manager has locked the root since, although this one has not released it.
    pub(super) fn is_replaced(&self, root: &Path) -> Result<bool> {
        match last(root) {
            Ok(token) => Ok(token > self.token),
            Err(error) => Err(Error::unavailable_from(
                "the owner of the workspace root cannot be determined",
                error,
            )),
        }
    }

    /// Unlocks the root.
    pub(super) fn open(&self) {
        platform::unlock(&self.file);
        platform::unlock(&self.root);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.open();
    }
}

/// Returns the token of the last holder; 0 if there was none.
fn last(root: &Path) -> io::Result<u64> {
    let text = match write::read(&root.join(TOKEN), 32) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let token = std::str::from_utf8(&text).ok();
    let token = token.and_then(|text| text.trim().parse().ok());
    token.ok_or_else(|| io::Error::other("the token of its last manager is damaged"))
}

/// Stores the token of the next holder, and returns it.
fn next(root: &Path, flush: Flush) -> io::Result<u64> {
    let token = last(root)?
        .checked_add(1)
        .ok_or_else(|| io::Error::other("the token of its last manager is out of range"))?;
    // Another machine may remember it, so it must not be given again after a loss of power.
    let flush = match flush {
        Flush::Nothing => Flush::Nothing,
        Flush::Content | Flush::Name => Flush::Name,
    };
    write::replace(root, TOKEN, token.to_string().as_bytes(), flush)?;
    Ok(token)
}
