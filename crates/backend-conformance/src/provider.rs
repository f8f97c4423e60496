//! A provider for tests: sandboxes that are quick to make, and can be slow, fail, hang or crash as a test wants.
//!
//! It keeps the contract of a provider where no fault is injected, and counts what it made, so that a test can check for
//! leaks. Commands are simulated: see [`FakeSandbox`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use backend_core::{
    Backend, Error, Liveness, Owner, ProviderFeatures, Result, SandboxId, SandboxInfo,
    SandboxProvider, SandboxSpec, VirtualPath, VolumeName,
};
use tokio::sync::Notify;

mod commands;
mod fault;
mod files;
mod sandbox;
mod state;
mod volumes;
mod world;

pub use fault::{Fault, ProviderCall};
pub use sandbox::FakeSandbox;

/// A provider whose sandboxes are backends that a closure makes, with simulated commands.
///
/// A clone is the same provider in the same process, as two connections are to one engine.
/// [`another_process`](Self::another_process) is the same engine as another process sees it, which may [end](Self::end_process).
///
/// A test can also cause events that no provider causes: the engine goes [away](Self::set_away) and comes back,
/// [restarts](Self::restart), runs [out of disk](Self::set_full), and a sandbox is [killed](Self::kill),
/// [stopped](Self::stop_by_hand), [paused](Self::pause_by_hand), [renamed](Self::rename_by_hand) or
/// [removed](Self::remove_by_hand) from outside.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use backend_conformance::{FakeProvider, Fault, ProviderCall};
/// use backend_core::{Error, SandboxId, SandboxProvider, SandboxSpec};
/// use backend_state::StateBackend;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let provider = FakeProvider::new(|_| Ok(StateBackend::new()));
/// provider.faults(|call, _| match call {
///     ProviderCall::Create => Fault::fail(Error::unsupported("today")).after(Duration::from_millis(1)),
///     _ => Fault::none(),
/// });
/// let spec = SandboxSpec::new(SandboxId::parse("a").unwrap());
/// assert!(provider.create(&spec).await.is_err());
/// assert_eq!(provider.tally().created, 0);
/// # });
/// ```
pub struct FakeProvider<B> {
    engine: Arc<Engine<B>>,
    /// The process that uses the engine.
    process: u64,
}

/// Makes the files of a sandbox.
type MakeFiles<B> = dyn Fn(&SandboxSpec) -> Result<B> + Send + Sync;

/// Decides what goes wrong with a call.
type Script = dyn Fn(ProviderCall, &SandboxId) -> Fault + Send + Sync;

struct Engine<B> {
    files: Box<MakeFiles<B>>,
    script: Mutex<Arc<Script>>,
    state: Mutex<State<B>>,
    /// Notifies waiters, in the order in which they began to wait, that all connections to the engine broke.
    breaks: Notify,
}

struct State<B> {
    features: ProviderFeatures,
    sandboxes: BTreeMap<SandboxId, Made<B>>,
    /// What each volume holds, whether or not a sandbox has it.
    volumes: BTreeMap<VolumeName, Arc<B>>,
    tally: Tally,
    ended_busy: Vec<SandboxId>,
    /// The processes that there were, and those that ended.
    processes: u64,
    ended: BTreeSet<u64>,
    away: bool,
    full: bool,
}

/// A sandbox that was made and not destroyed.
struct Made<B> {
    spec: SandboxSpec,
    sandbox: Arc<FakeSandbox<B>>,
    rests: bool,
    paused: bool,
    /// The process that made it.
    process: u64,
}

/// What a [`FakeProvider`] has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many sandboxes were made, including those whose creation was reported as failed.
    pub created: u64,
    /// How many sandboxes were destroyed.
    pub destroyed: u64,
    /// The largest number of sandboxes at one time.
    pub most: usize,
    /// The largest number of running sandboxes at one time.
    pub most_running: usize,
    /// How often a sandbox was made on the workspace of another running one.
    pub shared_workspaces: u64,
}

impl<B: Backend> FakeProvider<B> {
    /// Makes a provider. `files` makes what a new sandbox holds.
    pub fn new(files: impl Fn(&SandboxSpec) -> Result<B> + Send + Sync + 'static) -> Self {
        Self {
            engine: Arc::new(Engine {
                files: Box::new(files),
                script: Mutex::new(Arc::new(|_, _| Fault::none())),
                state: Mutex::new(State {
                    features: ProviderFeatures::none(),
                    sandboxes: BTreeMap::new(),
                    volumes: BTreeMap::new(),
                    tally: Tally::default(),
                    ended_busy: Vec::new(),
                    processes: 1,
                    ended: BTreeSet::new(),
                    away: false,
                    full: false,
                }),
                breaks: Notify::new(),
            }),
            process: 0,
        }
    }

