//! The end of a manager: every sandbox is stopped at the same time, and every failure is reported.

use std::sync::Arc;

use backend_core::{Error, SandboxId, SandboxProvider};

use crate::decide::stuck;
use crate::entry::{Flight, Goal, Phase};
use crate::event::Cause;
use crate::info::ShutdownReport;
use crate::inner::{Inner, lock};

impl<P: SandboxProvider> Inner<P> {
    pub(crate) async fn shut_down(self: &Arc<Self>) -> ShutdownReport {
        let began = tokio::time::Instant::now();
        self.closing.set(());
        self.stop_cleaning();
        let mut report = ShutdownReport::default();
        let mut ending: Vec<(SandboxId, Flight)> = Vec::new();
        loop {
            let starting = self.end_sessions(&mut ending);
            self.end_pool(&mut report);
            if starting.is_empty() {
                break;
            }
            for flight in starting {
                let _ = flight.outcome().await;
            }
        }
        for (id, flight) in ending {
            match flight.outcome().await {
                Ok(()) => report.stopped += 1,
                Err(error) => report.failures.push((id, error)),
            }
        }
        self.settled().await;
        // A sandbox of the pool that was being made has been made by now.
        self.end_pool(&mut report);
        self.settled().await;
        for entry in self.entries() {
            let known = report.failures.iter().any(|(id, _)| *id == entry.id);
            if !known && matches!(entry.lock().phase, Phase::Leaving(_)) {
                report.failures.push((entry.id.clone(), stuck(&entry.id)));
            }
        }
        for id in lock(&self.orphans).keys() {
            report.stopped = report.stopped.saturating_sub(1);
            report.failures.push((id.clone(), left(id)));
        }
        report.failures.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(store) = &self.store {
            store.unlock();
        }
        report.took = began.elapsed();
        report
    }

    /// Begins to end every session that has a sandbox, and returns what is being started and has to be waited for.
    fn end_sessions(self: &Arc<Self>, ending: &mut Vec<(SandboxId, Flight)>) -> Vec<Flight> {
        let mut starting = Vec::new();
        for entry in self.entries() {
            let mut slot = entry.lock();
            let goal = if self.keeps_files() {
                Goal::Hibernate
            } else {
                Goal::Close
            };
            match &slot.phase {
                Phase::Starting(flight) => starting.push(flight.clone()),
                Phase::Live(_) => {
                    let flight = self.begin_leave(&entry, &mut slot, goal, Cause::Shutdown);
                    ending.push((entry.id.clone(), flight));
                }
                // Without a record nobody would find it again.
                Phase::Hibernated if slot.resting.is_some() && !self.keeps_files() => {
                    let flight = self.begin_leave(&entry, &mut slot, goal, Cause::Shutdown);
                    ending.push((entry.id.clone(), flight));
                }
                Phase::Leaving(leaving) if leaving.goal < goal => {
                    if let Phase::Leaving(leaving) = &mut slot.phase {
                        leaving.goal = goal;
                        leaving.cause = Cause::Shutdown;
                    }
                }
                _ => {}
            }
        }
        starting
    }

    fn end_pool(self: &Arc<Self>, report: &mut ShutdownReport) {
        loop {
            let Some(warm) = lock(&self.pool).spare() else {
                return;
            };
            report.stopped += 1;
            self.begin_orphan(warm.id, Some(warm.permit), None);
        }
    }
}

fn left(id: &SandboxId) -> Error {
    Error::Unavailable {
        message: format!("sandbox '{id}', which belongs to no session, could not be destroyed"),
        source: None,
    }
}
