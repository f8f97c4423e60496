//! A sandbox that is a container: its parts and its life cycle.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use backend_core::wire::Remote;
use backend_core::{Durability, Error, ErrorKind, Result, SandboxId, VirtualPath};
use bollard::models::ContainerInspectResponse;
use tokio::sync::OnceCell;

use crate::container::{Container, labels_of};
use crate::keyed_mutex::KeyedMutex;
use crate::link::Link;
use crate::liveness::has_files_in_memory;
use crate::options::Lifetime;
use crate::settings::{Settings, is_in_memory};
use crate::start::{Progress, start};
use crate::{DockerSandboxBuilder, Engine, labels};

mod backend;
mod commands;
mod lifecycle;
mod observe;
mod snapshot;
mod workspace;

pub use observe::Stats;

/// A container in which commands run, and its files.
///
/// Its files are those of the container, from `/`, so a path printed by a command can be used to read the file; commands run, and
/// relative paths start, in the [work directory](backend_core::Backend::work_dir). Clones are the same sandbox.
///
/// A broken connection is reopened by the next call. A container that is gone is gone for good: then everything is `unavailable`,
/// and no other container replaces it.
///
/// Dropping it does not affect the container. One without a name ends automatically after its
/// [lease](DockerSandboxBuilder::lease) has passed without a connection; [`stop`](backend_core::Sandbox::stop) ends it at once.
///
/// # Examples
///
/// ```no_run
/// use backend_core::{BackendExt, Sandbox, SandboxExt};
/// use sandbox_docker::DockerSandbox;
///
/// # async fn run() -> backend_core::Result<()> {
/// let sandbox = DockerSandbox::start("python:3.12-slim").await?;
/// sandbox.write("hello.py", "print('hello')\n").await?;
/// let output = sandbox.execute("python hello.py").await?;
/// assert_eq!(output.stdout.to_text(), "hello\n");
/// sandbox.stop().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct DockerSandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: SandboxId,
    work_dir: VirtualPath,
    lifetime: Lifetime,
    idle_timeout: Option<Duration>,
    /// Whether every confirmed change survives a power loss.
    durable: bool,
    /// How to create the container; `None` for an existing one.
    plan: Option<Plan>,
    container: OnceCell<Container>,
    link: Link,
}

struct Plan {
    engine: Option<Engine>,
    settings: Arc<Settings>,
    progress: Option<Progress>,
    /// A provider's operations on sandboxes of the same name wait for the start.
    locks: KeyedMutex,
}

impl DockerSandbox {
    /// Starts a sandbox from an image, with the defaults of [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// As [`DockerSandboxBuilder::start`].
    pub async fn start(image: impl Into<String>) -> Result<Self> {
        Self::builder(image).start().await
    }

    /// Returns a builder for a sandbox from an image.
    pub fn builder(image: impl Into<String>) -> DockerSandboxBuilder {
        DockerSandboxBuilder::new(image.into())
    }

    /// Creates a sandbox without a container yet.
    pub(crate) fn planned(
        engine: Option<Engine>,
        settings: Settings,
        progress: Option<Progress>,
        locks: KeyedMutex,
    ) -> Result<Self> {
        let id = match &settings.id {
            Some(id) => id.clone(),
            None => random_id()?,
        };
        let work_dir = settings.work_dir()?;
        Ok(Self {
            shared: Arc::new(Shared {
                id,
                durable: settings.durability.is_full() && !is_in_memory(&settings, &work_dir),
                work_dir,
                lifetime: settings.lifetime(),
                idle_timeout: settings.idle_timeout,
                plan: Some(Plan {
                    engine,
                    settings: Arc::new(settings),
                    progress,
                    locks,
                }),
                container: OnceCell::new(),
                link: Link::default(),
            }),
        })
    }

