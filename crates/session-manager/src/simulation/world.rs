//! The world of a day: a provider, a manager that is restarted, users with their handles, and what is known for certain.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend_conformance::FakeProvider;
use backend_core::{ProviderFeatures, SandboxId, Workspace};
use backend_state::StateBackend;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::neighbour::Neighbour;
use super::random::Random;
use super::skew::Skewed;
use super::user::{Knowledge, Visit};
use super::weather::Weather;
use crate::{Cause, EventKind, Events, Eviction, SessionManager};

pub(super) type Files = Arc<StateBackend>;
pub(super) type Provider = FakeProvider<Files>;
pub(super) type Manager = SessionManager<Provider>;

/// Maximum number of events between two observations, which may be hours apart: in total, and per user.
const EVENTS: usize = 2048;
const EVENTS_OF_USER: usize = 16;

/// The settings of the day.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// Number of ids.
    pub(super) users: u64,
    /// How many of them are requested at once.
    pub(super) groups: u64,
    pub(super) stored: bool,
    pub(super) features: ProviderFeatures,
    pub(super) resident: usize,
    pub(super) open: usize,
    pub(super) per_tenant: usize,
    pub(super) warm: usize,
    pub(super) evict: bool,
    pub(super) idle: Duration,
    pub(super) close: Duration,
    pub(super) purge: Option<Duration>,
    pub(super) loops: bool,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) weather: Weather,
    pub(super) policy: Policy,
    pub(super) root: TempDir,
    pub(super) provider: Provider,
    pub(super) manager: Manager,
    pub(super) events: Events,
    pub(super) knowledge: Arc<Mutex<Knowledge>>,
    /// Handles held by users, with what they know through them.
    pub(super) visits: Vec<Arc<Visit>>,
    /// Operations in progress.
    pub(super) tasks: Vec<JoinHandle<()>>,
    /// The last reported session of each sandbox.
    pub(super) owners: BTreeMap<SandboxId, SandboxId>,
    /// Handles on their way to users.
    pub(super) arrivals: Arc<Mutex<Vec<Arc<Visit>>>>,
    /// Number of managers before this one.
    pub(super) boots: u64,
    /// Sessions being released or purged, and by how many tasks. A session stays here until it has another sandbox that none of
    /// them can refer to.
    pub(super) let_go: Arc<Mutex<BTreeMap<SandboxId, usize>>>,
    /// Sessions that got another sandbox since the last check.
    pub(super) renewed: BTreeSet<SandboxId>,
    /// One clock for all managers of the day, so that files stored by one are old for the next.
    pub(super) clock: Skewed,
    /// The sandboxes ended from outside, with their content.
    pub(super) gone: BTreeSet<SandboxId>,
    /// Other managers.
    pub(super) neighbours: Vec<Neighbour>,
    /// The marks on the sandboxes of the day's managers.
    marks: BTreeSet<String>,
    /// Whether the wall clock was right whenever a manager was built.
    pub(super) right: bool,
    /// The managers' events, if recorded: two days with the same seed have the same.
    pub(super) told: Option<Vec<String>>,
}

/// The size of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Few users, with many conflicts.
    Small,
    /// Thousands of users.
    Crowd,
}

