//! Recovery after an earlier run of the application: its sandboxes are taken over or stopped, its records are read.
//!
//! The records say which sandbox belongs to which session. Reachable ones are taken over; unreachable ones are kept, and checked
//! again later. A sandbox of our name that no record names is destroyed only if it is certainly left over: this root's manager
//! created it, or its owner is gone. Without a root there are no records, and only the owner counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use backend_core::{Error, Liveness, Owner, Result, SandboxId, SandboxInfo, SandboxProvider};

use crate::capacity::{OpenPermit, Permit};
use crate::entry::{Descriptor, Entry, Resting};
use crate::event::{Cause, Event, EventKind};
use crate::guard::{Guard, holds};
use crate::info::Recovered;
use crate::inner::Inner;
use crate::labels;
use crate::phase::{Begun, Goal, Live, Transition};
use crate::running::Running;
use crate::stop::Teardown;
use crate::store::Record;

/// The outcome for a sandbox that a record names.
enum Fate {
    /// It runs, and its session continues.
    Adopted,
    /// It is being stopped or suspended.
    Ended,
    /// It may run, and could not be reached.
    Unreachable,
    /// It is suspended.
    Rests,
    /// It belongs to another session.
    Copy,
}

impl<P: SandboxProvider> Inner<P> {
    /// Takes over what an earlier run left. `named` says whether this manager has the name of an earlier one.
    pub(crate) async fn recover(self: &Arc<Self>, named: bool) -> Result<Recovered> {
        let mut recovered = Recovered::default();
        if !self.keeps_files() && !named {
            return Ok(recovered);
        }
        let existing: BTreeSet<SandboxId> =
            self.provisioner.existing().await?.into_iter().collect();
        let mut claimed = BTreeSet::new();
        if self.keeps_files() {
            self.judge_calendar().await?;
            claimed = self.recover_sessions(&existing, &mut recovered).await?;
        }
        for id in existing
            .difference(&claimed)
            .filter(|id| self.provisioner.is_ours(id))
        {
            let info = self.provisioner.inspect(id).await;
            if self.is_left_over(&info, &recovered) {
                recovered.orphans.push(id.clone());
                let permit = self.capacity.resident_anyway();
                self.orphans.destroy(id.clone(), Some(permit), None);
            } else {
                recovered.foreign.push(id.clone());
            }
        }
        Ok(recovered)
    }

    /// Takes over the sandboxes that records name, and returns their ids.
    async fn recover_sessions(
        self: &Arc<Self>,
        existing: &BTreeSet<SandboxId>,
        recovered: &mut Recovered,
    ) -> Result<BTreeSet<SandboxId>> {
        recovered.copied = self.disk(|store| Ok(store.is_copied())).await?;
        if recovered.copied {
            self.reporter.root(EventKind::RootCopied);
        }
        self.disk(crate::store::Store::clear_staging).await?;
        let (mut records, unreadable) = self.disk(read_all).await?;
        recovered.stored = records.len();
        for (id, error) in unreadable {
            let kind = EventKind::RecordUnreadable(error.clone());
            self.reporter.send(Event::of(&id, None, kind));
            recovered.unreadable.push((id, error));
        }
        for record in records.iter().filter(|record| record.copied) {
            self.tell_copied(&record.id);
            recovered.copies.push(record.id.clone());
        }
        // The most recently used come first, if there are not enough slots.
        records.sort_by_key(|record| std::cmp::Reverse(record.used()));
        records.retain(|record| {
            record
                .sandbox
                .as_ref()
                .is_some_and(|s| existing.contains(s))
        });
        let claimed = records
            .iter()
            .filter_map(|record| record.sandbox.clone())
            .collect();
        self.find_disputed(&records, recovered).await;
        let mut adopting = tokio::task::JoinSet::new();
        for record in records {
            let inner = Arc::clone(self);
            // The slots are taken in order, before any waiting. A suspended sandbox needs none, unless it turns out to run.
            let permits = if record.resting || recovered.disputed.contains(&record.id) {
                None
            } else {
                self.permits(&record)
            };
            let id = record.id.clone();
            adopting.spawn(async move { (id, inner.take_over(record, permits).await) });
        }
        while let Some(done) = adopting.join_next().await {
            match done {
                Ok((id, Fate::Adopted)) => recovered.adopted.push(id),
                Ok((id, Fate::Ended)) => recovered.ended.push(id),
                Ok((id, Fate::Unreachable)) => recovered.unreachable.push(id),
                Ok((id, Fate::Copy)) => recovered.copies.push(id),
                Ok((_, Fate::Rests)) => {}
                Err(error) => {
                    return Err(Error::internal_from(
                        None,
                        "a sandbox was not taken over",
                        error,
                    ));
                }
            }
        }
        for ids in [
            &mut recovered.adopted,
            &mut recovered.ended,
            &mut recovered.unreachable,
            &mut recovered.copies,
        ] {
            ids.sort();
        }
        Ok(claimed)
    }

