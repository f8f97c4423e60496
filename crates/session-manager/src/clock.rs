//! Where the manager takes the time from.

use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Tells the time. A test can bring its own.
///
/// The manager decides by it what is idle or expired. It waits on tokio's timer all the same, so that a clock of one's own goes
/// with calls of [`cleanup_idle`](crate::SessionManager::cleanup_idle) by hand.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the time since some moment, always the same one. It never goes back.
    fn elapsed(&self) -> Duration;

    /// Returns the date and time.
    fn now(&self) -> SystemTime;
}

/// The clock of tokio, which a test can pause, from the date at which it was made.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: Instant,
    date: SystemTime,
}

impl TokioClock {
    /// Starts the clock.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            date: SystemTime::now(),
        }
    }

    /// Starts the clock at another date than today's.
    pub fn starting_at(date: SystemTime) -> Self {
        Self {
            start: Instant::now(),
            date,
        }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn now(&self) -> SystemTime {
        let elapsed = self.start.elapsed();
        self.date.checked_add(elapsed).unwrap_or(self.date)
    }
}
