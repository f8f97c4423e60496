//! Notices that this process was paused: stopped by a signal, or on a machine that was suspended. The other side may have given
//! up the connection meanwhile, and what it said last may not have been read yet.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether this process may have been paused since the other side was last heard.
#[derive(Debug, Default)]
pub(super) struct Pause {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The time between two ticks.
    interval: Duration,
    /// When the next tick is overdue; `None` without ticks.
    overdue: Option<Instant>,
    /// Whether a tick was overdue, and the other side has not answered since.
    doubtful: bool,
}

impl Pause {
    /// Records a tick of a clock with this interval. A tick that is late by a whole interval was delayed by a pause.
    pub(super) fn tick(&self, interval: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        state.doubtful |= state.is_overdue(now);
        state.interval = interval;
        state.expect(now);
    }

    /// Returns whether the other side has to be asked whether it is still there.
    pub(super) fn is_doubtful(&self) -> bool {
        let state = self.lock();
        state.doubtful || state.is_overdue(Instant::now())
    }

    /// Records that the other side has answered.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        state.doubtful = false;
        state.expect(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expect(&mut self, now: Instant) {
        self.overdue = now.checked_add(self.interval.saturating_mul(2));
    }

    fn is_overdue(&self, now: Instant) -> bool {
        self.overdue.is_some_and(|overdue| overdue < now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::Pause;

    const INTERVAL: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_noticed_before_and_after_the_late_tick() {
        let pause = Pause::default();
        assert!(!pause.is_doubtful());
        pause.tick(INTERVAL);
        advance(INTERVAL).await;
        pause.tick(INTERVAL);
        assert!(!pause.is_doubtful());
        advance(3 * INTERVAL).await;
        assert!(pause.is_doubtful());
        pause.tick(INTERVAL);
        assert!(pause.is_doubtful());
        pause.answered();
        assert!(!pause.is_doubtful());
        advance(3 * INTERVAL).await;
        assert!(pause.is_doubtful());
    }

    #[tokio::test(start_paused = true)]
    async fn without_ticks_there_is_no_doubt() {
        let pause = Pause::default();
        advance(100 * INTERVAL).await;
        assert!(!pause.is_doubtful());
    }
}
