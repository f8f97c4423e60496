//! Locks on places, for the whole process and without growth: a fixed table of mutexes, shared by hash.
//!
//! Two places may share a mutex, and then merely wait for each other. They are held inside of one blocking
//! operation.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::meta::FileId;

const STRIPES: usize = 256;

static TABLE: [Mutex<()>; STRIPES] = [const { Mutex::new(()) }; STRIPES];

/// What a place is locked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(usize);

/// A lock that is held until it is dropped.
pub(crate) type Held = MutexGuard<'static, ()>;

impl Key {
    /// Makes the key of a name in a directory.
    pub(crate) fn new(dir: FileId, name: &OsStr) -> Self {
        let mut hasher = DefaultHasher::new();
        (dir, name).hash(&mut hasher);
        // The remainder fits whatever the width of `usize` is.
        Self((hasher.finish() % STRIPES as u64) as usize)
    }

    /// Waits for the lock.
    pub(crate) fn lock(self) -> Held {
        #[expect(clippy::indexing_slicing, reason = "a key is below the table's length")]
        let stripe = &TABLE[self.0];
        // What it guards is on the disk, where a panic leaves it whole.
        stripe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for two locks, always in the same order, so that two operations never wait for each other.
    pub(crate) fn lock_both(self, other: Self) -> (Held, Option<Held>) {
        let (first, second) = (self.min(other), self.max(other));
        let held = first.lock();
        (held, (first != second).then(|| second.lock()))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::thread;

    use super::super::meta::FileId;
    use super::Key;

    #[test]
    fn two_orders_of_the_same_two_locks_do_not_deadlock() {
        let dir = FileId {
            device: 1,
            inode: 2,
        };
        let keys: Vec<_> = (0..64_u8)
            .map(|n| Key::new(dir, OsStr::new(&n.to_string())))
            .collect();
        thread::scope(|scope| {
            for turn in 0..4_usize {
                let keys = &keys;
                scope.spawn(move || {
                    for step in 0..4000 {
                        let (one, two) = (keys[step % 64], keys[(step * 7 + turn * 13) % 64]);
                        drop(one.lock_both(two));
                    }
                });
            }
        });
    }

    #[test]
    fn a_place_has_one_key_and_two_locks_of_it_are_one() {
        let dir = FileId {
            device: 1,
            inode: 2,
        };
        let (one, two) = (
            Key::new(dir, OsStr::new("a")),
            Key::new(dir, OsStr::new("a")),
        );
        assert_eq!(one, two);
        assert!(one.lock_both(two).1.is_none());
    }
}
