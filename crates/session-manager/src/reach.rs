//! Sandboxes that may run and could not be reached: checked again until their state is known.

use std::sync::Arc;

use backend_core::{Liveness, Result, SandboxId, SandboxProvider};

use crate::entry::{Entry, State};
use crate::inner::Inner;
use crate::launch::Origin;
use crate::phase::{Phase, Transition};
use crate::single_flight::SingleFlight;
use crate::store::Record;
use crate::table::retire;

/// The outcome for one session.
pub(crate) enum Done {
    Nothing,
    Unreachable,
    Hibernated,
    Released,
    Purged,
    Died,
    Busy,
}

impl<P: SandboxProvider> Inner<P> {
    /// Checks the sandbox of a session that is not live again, and takes it over if it runs.
    pub(crate) async fn reach(self: &Arc<Self>, entry: &Arc<Entry<P::Sandbox>>) -> Result<Done> {
        let id = {
            let state = entry.lock();
            let resting = state.resting.as_ref().filter(|r| r.permit.is_some());
            resting.map(|resting| resting.id.clone())
        };
        let Some(id) = id else {
            return Ok(Done::Nothing);
        };
        let found = self.provisioner.inspect(&id).await.liveness;
        if found.is_alive() {
            let Some(flight) = self.begin_reach(entry, &id)? else {
                return Ok(Done::Nothing);
            };
            let started = flight.outcome().await.is_ok();
            return Ok(if started {
                Done::Nothing
            } else {
                Done::Unreachable
            });
        }
        let (done, record) = {
            let mut table = self.table.lock();
            let mut state = entry.lock();
            if !self.may_reach(&state, &id) {
                return Ok(Done::Nothing);
            }
            match found {
                Liveness::Alive | Liveness::Unknown { .. } => return Ok(Done::Unreachable),
                Liveness::Asleep { .. } => {
                    if let Some(resting) = state.resting.as_mut() {
                        resting.certain = true;
                        resting.permit = None;
                    }
                }
                Liveness::Gone { .. } => state.resting = None,
            }
            let gone = state.resting.is_none();
            if gone && !self.keeps_files() {
                let _ = state.apply(Transition::Vanished);
            }
            let record = state.profile.as_ref().map(|profile| {
                Record::new(&entry.id, profile, self.date(state.used))
                    .with_resting(state.resting.as_ref())
            });
            retire(&mut table, entry, &state);
            let done = if gone { Done::Died } else { Done::Hibernated };
            (done, record)
        };
        if matches!(done, Done::Died) {
            self.reporter.death(entry, self.keeps_files());
            self.orphans.remove_remains(id);
        }
        if let Some(record) = record.filter(|_| self.keeps_files()) {
            self.records.save(entry, record).await;
        }
        Ok(done)
    }

    /// Starts taking over a running sandbox.
    fn begin_reach(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        id: &SandboxId,
    ) -> Result<Option<SingleFlight>> {
        let mut state = entry.lock();
        if !self.may_reach(&state, id) {
            return Ok(None);
        }
        let origin = match state.phase() {
            Phase::Known => Origin::Stored,
            Phase::Hibernated => Origin::Asleep,
            _ => return Ok(None),
        };
        if origin == Origin::Stored {
            state.open = Some(self.capacity.open(state.tenant())?);
        }
        self.starter
            .begin_start(entry, &mut state, origin)
            .map(Some)
    }

    /// Returns whether the session is unchanged since its sandbox was checked.
    fn may_reach(&self, state: &State<P::Sandbox>, id: &SandboxId) -> bool {
        let resting = state.resting.as_ref();
        // A start that has just begun takes the sandbox a moment later.
        matches!(state.phase(), Phase::Known | Phase::Hibernated)
            && !self.is_closing()
            && resting.is_some_and(|r| r.id == *id && r.permit.is_some())
    }
}

#[cfg(test)]
mod tests {
    use backend_conformance::FakeProvider;
    use backend_core::SandboxId;
    use backend_state::StateBackend;

    use super::Done;
    use crate::SessionManager;
    use crate::entry::Resting;
    use crate::phase::{Phase, Transition};

    #[tokio::test]
    async fn a_session_that_is_being_started_is_left_to_its_start() {
        let provider = FakeProvider::new(|_| Ok(StateBackend::new()));
        let builder = SessionManager::builder(provider).cleanup_interval(None);
        let manager = builder.build().await.unwrap();
        let inner = manager.inner();
        let claim = inner.table.claim(&SandboxId::parse("a").unwrap());
        {
            let mut state = claim.entry.lock();
            let _work = state.begin(Transition::Start).unwrap();
            state.resting = Some(Resting {
                id: SandboxId::parse("gone").unwrap(),
                certain: false,
                anew: false,
                env: None,
                permit: Some(inner.capacity.resident_anyway()),
            });
        }
        let done = inner.reach(&claim.entry).await;
        assert!(matches!(done, Ok(Done::Nothing)));
        let state = claim.entry.lock();
        assert!(matches!(state.phase(), Phase::Starting(_)) && state.resting.is_some());
    }
}
