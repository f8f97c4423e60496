//! How a side of a connection behaves.

use std::time::Duration;

use super::Limits;

/// How a side of a connection behaves. The two sides need not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How much is taken from the other side.
    pub limits: Limits,
    /// How it is noticed that the other side is gone without a word; `None` leaves it to the stream.
    pub keep_alive: Option<KeepAlive>,
    /// How long the other side has to say hello: 10 seconds by default.
    pub hello_timeout: Duration,
    /// How long a call waits for an answer, or for more of one, before it gives up: 120 seconds by default; `None` is no
    /// bound. What a request itself allows, the timeout of a command for example, is added.
    pub patience: Option<Duration>,
    /// How long requests have to be answered when a server is told to end: 2 seconds by default.
    pub grace: Duration,
}

/// When a side asks whether the other one is there, and when it takes it for gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepAlive {
    /// After how long without a byte a ping is sent: 15 seconds by default.
    pub interval: Duration,
    /// After how many intervals in a row without a byte the other side is gone: 3 by default. Intervals are counted, and
    /// not time, so that a process that was paused does not find its connection dead when it goes on.
    pub misses: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            keep_alive: Some(KeepAlive::default()),
            hello_timeout: Duration::from_secs(10),
            patience: Some(Duration::from_secs(120)),
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

    /// Returns how long the other side has been silent when it is taken for gone.
    pub(super) fn silence(&self) -> Duration {
        self.interval.saturating_mul(self.misses)
    }
}

impl Options {
    /// Sets how much is taken from the other side.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how it is noticed that the other side is gone; `None` leaves it to the stream.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = keep_alive.into();
        self
    }

    /// Sets how long the other side has to say hello.
    #[must_use]
    pub fn hello_timeout(mut self, timeout: Duration) -> Self {
        self.hello_timeout = timeout;
        self
    }

    /// Sets how long a call waits for an answer; `None` is no bound.
    #[must_use]
    pub fn patience(mut self, patience: impl Into<Option<Duration>>) -> Self {
        self.patience = patience.into();
        self
    }

    /// Sets how long requests have to be answered when a server is told to end.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}
