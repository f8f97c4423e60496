//! The registry of a sandbox: its running trees, its spawned processes, and whether it was stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use backend_core::{Error, ProcessId, Result};

use tokio::sync::watch;

use super::process::Process;
use super::tree::Tree;

/// How many ended processes stay listed.
const MAX_ENDED: usize = 256;

/// The part of a sandbox that its tasks share.
#[derive(Debug)]
pub(super) struct Registry {
    inner: Mutex<Inner>,
    /// How many commands are being started.
    starting: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Inner {
    stopped: bool,
    last: u64,
    trees: BTreeMap<u64, Arc<Tree>>,
    processes: BTreeMap<u64, Arc<Process>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            starting: watch::Sender::new(0),
        }
    }
}

impl Registry {
    /// Fails if the sandbox was stopped.
    pub(super) fn check(&self) -> Result<()> {
        if self.lock().stopped {
            return Err(gone());
        }
        Ok(())
    }

    /// Registers what `start` starts, and looks after it until it is gone. Blocks while `start` runs, and must be called
    /// within a runtime.
    ///
    /// A concurrent stop waits for it and kills it like everything else.
    pub(super) fn register<E: From<Error>>(
        self: &Arc<Self>,
        start: impl FnOnce() -> Result<Tree, E>,
    ) -> Result<KillOnDrop, E> {
        let _starting = Starting::new(&self.starting);
        self.check()?;
        let tree = Arc::new(start()?);
        // Before it is registered, so that every holder of a registered tree can wait for its end.
        let guard = KillOnDrop {
            tree: Arc::clone(&tree),
            released: false,
        };
        let (key, stopped) = {
            let mut inner = self.lock();
            inner.last += 1;
            let key = inner.last;
            inner.trees.insert(key, Arc::clone(&tree));
            (key, inner.stopped)
        };
        let registry: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            tree.watch_supervisor().await;
            if let Some(registry) = registry.upgrade() {
                registry.lock().trees.remove(&key);
            }
        });
        if stopped {
            // The stop did not see it. Dropping `guard` kills it.
            return Err(gone().into());
        }
        Ok(guard)
    }

    /// Lists a process, and returns it. `make` gets its id.
    pub(super) fn add_process(
        &self,
        make: impl FnOnce(ProcessId) -> Process,
    ) -> Result<Arc<Process>> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(gone());
        }
        inner.last += 1;
        let key = inner.last;
        let process = Arc::new(make(ProcessId::new(format!("p{key}"))));
        inner.processes.insert(key, Arc::clone(&process));
        let ended: Vec<u64> = inner
            .processes
            .iter()
            .filter(|(_, process)| process.has_ended())
            .map(|(&key, _)| key)
            .collect();
        let forgotten = ended.len().saturating_sub(MAX_ENDED);
        for key in ended.iter().take(forgotten) {
            inner.processes.remove(key);
        }
        Ok(process)
    }

    /// Returns a process by its id.
    pub(super) fn process(&self, id: &ProcessId) -> Result<Arc<Process>> {
        let inner = self.lock();
        if inner.stopped {
            return Err(gone());
        }
        let number = id.as_str().strip_prefix('p').and_then(|n| n.parse().ok());
        let process: Option<&Arc<Process>> =
            number.and_then(|number: u64| inner.processes.get(&number));
        process
            .filter(|process| process.id() == id)
            .map(Arc::clone)
            .ok_or_else(|| Error::unknown_process(id))
    }

    /// Returns all processes, in the order in which they were started.
    pub(super) fn processes(&self) -> Result<Vec<Arc<Process>>> {
        let inner = self.lock();
        if inner.stopped {
            return Err(gone());
        }
        Ok(inner.processes.values().map(Arc::clone).collect())
    }

    /// Accepts no more commands, and kills everything.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.stopped = true;
        inner.processes.clear();
        for tree in inner.trees.values() {
            tree.kill();
        }
    }

    /// Waits until nothing is being started, and everything that was is dead.
    pub(super) async fn wait_idle(&self) {
        let _ = self
            .starting
            .subscribe()
            .wait_for(|&count| count == 0)
            .await;
        let trees: Vec<_> = self.lock().trees.values().map(Arc::clone).collect();
        for tree in trees {
            tree.gone().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> Error {
    Error::unavailable("the sandbox was stopped")
}

/// Kills the tree on drop unless [released](Self::release).
#[derive(Debug)]
pub(super) struct KillOnDrop {
    tree: Arc<Tree>,
    released: bool,
}

impl KillOnDrop {
    pub(super) fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// Lets the tree keep running.
    pub(super) fn release(mut self) {
        self.released = true;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if !self.released {
            self.tree.kill();
        }
    }
}

/// Counts a command that is being started, until it is dropped.
struct Starting<'a>(&'a watch::Sender<usize>);

impl<'a> Starting<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
