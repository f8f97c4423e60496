//! Locks that outlive a panic: what they guard is changed in one step, so it is never half changed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, whether a task panicked with it or not.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
