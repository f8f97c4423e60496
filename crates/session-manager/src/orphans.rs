//! Orphaned sandboxes: without a session, they are destroyed, however long it takes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use backend_core::{SandboxId, SandboxProvider};
use tokio::sync::Notify;

use crate::capacity::Permit;
use crate::event::EventKind;
use crate::lock::lock;
use crate::phase::Waiter;
use crate::provisioner::Provisioner;
use crate::records::Records;
use crate::reporter::Reporter;
use crate::tasks::Tasks;

/// The orphaned sandboxes.
pub(crate) struct Orphans<P: SandboxProvider> {
    provisioner: Arc<Provisioner<P>>,
    records: Arc<Records>,
    reporter: Arc<Reporter>,
    tasks: Arc<Tasks>,
    /// Number of attempts after which a waiter no longer waits, and a shutdown gives up.
    attempts: u32,
    /// Each holds its permit until destroyed; without a permit, it is the remains of one that is gone.
    held: Mutex<BTreeMap<SandboxId, Option<Permit>>>,
    /// Triggers the next attempt to destroy them.
    nudge: Notify,
}

impl<P: SandboxProvider> Orphans<P> {
    pub(crate) fn new(
        provisioner: Arc<Provisioner<P>>,
        records: Arc<Records>,
        reporter: Arc<Reporter>,
        tasks: Arc<Tasks>,
        attempts: u32,
    ) -> Self {
        Self {
            provisioner,
            records,
            reporter,
            tasks,
            attempts,
            held: Mutex::default(),
            nudge: Notify::new(),
        }
    }

    /// Starts destroying a sandbox. Its permit goes to the waiter, if any.
    pub(crate) fn destroy(
        self: &Arc<Self>,
        id: SandboxId,
        permit: Option<Permit>,
        waiter: Option<Waiter>,
    ) {
        lock(&self.held).insert(id.clone(), permit);
        let orphans = Arc::clone(self);
        self.tasks
            .spawn(async move { orphans.run(id, waiter).await });
    }

    /// Removes the remains of a sandbox that is gone, unless that is being done.
    pub(crate) fn remove_remains(self: &Arc<Self>, id: SandboxId) {
        if lock(&self.held).contains_key(&id) {
            return;
        }
        self.destroy(id, None, None);
    }

    /// Triggers the next attempt to destroy those that could not be destroyed.
    pub(crate) fn hurry(&self) {
        self.nudge.notify_waiters();
    }

    /// Returns those that are not destroyed yet.
    pub(crate) fn ids(&self) -> Vec<SandboxId> {
        lock(&self.held).keys().cloned().collect()
    }

    async fn run(self: Arc<Self>, id: SandboxId, mut waiter: Option<Waiter>) {
        let mut attempt: u32 = 0;
        while let Err(error) = self.provisioner.end(&id, false).await {
            if self.provisioner.inspect(&id).await.liveness.is_gone() {
                // It holds no permit any more; the remains are gone if it is no longer listed, otherwise the removal is retried.
                hand_over(
                    lock(&self.held).get_mut(&id).and_then(Option::take),
                    waiter.take(),
                );
                let existing = self.provisioner.existing().await;
                if existing.is_ok_and(|ids| !ids.contains(&id)) {
                    break;
                }
            }
            attempt = attempt.saturating_add(1);
            self.reporter
                .sandbox(&id, EventKind::StopFailed { attempt, error });
            if attempt >= self.attempts {
                waiter = None;
                if self.provisioner.is_closing() {
                    return;
                }
            }
            let nudged = self.nudge.notified();
            self.provisioner.wait_to_retry(attempt, nudged).await;
        }
        hand_over(lock(&self.held).remove(&id).flatten(), waiter);
        if self.records.keeps_files() {
            let staged = id.clone();
            let removed = self.records.disk(move |store| store.unstage(&staged)).await;
            if let Err(error) = removed {
                self.reporter.sandbox(&id, EventKind::RemovalFailed(error));
            }
        }
        self.reporter.sandbox(&id, EventKind::OrphanDestroyed);
    }
}

/// Hands a permit to its waiter. Without one, or if it is gone, the permit is released.
pub(crate) fn hand_over(permit: Option<Permit>, waiter: Option<Waiter>) {
    if let (Some(waiter), Some(permit)) = (waiter, permit) {
        let _ = waiter.send(permit);
    }
}