impl World {
    pub(super) async fn new(mut random: Random, size: Size) -> Self {
        let mut features = ProviderFeatures::none();
        features.suspends = random.chance(40);
        features.workspace_moves = random.chance(60);
        let stored = random.chance(65);
        let crowd = size == Size::Crowd;
        let resident = random.below(5) as usize + if crowd { 60 } else { 2 };
        let policy = Policy {
            stored,
            features,
            resident,
            users: if crowd { 3000 } else { 10 },
            groups: if crowd { 4 } else { 1 },
            open: resident + random.below(8) as usize * if crowd { 100 } else { 1 },
            per_tenant: 2 + random.below(6) as usize * if crowd { 80 } else { 1 },
            warm: if !stored || features.workspace_moves {
                random.below(3) as usize
            } else {
                0
            },
            evict: random.chance(50),
            idle: Duration::from_secs(60 + random.below(600)),
            close: Duration::from_secs(1200 + random.below(4000)),
            purge: random.chance(20).then(|| Duration::from_secs(10_000)),
            loops: random.chance(50),
        };
        let root = in_memory();
        let weather = Weather::new(Random::new(random.next()));
        let storm = weather.clone();
        let provider = provider().with_features(features);
        provider.faults(move |call, _| storm.fault(call));
        let clock = Skewed::new();
        let opened = open(&policy, &provider, root.path().into(), clock.clone(), 0).await;
        let (manager, events) = opened.unwrap();
        let marks = [manager.inner().provisioner.mark().to_owned()].into();
        Self {
            random,
            weather,
            policy,
            root,
            provider,
            manager,
            events,
            knowledge: Arc::default(),
            visits: Vec::new(),
            tasks: Vec::new(),
            owners: BTreeMap::new(),
            arrivals: Arc::default(),
            boots: 0,
            let_go: Arc::default(),
            renewed: BTreeSet::new(),
            clock,
            gone: BTreeSet::new(),
            neighbours: Vec::new(),
            marks,
            right: true,
            told: None,
        }
    }

    /// Ends the manager, gracefully or not, and starts another one. Users' handles become useless.
    pub(super) async fn restart(&mut self, orderly: bool) {
        if orderly {
            let _ = self.manager.shutdown().await;
            self.manager.inner().tasks.settled().await;
        } else {
            self.manager.inner().crash();
        }
        self.observe();
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        if !orderly {
            // Let aborted tasks be dropped.
            tokio::task::yield_now().await;
        }
        self.visits.clear();
        self.arrivals.lock().unwrap().clear();
        // Operations in flight ended with the manager.
        self.provider.take_ended_busy();
        self.let_go.lock().unwrap().clear();
        self.renewed.clear();
        self.weather.set(0);
        {
            let mut knowledge = self.knowledge.lock().unwrap();
            // Without a root the files are lost with the process, and the last use of a session may not have been stored.
            knowledge.held.clear();
            knowledge.used.clear();
        }
        self.right &= self.clock.is_right();
        // The application is now another process.
        let next = self.provider.another_process();
        self.provider.end_process();
        self.provider = next;
        let root: PathBuf = self.root.path().into();
        let mut opened = None;
        while opened.is_none() {
            self.boots += 1;
            let clock = self.clock.clone();
            opened = open(
                &self.policy,
                &self.provider,
                root.clone(),
                clock,
                self.boots,
            )
            .await;
            // It did not start without its engine; the next attempt still gets the root.
            self.provider.set_away(false);
        }
        (self.manager, self.events) = opened.unwrap();
        self.marks
            .insert(self.manager.inner().provisioner.mark().to_owned());
        // Takeovers were reported before anyone could subscribe, and their owners may never have been reported.
        for entry in self.manager.inner().table.entries() {
            if let Some(running) = entry.lock().running() {
                self.owners.insert(running.id.clone(), entry.id.clone());
            }
        }
    }

    /// Records the manager's events.
    pub(super) fn observe(&mut self) {
        while let Some(event) = self.events.try_next() {
            let missed = matches!(event.kind, EventKind::Missed(_));
            assert!(!missed, "events were missed: {event:?}");
            if let Some(told) = &mut self.told {
                let line = format!("{event:?}");
                println!("{line}");
                told.push(line);
            }
            if let (Some(session), EventKind::Created { .. } | EventKind::Woken { .. }) =
                (&event.session, &event.kind)
            {
                self.renewed.insert(session.clone());
            }
            if let Some(session) = &event.session {
                self.learn(session, event.sandbox.as_ref(), &event.kind);
            }
            if let (Some(session), Some(sandbox)) = (event.session, event.sandbox) {
                self.owners.insert(sandbox, session);
            }
        }
    }
}

