//! What an earlier run of the application left: its sandboxes are taken over or ended, its records are read.
//!
//! The records say which sandbox is whose. A sandbox of our name that no record names was in the warm pool, or on its way
//! there, when the earlier run ended: nobody's files are in it. Where no files are kept there are no records, and none of the
//! sandboxes is anybody's any more.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use backend_core::{Error, Result, SandboxId, SandboxProvider};

use crate::entry::{Body, Entry, Face, Flight, Goal, Leaving, Live, Phase};
use crate::event::{Cause, Event, EventKind};
use crate::guarded::guarded;
use crate::info::Recovered;
use crate::inner::Inner;
use crate::leave::Departure;
use crate::rooms::{OpenPermit, Permit};
use crate::store::Record;

impl<P: SandboxProvider> Inner<P> {
    /// Takes over what there is. `named` says whether this manager has a name that an earlier one had.
    pub(crate) async fn recover(self: &Arc<Self>, named: bool) -> Result<Recovered> {
        let mut recovered = Recovered::default();
        if !self.keeps_files() && !named {
            return Ok(recovered);
        }
        let existing: BTreeSet<SandboxId> = self.existing().await?.into_iter().collect();
        let mut claimed = BTreeSet::new();
        if self.keeps_files() {
            self.disk(crate::store::Store::clear_staging).await?;
            let (mut records, unreadable) = self.disk(read_all).await?;
            recovered.stored = records.len();
            for (id, error) in unreadable {
                let kind = EventKind::RecordUnreadable(error.clone());
                self.tell(Event::of(&id, None, kind));
                recovered.unreadable.push((id, error));
            }
            // Those that were used last come first, if there is not room for all.
            records.sort_by_key(|record| std::cmp::Reverse(record.used()));
            records.retain(|record| {
                record
                    .sandbox
                    .as_ref()
                    .is_some_and(|s| existing.contains(s))
            });
            claimed.extend(records.iter().filter_map(|record| record.sandbox.clone()));
            let mut adopting = tokio::task::JoinSet::new();
            for record in records {
                let inner = Arc::clone(self);
                // The places are taken in order, before anything is waited for. What rests needs none, unless it runs after all.
                let places = if record.resting {
                    None
                } else {
                    self.places(&record)
                };
                adopting.spawn(async move { inner.take_over(record, places).await });
            }
            while let Some(done) = adopting.join_next().await {
                match done {
                    Ok(Some((id, true))) => recovered.adopted.push(id),
                    Ok(Some((id, false))) => recovered.ended.push(id),
                    Ok(None) => {}
                    Err(error) => {
                        return Err(Error::internal(None, "a sandbox was not taken over", error));
                    }
                }
            }
            recovered.adopted.sort();
            recovered.ended.sort();
        }
        for id in existing.difference(&claimed).filter(|id| self.is_ours(id)) {
            recovered.orphans.push(id.clone());
            let permit = self.rooms.resident_anyway();
            self.begin_orphan(id.clone(), Some(permit), None);
        }
        Ok(recovered)
    }

    /// Takes the places of a session and its sandbox, if there are any.
    fn places(self: &Arc<Self>, record: &Record) -> Option<(OpenPermit, Permit)> {
        let open = self.rooms.open(record.tenant.as_deref()).ok()?;
        Some((open, self.rooms.resident()?))
    }

    /// Takes a sandbox over, or begins to end it. Returns which of them, or `None` if it is left at rest.
    async fn take_over(
        self: Arc<Self>,
        record: Record,
        places: Option<(OpenPermit, Permit)>,
    ) -> Option<(SandboxId, bool)> {
        let id = record.id.clone();
        let sandbox = record.sandbox.clone()?;
        let attached = if places.is_some() || record.resting {
            self.attach(&sandbox).await
        } else {
            None
        };
        if attached.is_none() && record.resting {
            return None;
        }
        let places = places.or_else(|| {
            let late = attached.is_some();
            late.then(|| self.places(&record)).flatten()
        });
        let entry = Arc::new(Entry::new(id.clone(), Phase::Unloaded));
        let adopted = attached.is_some();
        // Before anything else: what ends takes itself out of the table again.
        self.table().insert(id.clone(), Arc::clone(&entry));
        {
            let mut slot = entry.lock();
            slot.profile = Some(Arc::new(record.profile()));
            // It counts as used now: who used it before the crash may come back.
            slot.used = self.now();
            match (attached, places) {
                (Some(running), Some((open, permit))) => {
                    entry.face.get_or_init(|| Face::of(&*running));
                    slot.open = Some(open);
                    slot.phase = Phase::Live(Live {
                        body: Arc::new(Body {
                            id: sandbox,
                            busy: AtomicUsize::new(0),
                            seen: Mutex::new(self.now()),
                            moved: record.moved,
                            sandbox: running,
                        }),
                        permit,
                    });
                }
                (_, places) => self.bury_left(&entry, &mut slot, sandbox, places),
            }
        }
        if adopted {
            self.tell_of(&entry, EventKind::Adopted);
        }
        Some((id, adopted))
    }

    /// Ends a sandbox that cannot be taken over. Until that is done its session has no other one.
    fn bury_left(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        slot: &mut crate::entry::Slot<P::Sandbox>,
        sandbox: SandboxId,
        places: Option<(OpenPermit, Permit)>,
    ) {
        let (landing, flight) = Flight::begin();
        slot.phase = Phase::Leaving(Leaving {
            goal: Goal::Close,
            cause: Cause::Recovery,
            flight,
            heir: None,
            stuck: false,
        });
        let permit = places.map_or_else(|| self.rooms.resident_anyway(), |(_, permit)| permit);
        let departure = Departure {
            exists: Some(sandbox),
            permit: Some(permit),
            rest: false,
            rests: false,
            body: None,
            landing,
            answer: None,
            first_goal: Goal::Close,
            write: true,
        };
        let (inner, entry) = (Arc::clone(self), Arc::clone(entry));
        self.spawn(async move { inner.depart(entry, departure).await });
    }

    async fn attach(&self, id: &SandboxId) -> Option<Arc<P::Sandbox>> {
        let _turn = self.turn().await.ok()?;
        let (provider, id) = (Arc::clone(&self.provider), id.clone());
        let attach = async move { provider.attach(&id).await };
        let limit = self.settings.stop_timeout;
        guarded("attaching to the sandbox", limit, self.closed(), attach)
            .await
            .ok()
    }
}

type Read = (Vec<Record>, Vec<(SandboxId, Error)>);

/// Reads all records, and says which cannot be read.
fn read_all(store: &crate::store::Store) -> Result<Read> {
    let (mut records, mut unreadable) = (Vec::new(), Vec::new());
    for id in store.ids()? {
        match store.load(&id) {
            Ok(record) => records.extend(record),
            Err(error) => unreadable.push((id, error)),
        }
    }
    Ok((records, unreadable))
}
