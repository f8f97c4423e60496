//! The thread that watches the searches of this process: it signals when their time is over, and detects those that make no
//! progress.
//!
//! A disk that does not answer blocks the thread that asks it, possibly forever. That must not block the caller, nor the
//! searches that wait for their turn. It is a separate thread because a runtime need not have timers.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// How long a search may stay at one step until it counts as waiting for a disk rather than working.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

static WATCHDOG: LazyLock<Watchdog> = LazyLock::new(Watchdog::default);

/// The progress of a search.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    steps: AtomicU64,
    /// What it holds while it works.
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Progress {
    /// Starts to watch a search. Its permit is returned when it ends, or when it makes no more progress.
    pub(crate) fn watch(permit: OwnedSemaphorePermit) -> Arc<Self> {
        let progress = Arc::new(Self {
            steps: AtomicU64::new(0),
            permit: Mutex::new(Some(permit)),
        });
        let mut state = WATCHDOG.start();
        state.searches.push((Arc::downgrade(&progress), None));
        if state.searches.len() == 1 {
            state.next_check = Instant::now() + STALL_TIMEOUT;
            WATCHDOG.changed.notify_one();
        }
        progress
    }

    /// Reports that the search got something from the disk.
    pub(crate) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }
}

/// The end of a time limit. It never rings if the thread could not be started.
#[derive(Debug)]
pub(crate) struct Alarm {
    key: (Instant, u64),
    rings: oneshot::Receiver<()>,
}

impl Alarm {
    /// Creates an alarm for a time from now, unless that is too far away to represent.
    pub(crate) fn after(time: Duration) -> Option<Self> {
        let at = Instant::now().checked_add(time)?;
        let (ring, rings) = oneshot::channel();
        let mut state = WATCHDOG.start();
        state.alarms_made += 1;
        let key = (at, state.alarms_made);
        state.alarms.insert(key, ring);
        if state.alarms.first_key_value().map(|(first, _)| *first) == Some(key) {
            WATCHDOG.changed.notify_one();
        }
        Some(Self { key, rings })
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match Pin::new(&mut self.rings).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        WATCHDOG.lock().alarms.remove(&self.key);
    }
}

#[derive(Debug, Default)]
struct Watchdog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    alarms: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    alarms_made: u64,
    /// The running searches, with the step at which each was last seen.
    searches: Vec<(Weak<Progress>, Option<u64>)>,
    next_check: Instant,
    is_running: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            alarms: BTreeMap::new(),
            alarms_made: 0,
            searches: Vec::new(),
            next_check: Instant::now(),
            is_running: false,
        }
    }
}

impl Watchdog {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread if it does not run. If none can be created, the next search tries again.
    fn start(&'static self) -> MutexGuard<'static, State> {
        let mut state = self.lock();
        if !state.is_running {
            let thread = thread::Builder::new().name("search-watch".to_owned());
            state.is_running = thread.spawn(|| self.run()).is_ok();
        }
        state
    }

    fn run(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.ring(now);
            if now >= state.next_check {
                state.check_progress();
                state.next_check = now + STALL_TIMEOUT;
            }
            let alarm = state.alarms.first_key_value().map(|((at, _), _)| *at);
            let look = (!state.searches.is_empty()).then_some(state.next_check);
            let next = alarm.into_iter().chain(look).min();
            state = match next {
                Some(next) => {
                    let left = next.saturating_duration_since(Instant::now());
                    let woken = self.changed.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.changed.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }
}

impl State {
    fn ring(&mut self, now: Instant) {
        while let Some(first) = self.alarms.first_entry()
            && first.key().0 <= now
        {
            // A waiter that is gone needs no alarm.
            let _ = first.remove().send(());
        }
    }

    /// Takes the permits of the searches that have not moved since the last check.
    fn check_progress(&mut self) {
        self.searches.retain_mut(|(progress, seen)| {
            let Some(progress) = progress.upgrade() else {
                return false;
            };
            let steps = progress.steps.load(Ordering::Relaxed);
            if seen.replace(steps) != Some(steps) {
                return true;
            }
            let mut permit = progress
                .permit
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            drop(permit.take());
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::{Alarm, Progress};

    fn run<T>(future: impl Future<Output = T>) -> T {
        // Without timers.
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn alarms_ring_in_the_order_of_their_times() {
        let late = Alarm::after(Duration::from_millis(40)).unwrap();
        let early = Alarm::after(Duration::from_millis(5)).unwrap();
        let (late_at, early_at) = (late.key.0, early.key.0);
        assert!(early_at < late_at);
        run(early);
        run(late);
        assert!(std::time::Instant::now() >= late_at);
        assert!(Alarm::after(Duration::MAX).is_none());
    }

    #[test]
    fn a_stuck_search_returns_its_permit() {
        let permits = Arc::new(Semaphore::new(1));
        let take = || Arc::clone(&permits).try_acquire_owned();
        let hung = Progress::watch(take().unwrap());
        hung.step();
        assert!(take().is_err());
        let next = run(Arc::clone(&permits).acquire_owned()).unwrap();
        drop(next);
        drop(hung);
        assert_eq!(permits.available_permits(), 1);
    }

    #[test]
    fn a_search_that_ends_returns_its_permit() {
        let permits = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&permits).try_acquire_owned().unwrap();
        drop(Progress::watch(permit));
        assert_eq!(permits.available_permits(), 1);
    }
}
