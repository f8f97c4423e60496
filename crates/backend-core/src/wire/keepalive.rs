//! Detects that the other side is gone, or no longer reads.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::KeepAlive;
use super::failure::Failure;
use super::link::Link;

/// A longer interval is as good as none, and this one overflows no clock.
const MAX_INTERVAL: Duration = Duration::from_secs(1 << 30);

/// Watches a connection, and returns why it is dead.
pub(super) async fn watch(link: &Link, rule: Option<KeepAlive>) -> Failure {
    let Some(rule) = rule.filter(|rule| !rule.interval.is_zero()) else {
        return std::future::pending().await;
    };
    let interval = rule.interval.min(MAX_INTERVAL);
    let mut tick = tokio::time::interval(interval);
    // After a pause of the whole process the ticks do not fire in a burst: the other side gets its time to answer.
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    link.pause.tick(interval);
    let (mut silent, mut stalled) = (0, 0);
    let (mut heard, mut written) = (link.heard.load(Ordering::Relaxed), 0);
    loop {
        tick.tick().await;
        link.pause.tick(interval);
        let now = link.heard.load(Ordering::Relaxed);
        silent = if now == heard { silent + 1 } else { 0 };
        heard = now;
        if silent > rule.misses {
            return Failure::Silent(rule.silence());
        }
        if silent > 0 {
            link.outbox.ping();
        }

        let (now, unfinished) = link.outbox.progress();
        stalled = if unfinished && now == written {
            stalled + 1
        } else {
            0
        };
        written = now;
        if stalled > rule.misses {
            return Failure::Stalled(rule.silence());
        }
    }
}
