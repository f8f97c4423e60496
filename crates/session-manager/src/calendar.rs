//! Moments of the manager's clock, and their dates as far as the wall clock can be trusted.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::Clock;
use crate::guard::{Guard, holds};
use crate::lock::lock;

/// The clock of a manager, and the time at which it was built.
#[derive(Debug)]
pub(crate) struct Calendar {
    clock: Arc<dyn Clock>,
    /// The clock and the wall-clock time when the manager was built.
    began: (Duration, SystemTime),
    /// Until when the wall clock is not trusted: it advanced implausibly far while no manager ran.
    distrusted: Mutex<Option<Duration>>,
}

impl Calendar {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            began: (clock.elapsed(), clock.now()),
            clock,
            distrusted: Mutex::default(),
        }
    }

    /// Returns the current moment.
    pub(crate) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Returns the date that the wall clock shows.
    pub(crate) fn shown(&self) -> SystemTime {
        self.clock.now()
    }

    /// Returns the date of a moment, as it is stored. A wall clock that was set back does not make anything look older.
    pub(crate) fn date(&self, moment: Duration) -> SystemTime {
        let ago = self.clock.elapsed().saturating_sub(moment);
        let shown = self.clock.now().checked_sub(ago);
        let (elapsed, date) = self.began;
        let counted = moment
            .checked_sub(elapsed)
            .and_then(|ran| date.checked_add(ran));
        shown.max(counted).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Returns today's date as far as it can be trusted: setting the wall clock forward while the manager runs does not count as
    /// elapsed time.
    pub(crate) fn today(&self) -> SystemTime {
        let now = self.clock.now();
        if !holds(Guard::ClockJump) {
            return now;
        }
        let (elapsed, date) = self.began;
        let ran = self.clock.elapsed().saturating_sub(elapsed);
        date.checked_add(ran)
            .map_or(now, |counted| counted.min(now))
    }

    /// Distrusts the wall clock for some time from now on.
    pub(crate) fn distrust(&self, time: Duration) {
        *lock(&self.distrusted) = self.now().checked_add(time);
    }

    /// Returns whether the wall clock was not trusted yet at a moment.
    pub(crate) fn is_distrusted(&self, now: Duration) -> bool {
        lock(&self.distrusted).is_some_and(|until| now < until)
    }
}
