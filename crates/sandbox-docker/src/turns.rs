//! A mutex per name: operations on one sandbox wait for each other, and for nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use backend_core::SandboxId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Hands out turns. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<SandboxId, Weak<AsyncMutex<()>>>>>);

/// A turn. It ends on drop.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for a turn.
    pub(crate) async fn take(&self, id: &SandboxId) -> Turn {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match turns.get(id).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    // Each caller also removes unused entries.
                    turns.retain(|_, turn| turn.strong_count() > 0);
                    let turn = Arc::new(AsyncMutex::new(()));
                    turns.insert(id.clone(), Arc::downgrade(&turn));
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use backend_core::SandboxId;
    use futures_util::FutureExt;

    use super::Turns;

    #[tokio::test]
    async fn one_name_waits_and_another_does_not() {
        let (turns, id) = (Turns::default(), |name| SandboxId::parse(name).unwrap());
        let first = turns.take(&id("a")).await;
        assert!(turns.clone().take(&id("a")).now_or_never().is_none());
        let other = turns.take(&id("b")).now_or_never();
        assert!(other.is_some());
        drop(first);
        assert!(turns.take(&id("a")).now_or_never().is_some());
        drop(other);
        let _last = turns.take(&id("c")).await;
        assert_eq!(turns.0.lock().unwrap().len(), 1, "nothing is kept for good");
    }
}
