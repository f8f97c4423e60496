//! Listing sessions in memory and on disk, and statistics about them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{Error, Result, RuntimeConfig, SandboxId, SandboxProvider};

use crate::entry::{Entry, State};
use crate::info::{ListSessions, SessionInfo, SessionPage, SessionState, Stats};
use crate::inner::Inner;
use crate::phase::Phase;
use crate::store::{Record, Store};

impl<P: SandboxProvider> Inner<P> {
    pub(crate) async fn list(
        self: &Arc<Self>,
        request: &ListSessions,
        scope: Option<&str>,
    ) -> Result<SessionPage> {
        if request.limit == 0 {
            return Err(Error::invalid_request("the limit must be at least 1"));
        }
        if let (Some(scope), Some(tenant)) = (scope, request.tenant.as_deref())
            && scope != tenant
        {
            return Ok(SessionPage::default());
        }
        let tenant = scope.or(request.tenant.as_deref());
        let after = match &request.after {
            Some(id) => Bound::Excluded(id.clone()),
            None => Bound::Unbounded,
        };
        let mut open: BTreeMap<SandboxId, Option<SessionInfo>> = {
            let table = self.table.lock();
            let range = table.range((after, Bound::Unbounded));
            range
                .map(|(id, entry)| (id.clone(), self.info(entry)))
                .collect()
        };
        let mut page = SessionPage::default();
        if self.keeps_files() {
            let after = request.after.clone();
            let mut ids = self.disk(|store| store.ids()).await?;
            ids.retain(|id| Some(id) > after.as_ref());
            // Open sessions are in memory; the others are read in batches, as far as needed.
            let mut ids = ids.into_iter().peekable();
            while ids.peek().is_some() {
                let piece: Vec<SandboxId> = ids.by_ref().take(request.limit.min(256)).collect();
                let last = piece.last().cloned();
                let unknown: Vec<SandboxId> = piece
                    .into_iter()
                    .filter(|id| open.get(id).is_none_or(Option::is_none))
                    .collect();
                for (id, record) in self.disk(move |store| Ok(load_all(store, unknown))).await? {
                    match record {
                        Ok(Some(record)) => {
                            open.insert(id, Some(stored(&record)));
                        }
                        Ok(None) => {}
                        // Its tenant is unknown.
                        Err(error) if tenant.is_none() => page.unreadable.push((id, error)),
                        Err(_) => {}
                    }
                }
                if let Some(last) = last
                    && shown(&open, tenant).filter(|info| info.id <= last).count() > request.limit
                {
                    break;
                }
            }
        }
        page.sessions = shown(&open, tenant)
            .take(request.limit + 1)
            .cloned()
            .collect();
        page.truncated = page.sessions.len() > request.limit;
        page.sessions.truncate(request.limit);
        if page.truncated
            && let Some(last) = page.sessions.last()
        {
            page.unreadable.retain(|(id, _)| *id <= last.id);
        }
        Ok(page)
    }

    /// Returns the description of an entry; `None` if the id is unused, or only the record counts.
    pub(crate) fn info(&self, entry: &Entry<P::Sandbox>) -> Option<SessionInfo> {
        let held = entry.lock();
        let state = match held.phase() {
            Phase::Unloaded | Phase::Loading(_) | Phase::Known | Phase::Closed => return None,
            Phase::Starting(_) => SessionState::Starting,
            Phase::Live(_) => SessionState::Live,
            Phase::Stopping(stopping) if stopping.stuck.is_some() => SessionState::Stuck,
            Phase::Stopping(_) => SessionState::Stopping,
            Phase::Hibernated => SessionState::Hibernated,
            Phase::Dead => SessionState::Dead,
        };
        let profile = held.profile.as_ref()?;
        let running = held.running();
        Some(SessionInfo {
            id: entry.id.clone(),
            tenant: profile.tenant.clone(),
            runtime: profile
                .runtime
                .as_ref()
                .map(RuntimeConfig::name)
                .map(str::to_owned),
            state,
            sandbox: running.map(|running| running.id.clone()),
            trouble: trouble(&held),
            busy: running.map_or(0, |running| running.busy.load(Ordering::Relaxed)),
            created: profile.created,
            used: self.date(held.used),
        })
    }

    /// Returns the description of one session, open or stored.
    pub(crate) async fn info_of(
        self: &Arc<Self>,
        id: &SandboxId,
        scope: Option<&str>,
    ) -> Result<Option<SessionInfo>> {
        let open = self.table.get(id);
        let mut info = open.and_then(|entry| self.info(&entry));
        if info.is_none() && self.keeps_files() {
            let id = id.clone();
            let record = self.disk(move |store| store.load(&id)).await?;
            info = record.as_ref().map(stored);
        }
        Ok(info.filter(|info| scope.is_none() || info.tenant.as_deref() == scope))
    }

    pub(crate) fn stats(&self) -> Stats {
        let (resident, open, tenants) = self.capacity.count();
        let mut stats = Stats {
            resident,
            open,
            tenants,
            warm: self.warm.pool().ready(),
            orphans: self.orphans.ids().len(),
            starts: self.reporter.counters.starts.load(Ordering::Relaxed),
            warm_starts: self.reporter.counters.warm_starts.load(Ordering::Relaxed),
            failed_starts: self.reporter.counters.failed_starts.load(Ordering::Relaxed),
            failed_stops: self.reporter.counters.failed_stops.load(Ordering::Relaxed),
            deaths: self.reporter.counters.deaths.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for entry in self.table.entries() {
            let state = entry.lock();
            if state.resting.as_ref().is_some_and(|r| r.permit.is_some()) {
                stats.unreachable += 1;
            }
            match state.phase() {
                Phase::Starting(_) => stats.starting += 1,
                Phase::Live(live) => {
                    stats.live += 1;
                    stats.busy += usize::from(live.running.is_busy());
                    stats.unresponsive += usize::from(live.running.health().outage.is_some());
                }
                Phase::Stopping(stopping) if stopping.stuck.is_some() => stats.stuck += 1,
                Phase::Stopping(_) => stats.stopping += 1,
                Phase::Hibernated => stats.hibernated += 1,
                Phase::Dead => stats.dead += 1,
                _ => {}
            }
        }
        stats
    }
}

/// Returns what is wrong with the sandbox of a session.
fn trouble<S: ?Sized>(state: &State<S>) -> Option<String> {
    match state.phase() {
        Phase::Live(live) => live.running.health().outage.clone(),
        Phase::Stopping(stopping) => stopping.stuck.as_ref().map(ToString::to_string),
        _ => {
            let may_run = state.resting.as_ref().is_some_and(|r| r.permit.is_some());
            may_run.then(|| "its sandbox may run, and could not be reached".to_owned())
        }
    }
}

type Loaded = Vec<(SandboxId, Result<Option<Record>>)>;

fn load_all(store: &Store, ids: Vec<SandboxId>) -> Loaded {
    ids.into_iter()
        .map(|id| {
            let record = store.load(&id);
            (id, record)
        })
        .collect()
}

fn shown<'a>(
    open: &'a BTreeMap<SandboxId, Option<SessionInfo>>,
    tenant: Option<&'a str>,
) -> impl Iterator<Item = &'a SessionInfo> {
    open.values()
        .flatten()
        .filter(move |info| tenant.is_none() || info.tenant.as_deref() == tenant)
}

/// Returns the description of a session that is not open. The sandbox that its record names does not run.
fn stored(record: &Record) -> SessionInfo {
    SessionInfo {
        sandbox: None,
        ..crate::root::info(record)
    }
}
