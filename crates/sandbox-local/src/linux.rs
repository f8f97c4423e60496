//! Commands on Linux. Each is a [`tree::Tree`] that [`launch`] starts and [`run`] follows; [`registry`] holds the running
//! ones.

mod capture;
mod execute;
mod host_root;
mod launch;
mod oom;
mod plan;
mod process;
mod registry;
mod ring;
mod run;
mod source;
mod spawn;
mod terminal;
mod tree;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backend_core::{Error, Result, SandboxId, VirtualPath};
use tokio::runtime::Handle;
use tokio::time::timeout;

use self::host_root::HostRoot;
use self::launch::Launched;
use self::plan::{Defaults, Plan};
use self::registry::Registry;
use self::tree::Limits;
use crate::builder::Config;

/// How long to wait for all processes to end before the outcome counts as unknown.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Runs commands. Dropping it kills everything that it started.
#[derive(Debug)]
pub(crate) struct Engine {
    id: SandboxId,
    work_dir: VirtualPath,
    defaults: Defaults,
    host_root: Arc<HostRoot>,
    registry: Arc<Registry>,
}

impl Engine {
    pub(crate) const SUPPORTED: bool = true;

    pub(crate) fn new(config: Config) -> Result<Self> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = match config.id {
            Some(id) => id,
            None => {
                let number = LAST.fetch_add(1, Ordering::Relaxed);
                SandboxId::parse(format!("local-{}-{number}", std::process::id()))?
            }
        };
        let host_root = HostRoot::open(config.host_root.as_deref())?;
        Ok(Self {
            id,
            defaults: Defaults::new(
                &config.shell,
                config.env,
                host_root.path(),
                &config.work_dir,
                Limits::new(config.limits),
            ),
            work_dir: config.work_dir,
            host_root: Arc::new(host_root),
            registry: Arc::default(),
        })
    }

    pub(crate) fn id(&self) -> &SandboxId {
        &self.id
    }

    pub(crate) fn work_dir(&self) -> &VirtualPath {
        &self.work_dir
    }

    /// Fails once the sandbox has been stopped.
    pub(crate) fn check(&self) -> Result<()> {
        self.registry.check()
    }

    pub(crate) async fn stop(&self) -> Result<()> {
        self.registry.close();
        let dead = timeout(STOP_WAIT, self.registry.wait_idle()).await.is_ok();
        let host_root = Arc::clone(&self.host_root);
        // A failure to remove the directory is not the caller's concern.
        let _ = tokio::task::spawn_blocking(move || host_root.remove()).await;
        if dead {
            return Ok(());
        }
        Err(Error::unavailable(
            "not all processes of the sandbox are known to have ended",
        ))
    }

    /// Starts a planned command on a blocking thread. If the future is dropped, the command is killed at once.
    async fn launch(&self, plan: Plan) -> Result<Launched> {
        let Ok(runtime) = Handle::try_current() else {
            return Err(Error::unsupported("a command outside of a tokio runtime"));
        };
        let (host_root, registry) = (Arc::clone(&self.host_root), Arc::clone(&self.registry));
        match runtime
            .spawn_blocking(move || launch::launch(&plan, &host_root, &registry))
            .await
        {
            Ok(outcome) => outcome,
            Err(error) if error.is_cancelled() => Err(Error::unavailable_from(
                "the runtime is shutting down",
                error,
            )),
            Err(error) => Err(Error::internal_from(
                None,
                "starting a command panicked",
                error,
            )),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.registry.close();
        let (host_root, registry) = (Arc::clone(&self.host_root), Arc::clone(&self.registry));
        // A directory can only be removed for good once no process writes into it any more. Without a runtime, or if the
        // runtime ends first, it is removed when the last handle to it is dropped.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(STOP_WAIT, registry.wait_idle()).await;
                let _ = tokio::task::spawn_blocking(move || host_root.remove()).await;
            });
        }
    }
}
