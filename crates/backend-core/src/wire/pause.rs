//! Notices that this process was paused: stopped by a signal, or on a machine that was suspended. The other side may have given
//! up the connection meanwhile, and what it said last may not have been read yet.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether this process may have been paused since the other side was last heard.
#[derive(Debug, Default)]
pub(super) struct PauseDetector {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The time between two ticks.
    interval: Duration,
    /// When the next tick is overdue; `None` without ticks.
    overdue: Option<Instant>,
    /// Whether a tick was overdue, and the other side has not answered since.
    needs_probe: bool,
}

impl PauseDetector {
    /// Records a tick of a clock with this interval. A tick that is late by a whole interval was delayed by a pause.
    pub(super) fn tick(&self, interval: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        state.needs_probe |= state.is_overdue(now);
        state.interval = interval;
        state.schedule(now);
    }

    /// Returns whether the other side has to be asked whether it is still there.
    pub(super) fn needs_probe(&self) -> bool {
        let state = self.lock();
        state.needs_probe || state.is_overdue(Instant::now())
    }

    /// Records that the other side has answered.
    pub(super) fn record_answer(&self) {
        let mut state = self.lock();
        state.needs_probe = false;
        state.schedule(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn schedule(&mut self, now: Instant) {
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

    use super::PauseDetector;

    const INTERVAL: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_noticed_before_and_after_the_late_tick() {
        let pause = PauseDetector::default();
        assert!(!pause.needs_probe());
        pause.tick(INTERVAL);
        advance(INTERVAL).await;
        pause.tick(INTERVAL);
        assert!(!pause.needs_probe());
        advance(3 * INTERVAL).await;
        assert!(pause.needs_probe());
        pause.tick(INTERVAL);
        assert!(pause.needs_probe());
        pause.record_answer();
        assert!(!pause.needs_probe());
        advance(3 * INTERVAL).await;
        assert!(pause.needs_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn without_ticks_there_is_no_doubt() {
        let pause = PauseDetector::default();
        advance(100 * INTERVAL).await;
        assert!(!pause.needs_probe());
    }
}
