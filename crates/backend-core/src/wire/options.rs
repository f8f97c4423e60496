//! Options of a side of a connection.

use std::time::Duration;

use super::Limits;

/// Options of a side of a connection. The two sides need not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How much is accepted from the other side.
    pub limits: Limits,
    /// How a silent loss of the other side is detected; `None` leaves it to the stream.
    pub keep_alive: Option<KeepAlive>,
    /// How long the other side has to send its hello: 10 seconds by default.
    pub hello_timeout: Duration,
    /// How long a call waits for an answer, or for more of one, before it gives up: 120 seconds by default; `None` is
    /// unlimited. The time that a request itself allows, such as the timeout of a command, is added.
    pub call_timeout: Option<Duration>,
    /// How long pending requests may take when a server is shut down: 2 seconds by default.
    pub grace: Duration,
}

/// When a side pings the other one, and when it considers it gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepAlive {
    /// A ping is sent after this time without a byte: 15 seconds by default.
    pub interval: Duration,
    /// After how many consecutive intervals without a byte the other side is considered gone: 3 by default. Intervals are
    /// counted instead of time, so that a paused process does not find its connection dead when it resumes.
    pub misses: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            keep_alive: Some(KeepAlive::default()),
            hello_timeout: Duration::from_secs(10),
            call_timeout: Some(Duration::from_secs(120)),
            grace: Duration::from_secs(2),
        }
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            misses: 3,
        }
    }
}

impl KeepAlive {
    /// Makes a rule: pings after `interval` without a byte, gone after `misses` of them.
    pub fn new(interval: Duration, misses: u32) -> Self {
        Self { interval, misses }
    }

    /// Returns the silence after which the other side is considered gone.
    pub(super) fn silence(&self) -> Duration {
        self.interval.saturating_mul(self.misses)
    }
}

impl Options {
    /// Sets how much is accepted from the other side.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how a silent loss of the other side is detected; `None` leaves it to the stream.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = keep_alive.into();
        self
    }

    /// Sets how long the other side has to send its hello.
    #[must_use]
    pub fn hello_timeout(mut self, timeout: Duration) -> Self {
        self.hello_timeout = timeout;
        self
    }

    /// Sets how long a call waits for an answer; `None` is unlimited.
    #[must_use]
    pub fn call_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.call_timeout = timeout.into();
        self
    }

    /// Sets how long pending requests may take when a server is shut down.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}
