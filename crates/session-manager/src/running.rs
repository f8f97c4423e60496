//! A running sandbox of a session: how many operations are in flight, and whether it answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use backend_core::{ExecRequest, SandboxId};

use crate::lock::lock;

/// A running sandbox.
#[derive(Debug)]
pub(crate) struct Running<S: ?Sized> {
    pub(crate) id: SandboxId,
    /// How many operations are in flight. Changed with the entry's lock held.
    pub(crate) busy: AtomicUsize,
    /// Whether it answers, as far as known.
    pub(crate) health: Mutex<Health>,
    /// Whether its workspace was renamed after it was created, or it has variables that the session no longer has, so that it
    /// cannot be resumed.
    pub(crate) moved: bool,
    /// The variables it was created with, if the session has others.
    pub(crate) env: Option<BTreeMap<String, String>>,
    /// The variables to add to each command, because the sandbox was created with others.
    pub(crate) added: BTreeMap<String, String>,
    pub(crate) sandbox: Arc<S>,
}

/// Whether a sandbox answers.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// When it was last seen alive; `None` if it has to be checked.
    pub(crate) seen: Option<Duration>,
    /// Why its state could not be determined at the last check.
    pub(crate) outage: Option<String>,
}

impl<S: ?Sized> Running<S> {
    /// Describes a sandbox that answers. `env` is what it was created with, if the session has other variables,
    /// which are `wanted`.
    pub(crate) fn new(
        id: SandboxId,
        sandbox: Arc<S>,
        now: Duration,
        moved: bool,
        env: Option<BTreeMap<String, String>>,
        wanted: Option<&BTreeMap<String, String>>,
    ) -> Self {
        let mut added = BTreeMap::new();
        if let (Some(made), Some(wanted)) = (&env, wanted) {
            let other = |(name, value): &(&String, &String)| made.get(*name) != Some(*value);
            let others = wanted.iter().filter(other);
            added.extend(others.map(|(name, value)| (name.clone(), value.clone())));
        }
        Self {
            id,
            busy: AtomicUsize::new(0),
            health: Mutex::new(Health {
                seen: Some(now),
                outage: None,
            }),
            moved,
            env,
            added,
            sandbox,
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Adds the session's variables that the sandbox was not created with. The request's own take precedence.
    pub(crate) fn with_variables<'a>(&self, request: &'a ExecRequest) -> Cow<'a, ExecRequest> {
        let mut request = Cow::Borrowed(request);
        for (name, value) in &self.added {
            if !request.env.contains_key(name) {
                request.to_mut().env.insert(name.clone(), value.clone());
            }
        }
        request
    }

    /// Returns whether it was seen alive since a given moment.
    pub(crate) fn seen_since(&self, since: Duration) -> bool {
        self.health().seen.is_some_and(|seen| seen >= since)
    }

    /// Records that it answers.
    pub(crate) fn saw(&self, now: Duration) {
        *self.health() = Health {
            seen: Some(now),
            outage: None,
        };
    }

    /// Records that its state cannot be determined, and returns whether that is new. The next caller checks again.
    pub(crate) fn missed(&self, reason: &str) -> bool {
        let mut health = self.health();
        health.seen = None;
        health.outage.replace(reason.to_owned()).is_none()
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.health)
    }
}
