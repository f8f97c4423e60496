//! How many bytes of a message may be sent now: the room that the receiver has made.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::failure::Failure;

/// The maximum open credit. It is far more than any window, and far from any overflow.
const MAX_CREDIT: u64 = 1 << 40;

/// The credit of one message. One task takes from it.
#[derive(Debug)]
pub(super) struct Credit {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    open: u64,
    failed: Option<Arc<Failure>>,
    waker: Option<Waker>,
}

impl Credit {
    pub(super) fn new(window: u32) -> Self {
        Self {
            state: Mutex::new(State {
                open: u64::from(window),
                failed: None,
                waker: None,
            }),
        }
    }

    /// Adds room that the receiver has made.
    pub(super) fn add(&self, bytes: u32) -> Result<(), Failure> {
        let mut state = self.lock();
        if bytes == 0 {
            return Err(Failure::violation("a credit of 0"));
        }
        state.open = state
            .open
            .checked_add(u64::from(bytes))
            .filter(|open| *open <= MAX_CREDIT)
            .ok_or_else(|| Failure::violation("too much credit"))?;
        state.wake();
        Ok(())
    }

    /// Ends every wait for credit.
    pub(super) fn fail(&self, failure: &Arc<Failure>) {
        let mut state = self.lock();
        state.failed = Some(Arc::clone(failure));
        state.wake();
    }

    /// Waits until `bytes` may be sent, and takes them.
    pub(super) async fn take(&self, bytes: u64) -> Result<(), Arc<Failure>> {
        poll_fn(|context| {
            let mut state = self.lock();
            if let Some(failure) = &state.failed {
                return Poll::Ready(Err(Arc::clone(failure)));
            }
            if state.open >= bytes {
                state.open -= bytes;
                return Poll::Ready(Ok(()));
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Credit, Failure};

    #[tokio::test]
    async fn bytes_wait_for_credit() {
        let credit = Arc::new(Credit::new(10));
        credit.take(8).await.unwrap();
        let waiting = tokio::spawn({
            let credit = Arc::clone(&credit);
            async move { credit.take(5).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        credit.add(3).unwrap();
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_failure_ends_the_wait() {
        let credit = Credit::new(0);
        let fail = async {
            tokio::task::yield_now().await;
            credit.fail(&Arc::new(Failure::Closed));
        };
        let (taken, ()) = tokio::join!(credit.take(1), fail);
        assert!(matches!(*taken.unwrap_err(), Failure::Closed));
    }

    #[test]
    fn credit_cannot_be_made_to_overflow() {
        let credit = Credit::new(u32::MAX);
        let end = (0..1000).find_map(|_| credit.add(u32::MAX).err()).unwrap();
        assert!(end.to_string().ends_with("too much credit"));
        assert!(credit.add(0).is_err());
    }
}