impl World {
    /// Records the new state of a session.
    fn learn(&self, session: &SandboxId, sandbox: Option<&SandboxId>, kind: &EventKind) {
        let mut knowledge = self.knowledge.lock().unwrap();
        match kind {
            EventKind::Purged(Cause::Idle) if self.right => {
                let unused = knowledge
                    .used
                    .get(session)
                    .map(tokio::time::Instant::elapsed);
                let limit = self.policy.purge.unwrap();
                assert!(
                    unused.is_none_or(|unused| unused >= limit),
                    "{session}: purged after {unused:?}"
                );
                knowledge.held.retain(|_, of| of != session);
            }
            EventKind::Released { .. } | EventKind::Purged(_) => {
                knowledge.held.retain(|_, of| of != session);
            }
            EventKind::Created { .. } => {
                knowledge
                    .held
                    .retain(|held, of| of != session || Some(held) == sandbox);
            }
            _ => {}
        }
    }

    /// Returns the sandboxes created by the day's own managers.
    pub(super) fn ours(&self) -> BTreeSet<SandboxId> {
        let mark = |id: &SandboxId| {
            let labels = self.provider.spec(id).map(|spec| spec.labels);
            labels.and_then(|labels| labels.get("session-manager.manager").cloned())
        };
        let mut ids = self.provider.existing();
        ids.retain(|id| mark(id).is_some_and(|mark| self.marks.contains(&mark)));
        ids.into_iter().collect()
    }
}

/// Creates a directory for the day, in memory if possible.
pub(super) fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Creates a provider whose sandboxes have the files of their workspace: files stay with a directory when it is moved.
pub(super) fn provider() -> Provider {
    let workspaces: Mutex<Vec<Files>> = Mutex::default();
    FakeProvider::new(move |spec| {
        let workspace = spec.workspace.as_ref();
        let Some(workspace) = workspace.and_then(Workspace::host_directory) else {
            return Ok(Files::default());
        };
        let mut workspaces = workspaces.lock().unwrap();
        let mark = workspace.join(".mark");
        let number = match fs::read_to_string(&mark) {
            Ok(number) => number.parse().unwrap(),
            Err(_) => {
                let number = workspaces.len();
                fs::write(&mark, number.to_string()).expect("the workspace is there");
                workspaces.push(Files::default());
                number
            }
        };
        Ok(Arc::clone(&workspaces[number]))
    })
}

async fn open(
    policy: &Policy,
    provider: &Provider,
    root: PathBuf,
    clock: Skewed,
    boot: u64,
) -> Option<(Manager, Events)> {
    let users = usize::try_from(policy.users).unwrap();
    let events = NonZeroUsize::new(EVENTS.max(users * EVENTS_OF_USER)).unwrap();
    let mut builder = SessionManager::builder(provider.clone())
        .name("day")
        .clock(clock)
        .inline(boot)
        .without_fsync()
        .event_capacity(events)
        .max_resident(policy.resident)
        .max_open(policy.open)
        .max_per_tenant(policy.per_tenant)
        .idle_timeout(policy.idle)
        .close_after(policy.close)
        .purge_after(policy.purge)
        .background_limit(policy.idle * 3)
        .warm(None, policy.warm)
        .start_timeout(Duration::from_secs(60))
        .stop_timeout(Duration::from_secs(20))
        .probe(Duration::from_secs(30), Duration::from_secs(5))
        .cleanup_interval(policy.loops.then_some(Duration::from_secs(45)));
    if policy.stored {
        builder = builder.workspace_root(root);
    }
    if policy.evict {
        builder = builder.eviction(Eviction::LeastRecentlyUsed {
            idle_for: Duration::from_secs(5),
        });
    }
    let manager = builder.build().await.ok()?;
    let events = manager.subscribe();
    Some((manager, events))
}