    /// Finds the sandboxes that two records name and whose labels do not show the owner.
    async fn find_disputed(&self, records: &[Record], recovered: &mut Recovered) {
        let mut named: BTreeMap<&SandboxId, Vec<&SandboxId>> = BTreeMap::new();
        for record in records {
            if let Some(sandbox) = &record.sandbox {
                named.entry(sandbox).or_default().push(&record.id);
            }
        }
        for (sandbox, sessions) in named.into_iter().filter(|(_, ids)| ids.len() > 1) {
            let claims = sessions.iter().copied().cloned().collect();
            self.records.dispute(sandbox, claims);
            let info = self.provisioner.inspect(sandbox).await;
            if info.labels.contains_key(labels::SESSION) {
                continue;
            }
            for id in sessions {
                self.reporter
                    .send(Event::of(id, None, EventKind::SandboxDisputed).sandbox(Some(sandbox)));
                recovered.disputed.push(id.clone());
            }
        }
        recovered.disputed.sort();
    }

    fn tell_copied(&self, id: &SandboxId) {
        self.reporter
            .send(Event::of(id, None, EventKind::RecordCopied));
    }

    /// Returns whether a sandbox of our name that no record names is certainly left over.
    fn is_left_over(&self, info: &SandboxInfo, recovered: &Recovered) -> bool {
        if !holds(Guard::OrphanOwner) {
            return true;
        }
        if recovered.copied {
            return false;
        }
        let session = info.labels.get(labels::SESSION);
        // One from the warm pool has no such label, whichever session it has.
        let may_name =
            |(id, _): &(SandboxId, Error)| session.is_none_or(|session| session == id.as_str());
        if recovered.unreadable.iter().any(may_name) {
            // An unreadable record may name it, and its sandbox is left alone.
            return false;
        }
        let owner_gone = info.owner == Owner::Gone;
        match info.labels.get(labels::MANAGER) {
            // Only the manager of this root sets this mark, and the root is locked.
            Some(mark) if mark == self.provisioner.mark() => self.keeps_files() || owner_gone,
            // The next manager on the other root takes it over.
            Some(mark) if mark.starts_with(labels::ROOT_MARK) => false,
            Some(_) => !self.keeps_files() && owner_gone,
            None => owner_gone,
        }
    }

    /// Takes the slots for a session and its sandbox, if available.
    fn permits(self: &Arc<Self>, record: &Record) -> Option<(OpenPermit, Permit)> {
        let open = self.capacity.open(record.tenant.as_deref()).ok()?;
        Some((open, self.capacity.resident()?))
    }

    /// Takes a sandbox over, stops it, or leaves it as it is.
    async fn take_over(
        self: Arc<Self>,
        record: Record,
        permits: Option<(OpenPermit, Permit)>,
    ) -> Fate {
        let Some(resting) = record.to_resting() else {
            return Fate::Rests;
        };
        let info = self.provisioner.inspect(&resting.id).await;
        let label = info.labels.get(labels::SESSION);
        if label.is_some_and(|label| label != record.id.as_str()) && holds(Guard::SessionLabel) {
            self.tell_copied(&record.id);
            if self.starter.is_abandoned(&resting.id, &info).await {
                return self.end_abandoned(&record, resting, permits);
            }
            return Fate::Copy;
        }
        if label.is_none() && self.records.is_disputed(&resting.id) {
            return Fate::Rests;
        }
        match info.liveness {
            Liveness::Alive => self.take_running(record, resting, permits).await,
            Liveness::Gone { .. } => self.stop_one(&record, resting, permits, Goal::Close),
            Liveness::Asleep { .. } if resting.anew || !self.provisioner.suspends() => {
                self.stop_one(&record, resting, permits, Goal::Close)
            }
            Liveness::Asleep { .. } => Fate::Rests,
            Liveness::Unknown { .. } if record.resting => Fate::Rests,
            Liveness::Unknown { .. } => self.keep_unreached(&record, resting, permits),
        }
    }