    /// Declares features. All are really implemented: a volume has the files that were made for its first sandbox.
    #[must_use]
    pub fn with_features(self, features: ProviderFeatures) -> Self {
        self.state().features = features;
        self
    }

    /// Sets what goes wrong from now on. The closure is asked once for each call, when it is made.
    pub fn faults(
        &self,
        script: impl Fn(ProviderCall, &SandboxId) -> Fault + Send + Sync + 'static,
    ) {
        *lock(&self.engine.script) = Arc::new(script);
    }

    /// Returns the ids of all sandboxes that exist, without a call that could fail.
    pub fn existing(&self) -> Vec<SandboxId> {
        self.state().sandboxes.keys().cloned().collect()
    }

    /// Returns the ids of all sandboxes that run.
    pub fn running(&self) -> Vec<SandboxId> {
        let state = self.state();
        let running = state.sandboxes.iter().filter(|(_, made)| made.runs());
        running.map(|(id, _)| id.clone()).collect()
    }

    /// Returns what a sandbox that exists was made from.
    pub fn spec(&self, id: &SandboxId) -> Option<SandboxSpec> {
        self.state().sandboxes.get(id).map(|made| made.spec.clone())
    }

    /// Returns the sandboxes that were destroyed or suspended while a command ran in them, in order, and forgets them.
    pub fn take_ended_busy(&self) -> Vec<SandboxId> {
        std::mem::take(&mut self.state().ended_busy)
    }

    /// Returns what it has done so far.
    pub fn tally(&self) -> Tally {
        self.state().tally
    }

    /// Fails if the engine cannot be reached.
    fn reach(&self) -> Result<()> {
        if self.state().away {
            Err(gone("the engine does not answer"))
        } else {
            Ok(())
        }
    }

    fn fault(&self, call: ProviderCall, id: &SandboxId) -> Fault {
        let script = Arc::clone(&lock(&self.engine.script));
        script(call, id)
    }

    fn insert(&self, spec: &SandboxSpec, files: Arc<B>) -> Result<Arc<FakeSandbox<B>>> {
        let mut state = self.state();
        if state.sandboxes.contains_key(&spec.id) {
            return Err(taken(&spec.id));
        }
        if let Some(workspace) = &spec.workspace
            && state.running_workspaces().contains(workspace)
        {
            state.tally.shared_workspaces += 1;
        }
        let sandbox = Arc::new(FakeSandbox::new(
            self.clone(),
            spec.id.clone(),
            files,
            spec.env.clone(),
        ));
        let made = Made {
            spec: spec.clone(),
            sandbox: Arc::clone(&sandbox),
            rests: false,
            paused: false,
            process: self.process,
        };
        state.sandboxes.insert(spec.id.clone(), made);
        state.tally.created += 1;
        state.count();
        Ok(sandbox)
    }
}

impl<B> FakeProvider<B> {
    fn state(&self) -> MutexGuard<'_, State<B>> {
        lock(&self.engine.state)
    }
}

#[async_trait]
impl<B: Backend> SandboxProvider for FakeProvider<B> {
    type Sandbox = FakeSandbox<B>;

    fn features(&self) -> ProviderFeatures {
        self.state().features
    }

