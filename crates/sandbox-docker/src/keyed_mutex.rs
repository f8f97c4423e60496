//! A mutex per name: operations on one sandbox wait for each other, and for nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use backend_core::SandboxId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A lock for each name. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyedMutex(Arc<Mutex<HashMap<SandboxId, Weak<AsyncMutex<()>>>>>);

/// A held lock, released on drop.
pub(crate) type KeyedGuard = OwnedMutexGuard<()>;

impl KeyedMutex {
    /// Waits for the lock of a name.
    pub(crate) async fn lock(&self, id: &SandboxId) -> KeyedGuard {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match locks.get(id).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    // Each caller also removes unused entries.
                    locks.retain(|_, lock| lock.strong_count() > 0);
                    let lock = Arc::new(AsyncMutex::new(()));
                    locks.insert(id.clone(), Arc::downgrade(&lock));
                    lock
                }
            }
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use backend_core::SandboxId;
    use futures_util::FutureExt;

    use super::KeyedMutex;

    #[tokio::test]
    async fn one_name_waits_and_another_does_not() {
        let (locks, id) = (KeyedMutex::default(), |name| {
            SandboxId::parse(name).unwrap()
        });
        let first = locks.lock(&id("a")).await;
        assert!(locks.clone().lock(&id("a")).now_or_never().is_none());
        let other = locks.lock(&id("b")).now_or_never();
        assert!(other.is_some());
        drop(first);
        assert!(locks.lock(&id("a")).now_or_never().is_some());
        drop(other);
        let _last = locks.lock(&id("c")).await;
        assert_eq!(locks.0.lock().unwrap().len(), 1, "nothing is kept for good");
    }
}
