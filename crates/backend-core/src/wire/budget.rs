//! A limit on the bytes that unfinished messages hold at once. Requests that would exceed it wait, first come first served.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in units of this size, so that the counts fit.
const UNIT_BYTES: u64 = 1 << 10;

/// How many bytes may be held at once.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    total: u32,
}

/// A reserved part of a budget, released on drop.
pub(super) type Reservation = Option<OwnedSemaphorePermit>;

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        let largest = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let total = u32::try_from(bytes.div_ceil(UNIT_BYTES))
            .unwrap_or(largest)
            .min(largest);
        Self {
            units: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// Waits for `bytes` bytes. More than the whole budget counts as all of it.
    pub(super) async fn reserve(&self, bytes: u64) -> Reservation {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES))
            .unwrap_or(u32::MAX)
            .min(self.total);
        if units == 0 {
            return None;
        }
        // The semaphore is never closed.
        Arc::clone(&self.units).acquire_many_owned(units).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[tokio::test]
    async fn a_request_over_the_budget_waits_for_its_turn() {
        let budget = Budget::new(10 << 10);
        let first = budget.reserve(6 << 10).await;
        let second = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(u64::MAX).await }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap().is_some());
        assert!(Budget::new(0).reserve(0).await.is_none());
    }
}
