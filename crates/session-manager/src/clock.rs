//! The manager's source of time.

use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A source of time. A test can supply its own.
///
/// The manager uses it to decide what is idle or expired. It still waits on tokio's timer, so with a custom clock call
/// [`cleanup_idle`](crate::SessionManager::cleanup_idle) explicitly.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the time since a fixed moment. It never goes back.
    fn elapsed(&self) -> Duration;

    /// Returns the date and time.
    fn now(&self) -> SystemTime;
}

/// Tokio's clock, which a test can pause, starting at the date when it was created.
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

    /// Starts the clock at the given date.
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