    /// Creates a sandbox for an existing container.
    pub(crate) fn found(
        id: SandboxId,
        found: &ContainerInspectResponse,
        container: Container,
    ) -> Result<Self> {
        let marks = labels_of(found);
        let work_dir = marks.get(labels::WORK_DIR).map_or("/", String::as_str);
        let lifetime = match marks.get(labels::LIFETIME).map(String::as_str) {
            Some(labels::EPHEMERAL) => Lifetime::Ephemeral,
            _ => Lifetime::Kept,
        };
        let durability = marks.get(labels::DURABILITY);
        let durability = durability.and_then(|text| text.parse::<Durability>().ok());
        let is_full = durability.is_some_and(Durability::is_full);
        let idle = marks.get(labels::IDLE).and_then(|text| text.parse().ok());
        Ok(Self {
            shared: Arc::new(Shared {
                id,
                work_dir: VirtualPath::parse(work_dir)?,
                lifetime,
                idle_timeout: idle.and_then(|idle| Duration::try_from_secs_f64(idle).ok()),
                durable: is_full && !has_files_in_memory(found, &marks),
                plan: None,
                container: OnceCell::new_with(Some(container)),
                link: Link::default(),
            }),
        })
    }

    /// Returns after how long without use it may be suspended, if that was [set](DockerSandboxBuilder::idle_timeout).
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.shared.idle_timeout
    }

    /// Creates and starts the container, unless that has been done, and connects to the guest in it.
    ///
    /// # Errors
    ///
    /// As [`DockerSandboxBuilder::start`].
    pub async fn ensure_started(&self) -> Result<()> {
        let new = self.shared.link.never_connected();
        let ready = async {
            let remote = self.remote().await?;
            match &self.shared.plan {
                Some(plan) if new => workspace::check(&plan.settings, &remote).await,
                _ => Ok(()),
            }
        };
        let Err(error) = ready.await else {
            return Ok(());
        };
        // A container that never answered or is unusable must not be found later.
        let unusable =
            self.shared.link.never_connected() || error.kind() == ErrorKind::InvalidRequest;
        if self.shared.plan.is_some()
            && new
            && unusable
            && let Some(container) = self.shared.container.get()
        {
            self.shared.link.mark_gone(error.clone());
            let _ = container.remove().await;
        }
        Err(error)
    }

    /// Returns the capabilities reported by the guest. They are the same as
    /// [`capabilities`](backend_core::Backend::capabilities), except that the guest does not know which files are in memory.
    ///
    /// # Errors
    ///
    /// `unavailable`.
    #[doc(hidden)]
    pub async fn guest_capabilities(&self) -> Result<backend_core::Capabilities> {
        use backend_core::Backend;

        Ok(self.remote().await?.capabilities())
    }

    /// Returns the container, creating it if there is none.
    async fn container(&self) -> Result<Container> {
        let make = || async {
            let plan = self.shared.plan.as_ref();
            let plan = plan.ok_or_else(|| Error::unavailable("there is no container"))?;
            let engine = match &plan.engine {
                Some(engine) => engine.clone(),
                None => Engine::connect().await?,
            };
            let settings = Arc::clone(&plan.settings);
            let guard = plan.locks.lock(&self.shared.id).await;
            start(
                engine,
                settings,
                self.shared.id.clone(),
                plan.progress.clone(),
                guard,
            )
            .await
        };
        self.shared.container.get_or_try_init(make).await.cloned()
    }

    /// Returns the container, if one was created.
    pub(crate) fn started(&self) -> Result<&Container> {
        self.shared
            .container
            .get()
            .ok_or_else(|| Error::unavailable("the container of this sandbox has not been started"))
    }

    /// Returns the connection to the guest.
    async fn remote(&self) -> Result<Remote> {
        self.shared.link.remote(self.container()).await
    }

    /// Returns the error to report for a failed call.
    async fn explain(&self, remote: &Remote, error: Error) -> Error {
        match self.shared.container.get() {
            Some(container) => self.shared.link.explain(remote, error, container).await,
            None => error,
        }
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").finish_non_exhaustive()
    }
}

/// Returns a unique name.
fn random_id() -> Result<SandboxId> {
    let number = || RandomState::new().hash_one(std::process::id());
    SandboxId::parse(format!(
        "sandbox-{:016x}",
        number() ^ number().rotate_left(32)
    ))
}
