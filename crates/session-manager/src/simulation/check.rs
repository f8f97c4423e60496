//! The invariants after each step, and in the evening, when everything has settled.

use std::collections::BTreeSet;
use std::time::Duration;

use backend_core::SandboxId;
use tokio::time::sleep;

use super::world::World;
use crate::phase::{Goal, Phase};

impl World {
    /// Checks the invariants that hold at every moment.
    pub(super) fn check(&mut self) {
        let tally = self.provider.tally();
        assert_eq!(
            tally.shared_workspaces, 0,
            "two sandboxes had the same files"
        );
        let ours = self.ours();
        let mut running = self.provider.running();
        running.retain(|id| ours.contains(id));
        let (resident, open, tenants) = self.manager.inner().capacity.count();
        assert!(
            running.len() <= resident,
            "{running:?} and {resident} slots"
        );
        // Sandboxes left by a crash count until they are certainly gone, whether they still run or not.
        let recovered = self.manager.recovered();
        let left = recovered.ended.len() + recovered.orphans.len() + recovered.unreachable.len();
        assert!(resident <= self.policy.resident + left);
        self.check_places(resident);
        self.check_held();
        self.check_neighbours();
        assert!(open <= self.policy.open);
        assert!(tenants <= 3);
        self.check_owners();
        self.check_ended();
        // Entries belong to open sessions, or to ids that a caller asks about.
        let entries = self.manager.inner().table.entries();
        let asked = entries.iter().filter(|e| e.lock().open.is_none()).count();
        assert!(
            asked <= self.tasks.len() + self.policy.resident + left + 2,
            "{asked} left"
        );
    }

    /// Every slot in use has an owner.
    fn check_places(&self, resident: usize) {
        let stats = self.manager.stats();
        let pool = self.manager.inner().warm.pool().making();
        let stopping = stats.starting + stats.stopping + stats.stuck + stats.orphans;
        let known = stats.live + stats.warm + stats.unreachable + stopping + pool;
        assert!(resident <= known, "{resident} slots are in use: {stats:?}");
        let least = stats.live + stats.warm + stats.unreachable;
        assert!(least <= resident, "{resident} slots are in use: {stats:?}");
    }

    /// A sandbox that was not ended by a manager or from outside exists with its written files.
    fn check_held(&mut self) {
        self.observe();
        let existing: BTreeSet<SandboxId> = self.provider.existing().into_iter().collect();
        let mut closing = BTreeSet::new();
        for entry in self.manager.inner().table.entries() {
            // A session being closed is reported as closed a moment after its sandbox is gone.
            if matches!(entry.lock().phase(), Phase::Stopping(stopping) if stopping.goal >= Goal::Close)
            {
                closing.insert(entry.id.clone());
            }
            if let Some(running) = entry.lock().running() {
                let there = existing.contains(&running.id) || self.gone.contains(&running.id);
                assert!(there, "{} of {} was ended", running.id, entry.id);
            }
        }
        let let_go = self.let_go.lock().unwrap();
        for (sandbox, session) in &self.knowledge.lock().unwrap().held {
            let there = existing.contains(sandbox)
                || self.gone.contains(sandbox)
                || closing.contains(session)
                || let_go.contains_key(session);
            assert!(there, "{sandbox} of {session} was ended with its files");
        }
    }

    /// No sandbox belongs to two sessions, and no session has two.
    fn check_owners(&self) {
        let mut owned = BTreeSet::new();
        for entry in self.manager.inner().table.entries() {
            let state = entry.lock();
            let held = state.running().map(|running| running.id.clone());
            for id in held
                .into_iter()
                .chain(state.resting.as_ref().map(|r| r.id.clone()))
            {
                assert!(owned.insert(id.clone()), "{id} has two owners");
            }
        }
        let inner = self.manager.inner();
        let orphans: BTreeSet<_> = inner.orphans.ids().into_iter().collect();
        for id in &orphans {
            assert!(owned.insert(id.clone()), "{id} is an orphan and is not");
        }
        let mut sessions = BTreeSet::new();
        let running = self.provider.running().into_iter();
        // A sandbox left by a crash that no record names has no owner, whatever its labels say. It has no files of a session, as
        // checked above, and may still be ending when the session has its next one.
        let ours = self.ours();
        for id in running.filter(|id| !orphans.contains(id) && ours.contains(id)) {
            let spec = self.provider.spec(&id).unwrap();
            let session = spec.labels.get("session-manager.session");
            if let Some(session) = session.filter(|session| !session.is_empty()) {
                assert!(
                    sessions.insert(session.clone()),
                    "{session} has two sandboxes"
                );
            }
        }
    }

