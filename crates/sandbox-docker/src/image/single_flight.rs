//! One build at a time for one image, within this process.
//!
//! A caller that requests an image being built waits for that build. The waiters drive it, so it continues when one of them stops
//! waiting, and ends with the last.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use backend_core::Result;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::broadcast;

use super::{ImageProgress, Report};

/// The progress channel of a build.
pub(super) type Events = broadcast::Sender<ImageProgress>;

/// How many reports a waiter may leave unread before it misses some.
const EVENT_CAPACITY: usize = 1024;

type Build = Shared<BoxFuture<'static, Result<String>>>;

/// A build, and its progress channel.
struct SingleFlight {
    build: WeakShared<BoxFuture<'static, Result<String>>>,
    events: Events,
}

/// All builds of this process, by engine and image.
static IN_FLIGHT: LazyLock<Mutex<HashMap<String, SingleFlight>>> = LazyLock::new(Mutex::default);

/// Waits for the build of this key, starting it if there is none.
pub(super) async fn join(
    key: String,
    report: Option<&Report<'_>>,
    start: impl FnOnce(Events) -> BoxFuture<'static, Result<String>>,
) -> Result<String> {
    let (mut build, mut events) = subscribe(key, start);
    loop {
        tokio::select! {
            biased;
            Ok(event) = events.recv() => report_event(report, event),
            outcome = &mut build => {
                while let Ok(event) = events.try_recv() {
                    report_event(report, event);
                }
                return outcome;
            }
        }
    }
}

fn report_event(report: Option<&Report<'_>>, event: ImageProgress) {
    if let Some(report) = report {
        report(event);
    }
}

fn subscribe(
    key: String,
    start: impl FnOnce(Events) -> BoxFuture<'static, Result<String>>,
) -> (Build, broadcast::Receiver<ImageProgress>) {
    let mut flights = IN_FLIGHT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(flight) = flights.get(&key)
        && let Some(build) = flight.build.upgrade()
    {
        return (build, flight.events.subscribe());
    }
    flights.retain(|_, flight| flight.build.upgrade().is_some());
    let (events, receiver) = broadcast::channel(EVENT_CAPACITY);
    let build = start(events.clone()).shared();
    if let Some(weak) = build.downgrade() {
        flights.insert(
            key,
            SingleFlight {
                build: weak,
                events,
            },
        );
    }
    (build, receiver)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::join;
    use crate::image::ImageProgress;

    /// A build that counts its starts, reports progress, and ends on request.
    struct Fixture {
        started: Arc<AtomicUsize>,
        ended: Arc<AtomicUsize>,
    }

    struct OnDrop(Arc<AtomicUsize>);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Fixture {
        fn new() -> Self {
            Self {
                started: Arc::default(),
                ended: Arc::default(),
            }
        }

        async fn join(
            &self,
            key: &str,
            until: Option<oneshot::Receiver<()>>,
            heard: &AtomicUsize,
        ) -> String {
            let started = Arc::clone(&self.started);
            let ended = OnDrop(Arc::clone(&self.ended));
            let report = |_: ImageProgress| {
                heard.fetch_add(1, Ordering::SeqCst);
            };
            join(key.to_owned(), Some(&report), |events| {
                async move {
                    let _ended = ended;
                    started.fetch_add(1, Ordering::SeqCst);
                    let _ = events.send(ImageProgress::Retry);
                    if let Some(until) = until {
                        let _ = until.await;
                    }
                    let _ = events.send(ImageProgress::Retry);
                    Ok("done".to_owned())
                }
                .boxed()
            })
            .await
            .unwrap()
        }
    }

    #[tokio::test]
    async fn concurrent_callers_share_one_build_that_outlives_one_of_them() {
        let fixture = Fixture::new();
        let (finish, until) = oneshot::channel();
        let (first, second, third) = Default::default();
        let leaves = fixture.join("shared", Some(until), &first);
        let stays = fixture.join("shared", None, &second);
        let stays_too = fixture.join("shared", None, &third);
        tokio::pin!(stays, stays_too);
        {
            tokio::pin!(leaves);
            assert!(futures_util::poll!(&mut leaves).is_pending());
            assert!(futures_util::poll!(&mut stays).is_pending());
            assert!(futures_util::poll!(&mut stays_too).is_pending());
        }
        // The caller that started it is gone.
        finish.send(()).unwrap();
        assert_eq!(
            tokio::join!(stays, stays_too),
            ("done".to_owned(), "done".to_owned())
        );
        assert_eq!(fixture.started.load(Ordering::SeqCst), 1);
        assert!(second.load(Ordering::SeqCst) >= 1 && third.load(Ordering::SeqCst) >= 1);
    }

    #[tokio::test]
    async fn a_build_ends_with_its_last_waiter_and_the_next_caller_starts_a_new_one() {
        let fixture = Fixture::new();
        let heard = AtomicUsize::new(0);
        let (_never, until) = oneshot::channel();
        {
            let waits = fixture.join("left", Some(until), &heard);
            tokio::pin!(waits);
            assert!(futures_util::poll!(&mut waits).is_pending());
        }
        assert_eq!(fixture.ended.load(Ordering::SeqCst), 1);
        assert_eq!(fixture.join("left", None, &heard).await, "done");
        assert_eq!(fixture.started.load(Ordering::SeqCst), 2);
    }
}
