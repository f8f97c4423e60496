//! Shutting a manager down: every sandbox is stopped concurrently, and every failure is reported.

use std::sync::Arc;

use backend_core::{Error, SandboxId, SandboxProvider};

use crate::errors::{closing, stuck};
use crate::event::Cause;
use crate::info::ShutdownReport;
use crate::inner::Inner;
use crate::phase::{Goal, Phase, Transition};
use crate::single_flight::SingleFlight;

impl<P: SandboxProvider> Inner<P> {
    pub(crate) async fn shut_down(self: &Arc<Self>) -> ShutdownReport {
        let began = tokio::time::Instant::now();
        self.closing.set(());
        self.cleaner.stop();
        let mut report = ShutdownReport::default();
        let mut ending: Vec<(SandboxId, SingleFlight)> = Vec::new();
        let mut pooled: Vec<SandboxId> = Vec::new();
        loop {
            let starting = self.end_sessions(&mut ending);
            self.end_pool(&mut pooled);
            if starting.is_empty() {
                break;
            }
            for (id, flight) in starting {
                if let Err(error) = flight.over().await {
                    // Its start was lost with another runtime; what it left is unknown.
                    if let Some(entry) = self.table.lock().remove(&id) {
                        let _ = entry.lock().apply(Transition::Lost);
                    }
                    report.failures.push((id, error));
                }
            }
        }
        for (id, flight) in ending {
            match flight.outcome().await {
                Ok(()) => report.stopped += 1,
                Err(error) => report.failures.push((id, error)),
            }
        }
        self.tasks.settled().await;
        // Pool sandboxes whose creation was in progress exist by now.
        self.end_pool(&mut pooled);
        self.tasks.settled().await;
        for entry in self.table.entries() {
            let known = report.failures.iter().any(|(id, _)| *id == entry.id);
            let left = match entry.lock().phase() {
                Phase::Stopping(stopping) => Some(stopping.stuck.clone()),
                _ => None,
            };
            if let Some(error) = left.filter(|_| !known) {
                let error = error.unwrap_or_else(closing);
                report
                    .failures
                    .push((entry.id.clone(), stuck(&entry.id, &error)));
            }
        }
        {
            let orphans = self.orphans.ids();
            pooled.retain(|id| !orphans.contains(id));
            report.stopped += pooled.len();
            let left = orphans.into_iter().map(|id| (id.clone(), left(&id)));
            report.failures.extend(left);
        }
        report.failures.sort_by(|a, b| a.0.cmp(&b.0));
        self.records.unlock();
        report.took = began.elapsed();
        report
    }

    /// Starts stopping every session that has a sandbox, and returns the starts in progress that have to be waited for.
    fn end_sessions(
        self: &Arc<Self>,
        ending: &mut Vec<(SandboxId, SingleFlight)>,
    ) -> Vec<(SandboxId, SingleFlight)> {
        let mut starting = Vec::new();
        for entry in self.table.entries() {
            let mut state = entry.lock();
            let goal = if self.keeps_files() {
                Goal::Hibernate
            } else {
                Goal::Close
            };
            let resting = state.resting.as_ref();
            // A resume that was given up, or an outage, leaves one that may run. Without a root, none would be found again.
            let may_stay =
                resting.is_none_or(|resting| self.keeps_files() && resting.permit.is_none());
            match state.phase() {
                Phase::Starting(flight) => starting.push((entry.id.clone(), flight.clone())),
                Phase::Live(_) => {
                    let flight = self
                        .stopper
                        .begin_stop(&entry, &mut state, goal, Cause::Shutdown);
                    ending.extend(flight.ok().map(|flight| (entry.id.clone(), flight)));
                }
                Phase::Known | Phase::Hibernated if !may_stay => {
                    let flight = self
                        .stopper
                        .begin_stop(&entry, &mut state, goal, Cause::Shutdown);
                    ending.extend(flight.ok().map(|flight| (entry.id.clone(), flight)));
                }
                Phase::Stopping(stopping) if stopping.goal < goal => {
                    let cause = Cause::Shutdown;
                    let _ = state.apply(Transition::Extend { goal, cause });
                }
                _ => {}
            }
        }
        starting
    }

    fn end_pool(self: &Arc<Self>, pooled: &mut Vec<SandboxId>) {
        loop {
            let Some(warm) = self.warm.pool().take_any() else {
                return;
            };
            pooled.push(warm.id.clone());
            self.orphans.destroy(warm.id, Some(warm.permit), None);
        }
    }
}

fn left(id: &SandboxId) -> Error {
    Error::unavailable(format!(
        "sandbox '{id}', which belongs to no session, could not be destroyed"
    ))
}