    async fn create(&self, spec: &SandboxSpec) -> Result<Arc<FakeSandbox<B>>> {
        let fault = self.fault(ProviderCall::Create, &spec.id);
        fault.before().await?;
        self.reach()?;
        if self.state().full {
            return Err(gone("the engine's disk is full"));
        }
        for name in spec.env.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Error::invalid_request("a variable has an impossible name"));
            }
        }
        if self.state().sandboxes.contains_key(&spec.id) {
            return Err(taken(&spec.id));
        }
        let sandbox = self.insert(spec, self.files_of(spec)?)?;
        fault.afterwards().await?;
        self.reach()?;
        Ok(sandbox)
    }

    async fn attach(&self, id: &SandboxId) -> Result<Arc<FakeSandbox<B>>> {
        let fault = self.fault(ProviderCall::Attach, id);
        fault.before().await?;
        self.reach()?;
        let found = {
            let state = self.state();
            let made = state
                .sandboxes
                .get(id)
                .filter(|made| made.runs() && !made.paused);
            made.map(|made| Arc::clone(&made.sandbox))
        };
        fault.afterwards().await?;
        self.reach()?;
        found.ok_or_else(|| gone("there is no such sandbox"))
    }

    async fn inspect(&self, id: &SandboxId) -> SandboxInfo {
        let fault = self.fault(ProviderCall::Inspect, id);
        if let Err(error) = fault.before().await {
            return SandboxInfo::new(Liveness::unknown(error.to_string()));
        }
        let info = {
            let state = self.state();
            match state.sandboxes.get(id) {
                _ if state.away => {
                    SandboxInfo::new(Liveness::unknown("the engine does not answer"))
                }
                Some(made) => SandboxInfo::new(state.liveness(id, &made.sandbox))
                    .labels(made.spec.labels.clone())
                    .owner(if state.ended.contains(&made.process) {
                        Owner::Gone
                    } else {
                        Owner::Present
                    }),
                None => SandboxInfo::new(Liveness::gone("there is no such sandbox")),
            }
        };
        match fault.afterwards().await.and_then(|()| self.reach()) {
            Ok(()) => info,
            Err(error) => SandboxInfo::new(Liveness::unknown(error.to_string())),
        }
    }

    async fn list(&self) -> Result<Vec<SandboxId>> {
        let nobody = SandboxId::parse("all")?;
        let fault = self.fault(ProviderCall::List, &nobody);
        fault.before().await?;
        self.reach()?;
        let ids = self.existing();
        fault.afterwards().await?;
        self.reach()?;
        Ok(ids)
    }

    async fn destroy(&self, id: &SandboxId) -> Result<()> {
        let fault = self.fault(ProviderCall::Destroy, id);
        fault.before().await?;
        self.reach()?;
        {
            let mut state = self.state();
            if let Some(made) = state.sandboxes.remove(id) {
                state.end(&made.sandbox);
                state.tally.destroyed += 1;
            }
        }
        fault.afterwards().await?;
        self.reach()
    }

    async fn suspend(&self, id: &SandboxId) -> Result<()> {
        if !self.features().suspends {
            return Err(Error::unsupported("suspending a sandbox"));
        }
        let fault = self.fault(ProviderCall::Suspend, id);
        fault.before().await?;
        self.reach()?;
        {
            let mut state = self.state();
            let made = state.sandboxes.get_mut(id);
            let made = made.ok_or_else(|| gone("there is no such sandbox"))?;
            if made.is_paused() {
                return Err(gone("the sandbox is paused"));
            }
            if made.is_dead() {
                return Err(gone("the sandbox died"));
            }
            if !made.rests {
                made.rests = true;
                let sandbox = Arc::clone(&made.sandbox);
                state.end(&sandbox);
            }
        }
        fault.afterwards().await?;
        self.reach()
    }

    async fn resume(&self, id: &SandboxId) -> Result<Arc<FakeSandbox<B>>> {
        if !self.features().suspends {
            return Err(Error::unsupported("resuming a sandbox"));
        }
        let fault = self.fault(ProviderCall::Resume, id);
        fault.before().await?;
        self.reach()?;
        let sandbox = {
            let mut state = self.state();
            let made = state.sandboxes.get_mut(id);
            let made = made.ok_or_else(|| gone("there is no such sandbox"))?;
            if made.is_dead() {
                return Err(gone("the sandbox died"));
            }
            if made.rests {
                made.rests = false;
                made.paused = false;
                made.sandbox = Arc::new(made.sandbox.again());
            }
            let sandbox = Arc::clone(&made.sandbox);
            state.count();
            sandbox
        };
        fault.afterwards().await?;
        self.reach()?;
        Ok(sandbox)
    }
}

impl<B> Clone for FakeProvider<B> {
    fn clone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            process: self.process,
        }
    }
}

impl<B> fmt::Debug for FakeProvider<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.engine.state);
        f.debug_struct("FakeProvider")
            .field("sandboxes", &state.sandboxes.keys())
            .field("tally", &state.tally)
            .finish()
    }
}

fn taken(id: &SandboxId) -> Error {
    match VirtualPath::root().child(id.as_str()) {
        Ok(path) => Error::already_exists(&path),
        Err(error) => error.into(),
    }
}

fn gone(message: &str) -> Error {
    Error::unavailable(message)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