    /// A sandbox that was ended while a command ran was ended on request.
    fn check_ended(&mut self) {
        self.observe();
        let mut let_go = self.let_go.lock().unwrap();
        for id in self.provider.take_ended_busy() {
            let owner = self.owners.get(&id);
            let asked = owner.is_some_and(|owner| let_go.contains_key(owner));
            assert!(asked, "{id} of {owner:?} was ended while busy");
        }
        // A request about a session's previous sandbox is not a reason to end the next one.
        for id in std::mem::take(&mut self.renewed) {
            if let_go.get(&id) == Some(&0) {
                let_go.remove(&id);
            }
        }
    }

    /// Lets everything settle, and checks that nothing is left over.
    pub(super) async fn evening(&mut self) {
        self.mend();
        for _ in 0..8 {
            // Longer than anything hangs, and more often than anything is retried.
            sleep(Duration::from_secs(4_000)).await;
            let _ = self.manager.cleanup_idle().await;
            self.check();
        }
        self.take_leave().await;
        for task in self.tasks.drain(..) {
            // A panic of a user fails the day.
            task.await.unwrap();
        }
        self.manager.inner().tasks.settled().await;
        self.check();
        let inner = self.manager.inner();
        let stats = self.manager.stats();
        assert_eq!(stats.orphans, 0);
        assert_eq!((stats.starting, stats.stopping, stats.stuck), (0, 0, 0));
        assert_eq!(stats.unreachable, 0);
        assert_eq!(stats.resident, stats.live + stats.warm);
        let entries = inner.table.entries();
        assert_eq!(entries.len(), stats.open, "an unused entry is left");
        assert!(entries.iter().all(|entry| entry.lock().claims == 0));
        self.check_nothing_leaked();
        let report = self.manager.shutdown().await;
        assert!(report.failures.is_empty(), "{report:?}");
        assert_eq!(self.provider.running(), []);
        let resting: Vec<SandboxId> = self.provider.existing();
        if !self.policy.stored || !self.policy.features.suspends {
            assert_eq!(resting, [], "left after the shutdown");
        }
        self.check_the_morning_after().await;
    }

    /// Every existing sandbox has an owner.
    fn check_nothing_leaked(&self) {
        let inner = self.manager.inner();
        let mut known: BTreeSet<SandboxId> = inner.warm.pool().ids().collect();
        for entry in inner.table.entries() {
            let state = entry.lock();
            known.extend(state.running().map(|running| running.id.clone()));
            known.extend(state.resting.as_ref().map(|r| r.id.clone()));
            assert!(!matches!(state.phase(), Phase::Closed));
        }
        for id in self.provider.existing() {
            let stored = self.policy.stored && self.policy.features.suspends;
            let session = self.owners.get(&id);
            let rests = stored && !self.provider.running().contains(&id) && session.is_some();
            assert!(known.contains(&id) || rests, "{id} of {session:?} leaked");
        }
    }

    /// Exactly the stored sessions are there after a restart.
    async fn check_the_morning_after(&mut self) {
        let before = self.stored().await;
        self.restart(false).await;
        assert_eq!(self.manager.recovered().adopted, []);
        assert_eq!(self.manager.recovered().orphans, []);
        assert!(self.manager.recovered().unreadable.is_empty());
        assert_eq!(self.stored().await, before);
        if !self.policy.stored {
            assert_eq!(before, []);
        }
        let _ = self.manager.shutdown().await;
    }

    async fn stored(&self) -> Vec<SandboxId> {
        let page = self
            .manager
            .list(&crate::ListSessions::new())
            .await
            .unwrap();
        page.sessions
            .into_iter()
            .map(|session| session.id)
            .collect()
    }
}
