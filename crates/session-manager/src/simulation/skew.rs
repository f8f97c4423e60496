//! A clock whose date can be set forward and back. Its elapsed time stays correct.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::{Clock, TokioClock};

/// The clock of the day.
#[derive(Clone, Debug)]
pub(super) struct Skewed {
    base: TokioClock,
    seconds: Arc<Mutex<i64>>,
}

impl Skewed {
    pub(super) fn new() -> Self {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30);
        Self {
            base: TokioClock::starting_at(date),
            seconds: Arc::default(),
        }
    }

    pub(super) fn set(&self, seconds: i64) {
        *self.seconds.lock().unwrap() = seconds;
    }

    pub(super) fn is_right(&self) -> bool {
        *self.seconds.lock().unwrap() == 0
    }
}

impl Clock for Skewed {
    fn elapsed(&self) -> Duration {
        self.base.elapsed()
    }

    fn now(&self) -> SystemTime {
        let seconds = *self.seconds.lock().unwrap();
        let by = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            self.base.now() - by
        } else {
            self.base.now() + by
        }
    }
}
