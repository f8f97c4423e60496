//! Commands on Linux. Each is a [`tree::Tree`] that [`launch`] starts and [`drive`] follows; [`room`] holds the running
//! ones.

mod capture;
mod drive;
mod execute;
mod ground;
mod launch;
mod oom;
mod plan;
mod process;
mod ring;
mod room;
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

use self::ground::Ground;
use self::launch::Launched;
use self::plan::{Defaults, Plan};
use self::room::Room;
use self::tree::Limits;
use crate::builder::Setup;

/// How long to wait for all processes to end before the outcome counts as unknown.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Runs commands. Dropping it kills everything that it started.
#[derive(Debug)]
pub(crate) struct Engine {
    id: SandboxId,
    work_dir: VirtualPath,
    defaults: Defaults,
    ground: Arc<Ground>,
    room: Arc<Room>,
}

impl Engine {
    pub(crate) const RUNS: bool = true;

    pub(crate) fn new(setup: Setup) -> Result<Self> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = match setup.id {
            Some(id) => id,
            None => {
                let number = LAST.fetch_add(1, Ordering::Relaxed);
                SandboxId::parse(format!("local-{}-{number}", std::process::id()))?
            }
        };
        let ground = Ground::open(setup.host_root.as_deref())?;
        Ok(Self {
            id,
            defaults: Defaults::new(
                &setup.shell,
                setup.env,
                ground.path(),
                &setup.work_dir,
                Limits::new(setup.limits),
            ),
            work_dir: setup.work_dir,
            ground: Arc::new(ground),
            room: Arc::default(),
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
        self.room.check()
    }

    pub(crate) async fn stop(&self) -> Result<()> {
        self.room.close();
        let dead = timeout(STOP_WAIT, self.room.emptied()).await.is_ok();
        let ground = Arc::clone(&self.ground);
        // A failure to remove the directory is not the caller's concern.
        let _ = tokio::task::spawn_blocking(move || ground.remove()).await;
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
        let (ground, room) = (Arc::clone(&self.ground), Arc::clone(&self.room));
        match runtime
            .spawn_blocking(move || launch::launch(&plan, &ground, &room))
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
        self.room.close();
        let (ground, room) = (Arc::clone(&self.ground), Arc::clone(&self.room));
        // A directory can only be removed for good once no process writes into it any more. Without a runtime, or if the
        // runtime ends first, it is removed when the last handle to it is dropped.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(STOP_WAIT, room.emptied()).await;
                let _ = tokio::task::spawn_blocking(move || ground.remove()).await;
            });
        }
    }
}
