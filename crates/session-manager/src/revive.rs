//! Bringing back the sandbox that a session had: attach, resume, or find it gone.
//!
//! The provider is asked first, whatever the record says. While the sandbox may exist the session does not get another one,
//! because its files may be in it, or it may be writing to them.

use std::sync::Arc;

use backend_core::{Error, Liveness, Result, SandboxId, SandboxInfo, SandboxProvider};

use crate::capacity::Permit;
use crate::entry::{Entry, Profile, Resting};
use crate::errors::unreachable;
use crate::event::EventKind;
use crate::guard::{Guard, holds};
use crate::labels;
use crate::launch::{Failed, Started};
use crate::phase::Phase;
use crate::start::Starter;
use crate::store::Record;

impl<P: SandboxProvider> Starter<P> {
    /// Brings the sandbox of a session back. `None` if it no longer exists and a new one may replace it.
    pub(crate) async fn bring_back(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        profile: &Profile,
        mut resting: Resting,
    ) -> Result<Option<Started<P::Sandbox>>, Failed> {
        let info = self.provisioner.inspect(&resting.id).await;
        if let Some(label) = info.labels.get(labels::SESSION)
            && label != entry.id.as_str()
            && holds(Guard::SessionLabel)
        {
            self.reporter.session(entry, EventKind::RecordCopied);
            // It may have the files of this session, if that was renamed.
            if self.is_abandoned(&resting.id, &info).await
                && let Err(error) = self.provisioner.end(&resting.id, false).await
            {
                return Err(kept(resting, error));
            }
            return Ok(None);
        }
        if !info.labels.contains_key(labels::SESSION) && self.records.is_disputed(&resting.id) {
            let why = "two sessions name its sandbox, and its owner is not known";
            return Err(kept(resting, unreachable(&entry.id, why)));
        }
        match info.liveness {
            Liveness::Gone { .. } => self.replace(resting),
            Liveness::Unknown { .. } if !holds(Guard::NeverReplaceResting) => self.replace(resting),
            Liveness::Unknown { reason } => {
                let error = unreachable(&entry.id, &reason);
                Err(kept(resting, error))
            }
            Liveness::Asleep { reason } if resting.anew || !self.provisioner.suspends() => {
                if !self.records.keeps_files() {
                    let error = unreachable(&entry.id, &reason);
                    return Err(kept(resting, error));
                }
                // Its files are in the root, and it cannot be resumed as required.
                match self.provisioner.end(&resting.id, false).await {
                    Ok(()) => Ok(None),
                    Err(error) if self.is_gone(&resting).await => {
                        drop(error);
                        self.replace(resting)
                    }
                    Err(error) => Err(kept(resting, error)),
                }
            }
            found => {
                let permit = match resting.permit.take() {
                    Some(permit) => permit,
                    None => match self.admission.acquire_permit().await {
                        Ok(permit) => permit,
                        Err(error) => return Err(kept(resting, error)),
                    },
                };
                self.wake(entry, profile, resting, permit, found.is_alive())
                    .await
            }
        }
    }

    /// Attaches to a running sandbox, or resumes a suspended one.
    async fn wake(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        profile: &Profile,
        mut resting: Resting,
        permit: Permit,
        runs: bool,
    ) -> Result<Option<Started<P::Sandbox>>, Failed> {
        let mut woken = self.provisioner.resume(&resting.id, runs).await;
        let mut found = None;
        if woken.is_err() {
            let liveness = self.provisioner.inspect(&resting.id).await.liveness;
            // The answer was lost, but it runs.
            if !runs && liveness.is_alive() {
                woken = self.provisioner.resume(&resting.id, true).await;
            } else {
                found = Some(liveness);
            }
        }
        let error = match woken {
            Ok(sandbox) => {
                if self.records.keeps_files() {
                    let mut record =
                        Record::new(&entry.id, profile, self.calendar.date(self.calendar.now()))
                            .with_resting(Some(&resting));
                    record.resting = false;
                    // A record that still says suspended does no harm: the provider is asked anyway.
                    self.records.save(entry, record).await;
                }
                return Ok(Some(Started {
                    id: resting.id,
                    sandbox,
                    permit,
                    warm: true,
                    moved: resting.anew,
                    env: resting.env,
                }));
            }
            Err(error) => error,
        };
        let found = match found {
            Some(found) => found,
            None => self.provisioner.inspect(&resting.id).await.liveness,
        };
        match found {
            Liveness::Gone { .. } => {
                drop(permit);
                self.replace(resting)
            }
            Liveness::Asleep { .. } => {
                resting.certain = true;
                Err(kept(resting, error))
            }
            Liveness::Unknown { .. } if !holds(Guard::NeverReplaceResting) => {
                drop(permit);
                self.replace(resting)
            }
            // It may run, and then it needs its permit.
            Liveness::Alive | Liveness::Unknown { .. } => {
                resting.certain = false;
                resting.permit = Some(permit);
                Err(kept(resting, error))
            }
        }
    }

    /// Allows a new sandbox to replace one that is gone, if the files still exist.
    fn replace(self: &Arc<Self>, resting: Resting) -> Result<Option<Started<P::Sandbox>>, Failed> {
        // Its remains hold no permit.
        self.orphans.remove_remains(resting.id);
        if self.records.keeps_files() {
            return Ok(None);
        }
        Err(Failed {
            lost: true,
            ..Failed::from(Error::unavailable(
                "the sandbox of the session is gone and its files are lost".to_owned(),
            ))
        })
    }

    /// Returns whether a sandbox of this root, labelled for another session, belongs to none: the session it is labelled for does
    /// not name it.
    pub(crate) async fn is_abandoned(&self, sandbox: &SandboxId, info: &SandboxInfo) -> bool {
        let owner = info.labels.get(labels::SESSION).map(SandboxId::parse);
        let Some(Ok(owner)) = owner else {
            return false;
        };
        if info.labels.get(labels::MANAGER).map(String::as_str) != Some(self.provisioner.mark()) {
            return false;
        }
        // Its directory may have been renamed while it is open.
        let open = self.table.get(&owner);
        let held = open.is_some_and(|entry| {
            let state = entry.lock();
            let resting = state.resting.as_ref().map(|resting| &resting.id);
            let known = state.running().map(|running| &running.id).or(resting);
            known == Some(sandbox)
                || matches!(state.phase(), Phase::Starting(_) | Phase::Stopping(_))
        });
        if held {
            return false;
        }
        match self.records.disk(move |store| store.load(&owner)).await {
            Ok(record) => record.is_none_or(|record| record.sandbox.as_ref() != Some(sandbox)),
            // An unreadable record may name it.
            Err(_) => false,
        }
    }

    async fn is_gone(&self, resting: &Resting) -> bool {
        self.provisioner
            .inspect(&resting.id)
            .await
            .liveness
            .is_gone()
    }
}

/// A start that failed and changed nothing.
fn kept(resting: Resting, error: Error) -> Failed {
    Failed {
        kept: Some(Box::new(resting)),
        ..Failed::from(error)
    }
}
