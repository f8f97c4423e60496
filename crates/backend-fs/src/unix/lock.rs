//! Locks on entries, for the whole process: one for each name in a directory, and one for each file.
//!
//! A lock exists while it is held or waited for. So a lock that is held for long, because a disk does not answer, only
//! delays operations on the same entry. Locks are held within one blocking operation.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::hash::BuildHasher;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use super::meta::FileId;

/// How many tables there are. Each is locked for as long as it takes to find an entry, and never during I/O.
const SHARDS: usize = 64;

static LOCKS: LazyLock<Locks> = LazyLock::new(|| Locks {
    tables: (0..SHARDS).map(|_| Mutex::default()).collect(),
    hasher: RandomState::new(),
});

/// The subject of a lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// A name in a directory, whether it exists or not, in one spelling for all names that a file system may treat as
    /// the same.
    Name(FileId, Box<[u8]>),
    /// The file itself, by any name.
    File(FileId),
}

/// One lock, and its waiters.
#[derive(Debug, Default)]
struct Slot {
    is_held: Mutex<bool>,
    free: Condvar,
}

#[derive(Debug)]
struct Locks {
    tables: Vec<Mutex<HashMap<Key, Arc<Slot>>>>,
    hasher: RandomState,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct LockGuard {
    key: Key,
    slot: Arc<Slot>,
}

impl Key {
    /// Returns the key of a name in a directory.
    ///
    /// Some file systems treat names that differ in case or in the form of accents as the same. Two names that are two
    /// files may share a key, and then merely wait for each other.
    pub(crate) fn new(dir: FileId, name: &OsStr) -> Self {
        Self::Name(dir, fold(name.as_bytes()).into())
    }

    /// Returns the key of a file.
    pub(crate) fn of_file(file: FileId) -> Self {
        Self::File(file)
    }

    /// Waits for the lock.
    pub(crate) fn lock(self) -> LockGuard {
        let slot = Arc::clone(lock(LOCKS.table(&self)).entry(self.clone()).or_default());
        // It guards state on the disk, which a panic leaves intact.
        let mut is_held = lock(&slot.is_held);
        while *is_held {
            is_held = slot
                .free
                .wait(is_held)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *is_held = true;
        drop(is_held);
        LockGuard { key: self, slot }
    }

    /// Waits for two locks, always in the same order, so that two operations never wait for each other.
    pub(crate) fn lock_both(self, other: Self) -> (LockGuard, Option<LockGuard>) {
        if self == other {
            return (self.lock(), None);
        }
        let (first, second) = if self < other {
            (self, other)
        } else {
            (other, self)
        };
        let held = first.lock();
        (held, Some(second.lock()))
    }
}

impl Locks {
    fn table(&self, key: &Key) -> &Mutex<HashMap<Key, Arc<Slot>>> {
        // The remainder fits whatever the width of `usize` is.
        let index = (self.hasher.hash_one(key) % SHARDS as u64) as usize;
        #[expect(
            clippy::indexing_slicing,
            reason = "the index is below the number of tables"
        )]
        &self.tables[index]
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        *lock(&self.slot.is_held) = false;
        self.slot.free.notify_one();
        let mut table = lock(LOCKS.table(&self.key));
        // The table's own and this one: there are no waiters, and none can be added while the table is locked.
        if Arc::strong_count(&self.slot) == 2 {
            table.remove(&self.key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns one spelling for all names that some file system treats as the same.
///
/// Letters lose their case. File systems treat accents differently; to be on the safe side without tables, in names
/// with non-ASCII characters these are ignored, and so is the letter before them that they may be an accent of.
fn fold(name: &[u8]) -> Vec<u8> {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // Names never contain NUL, so these do not share a key with any plain name.
    let mut folded = vec![0];
    folded.extend(
        name.iter()
            .filter(|byte| !byte.is_ascii_alphabetic() && byte.is_ascii()),
    );
    folded
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::sync::mpsc;
    use std::thread;

    use super::super::meta::FileId;
    use super::{Key, LOCKS, lock};

    fn dir(inode: u64) -> FileId {
        FileId { device: 1, inode }
    }

    fn key(dir: FileId, name: &str) -> Key {
        Key::new(dir, OsStr::new(name))
    }

    #[test]
    fn two_orders_of_the_same_two_locks_do_not_deadlock() {
        let keys: Vec<_> = (0..64_u8).map(|n| key(dir(2), &n.to_string())).collect();
        thread::scope(|scope| {
            for turn in 0..4_usize {
                let keys = &keys;
                scope.spawn(move || {
                    for step in 0..4000 {
                        let (one, two) = (&keys[step % 64], &keys[(step * 7 + turn * 13) % 64]);
                        drop(one.clone().lock_both(two.clone()));
                    }
                });
            }
        });
    }

    #[test]
    fn a_place_has_one_key_and_two_locks_of_it_are_one() {
        let (one, two) = (key(dir(3), "a"), key(dir(3), "a"));
        assert_eq!(one, two);
        assert!(one.lock_both(two).1.is_none());
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for (one, two) in [
            ("count.txt", "COUNT.TXT"),
            ("\u{e9}.txt", "\u{c9}.TXT"),
            // An accent of its own, and one that belongs to the letter.
            ("cafe\u{301}.txt", "caf\u{e9}.txt"),
            ("CAFE\u{301}.txt", "caf\u{e9}.txt"),
        ] {
            assert_eq!(key(dir(4), one), key(dir(4), two), "{one} {two}");
        }
        assert_ne!(key(dir(4), "a"), key(dir(4), "b"));
        assert_ne!(key(dir(4), "a"), key(dir(5), "a"));
    }

    #[test]
    fn a_held_lock_blocks_no_other() {
        let held = key(dir(6), "hung").lock();
        let (done, all) = mpsc::channel();
        thread::spawn(move || {
            for n in 0..5000 {
                drop(key(dir(6), &n.to_string()).lock());
                drop(key(dir(n), "hung!").lock());
            }
            done.send(()).unwrap();
        });
        let limit = std::time::Duration::from_secs(300);
        all.recv_timeout(limit).expect("it waits for another lock");
        drop(held);
    }

    #[test]
    fn an_unused_lock_takes_no_memory() {
        let gone = key(dir(7), "gone");
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        drop(gone.clone().lock());
                    }
                });
            }
        });
        assert!(!lock(LOCKS.table(&gone)).contains_key(&gone));
    }
}
