//! A value that is set once and that many may wait for.
//!
//! Waiters continue in the order in which they began to wait, which tokio's `watch` does not guarantee: a simulation must be
//! reproducible.

use std::sync::OnceLock;

use tokio::sync::Notify;

/// A value that is set once.
#[derive(Debug)]
pub(crate) struct Latch<T> {
    value: OnceLock<T>,
    set: Notify,
}

impl<T> Default for Latch<T> {
    fn default() -> Self {
        Self {
            value: OnceLock::new(),
            set: Notify::new(),
        }
    }
}

impl<T: Send + Sync> Latch<T> {
    /// Returns the value, if it is set.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Sets the value. Only the first one counts.
    pub(crate) fn set(&self, value: T) {
        if self.value.set(value).is_ok() {
            self.set.notify_waiters();
        }
    }

    /// Waits until there is a value.
    pub(crate) async fn wait(&self) -> &T {
        loop {
            let mut set = std::pin::pin!(self.set.notified());
            // From here on no notification is missed, so checking the value is safe.
            set.as_mut().enable();
            if let Some(value) = self.value.get() {
                return value;
            }
            set.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Latch;

    #[tokio::test]
    async fn early_and_late_waiters_get_the_first_value() {
        let latch = Arc::new(Latch::default());
        let waiting = tokio::spawn({
            let latch = Arc::clone(&latch);
            async move { *latch.wait().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(latch.get(), None);
        latch.set(1);
        latch.set(2);
        assert_eq!(waiting.await.unwrap(), 1);
        assert_eq!(*latch.wait().await, 1);
    }
}