    async fn take_running(
        self: &Arc<Self>,
        record: Record,
        resting: Resting,
        permits: Option<(OpenPermit, Permit)>,
    ) -> Fate {
        let Some((open, permit)) = permits.or_else(|| self.permits(&record)) else {
            let goal = if self.provisioner.suspends() && !resting.anew {
                Goal::Hibernate
            } else {
                // Its files are in the root.
                Goal::Close
            };
            return self.stop_one(&record, resting, None, goal);
        };
        match self.provisioner.attach(&resting.id).await {
            Ok(running) => {
                let entry = self.enter_table(&record);
                entry.descriptor.get_or_init(|| Descriptor::of(&*running));
                {
                    let mut state = entry.lock();
                    state.open = Some(open);
                    let running = Running::new(
                        resting.id,
                        running,
                        self.now(),
                        resting.anew,
                        resting.env,
                        state.profile.as_ref().map(|profile| &profile.env),
                    );
                    let live = Live {
                        running: Arc::new(running),
                        permit,
                    };
                    let _ = state.apply(Transition::Adopted(live));
                }
                self.reporter.session(&entry, EventKind::Adopted);
                Fate::Adopted
            }
            Err(_)
                if self
                    .provisioner
                    .inspect(&resting.id)
                    .await
                    .liveness
                    .is_gone() =>
            {
                self.stop_one(&record, resting, Some((open, permit)), Goal::Close)
            }
            Err(_) => self.keep_unreached(&record, resting, Some((open, permit))),
        }
    }

    /// Puts a session into the table before any caller has asked about it.
    fn enter_table(self: &Arc<Self>, record: &Record) -> Arc<Entry<P::Sandbox>> {
        let entry = Arc::new(Entry::new(record.id.clone(), false));
        {
            let mut state = entry.lock();
            state.profile = Some(Arc::new(record.profile()));
            // It counts as used now: its user may return after the crash.
            state.used = self.now();
        }
        self.table
            .lock()
            .insert(record.id.clone(), Arc::clone(&entry));
        entry
    }

    /// Keeps a sandbox that could not be reached, with its permit, until it is reached.
    fn keep_unreached(
        self: &Arc<Self>,
        record: &Record,
        mut resting: Resting,
        permits: Option<(OpenPermit, Permit)>,
    ) -> Fate {
        if !holds(Guard::UnreachableIsKept) {
            return self.stop_one(record, resting, permits, Goal::Close);
        }
        let permit = permits.map_or_else(|| self.capacity.resident_anyway(), |(_, permit)| permit);
        resting.permit = Some(permit);
        resting.certain = false;
        self.enter_table(record).lock().resting = Some(resting);
        Fate::Unreachable
    }

    /// Stops or suspends a sandbox that cannot be taken over. Until that is done its session has no other one.
    fn stop_one(
        self: &Arc<Self>,
        record: &Record,
        mut resting: Resting,
        permits: Option<(OpenPermit, Permit)>,
        goal: Goal,
    ) -> Fate {
        let permit = permits.map_or_else(|| self.capacity.resident_anyway(), |(_, permit)| permit);
        resting.permit = Some(permit);
        resting.certain = false;
        let entry = self.enter_table(record);
        let mut state = entry.lock();
        state.resting = Some(resting);
        let _ = self
            .stopper
            .begin_stop(&entry, &mut state, goal, Cause::Recovery);
        Fate::Ended
    }

    /// Destroys a sandbox that a session names and that is labelled for another one, which does not. The session was renamed, and
    /// its files may still be in it, so that it gets no other one until that is done.
    fn end_abandoned(
        self: &Arc<Self>,
        record: &Record,
        resting: Resting,
        permits: Option<(OpenPermit, Permit)>,
    ) -> Fate {
        let permit = permits.map_or_else(|| self.capacity.resident_anyway(), |(_, permit)| permit);
        let entry = self.enter_table(record);
        let (goal, cause) = (Goal::Close, Cause::Recovery);
        let begun = entry.lock().begin(Transition::Stop { goal, cause });
        if let Ok(Begun { completion, .. }) = begun {
            let teardown = Teardown {
                named: Some(resting.id.clone()),
                exists: Some(resting.id),
                permit: Some(permit),
                ..Teardown::new(goal, completion)
            };
            let stopper = Arc::clone(&self.stopper);
            self.tasks
                .spawn(async move { stopper.stop(entry, teardown).await });
        }
        Fate::Ended
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
