//! A sandbox that is a container: what it is made of, and what becomes of it.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use backend_core::wire::Remote;
use backend_core::{Error, Result, SandboxId, VirtualPath};
use tokio::sync::OnceCell;

use crate::choices::Lifetime;
use crate::container::Container;
use crate::link::{Link, unavailable};
use crate::settings::Settings;
use crate::start::{Progress, start};
use crate::turns::Turns;
use crate::{DockerSandboxBuilder, Engine};

mod backend;
mod commands;
mod lifecycle;
mod observe;
mod snapshot;

pub use observe::Stats;

/// A container in which commands run, and its files.
///
/// Its files are those of the container, from `/` on, so that a path that a command prints is the path by which the file is
/// read; commands run, and relative paths start, in the [work directory](backend_core::Backend::work_dir). Clones are the
/// same sandbox.
///
/// A connection to it that breaks is made again by the next call. A container that is gone is gone for good: then everything
/// is `unavailable`, and no other container takes its place.
///
/// Dropping it does nothing to the container. One without a name ends by itself when nobody has been connected to it for the
/// time of its [lease](DockerSandboxBuilder::lease); [`stop`](backend_core::Sandbox::stop) ends it at once.
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
    /// How the container is made; none for one that was there.
    plan: Option<Plan>,
    container: OnceCell<Container>,
    link: Link,
}

struct Plan {
    engine: Option<Engine>,
    settings: Arc<Settings>,
    progress: Option<Progress>,
    /// What a provider does with sandboxes of the same name waits for the start.
    turns: Turns,
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

    /// Starts to set up a sandbox from an image.
    pub fn builder(image: impl Into<String>) -> DockerSandboxBuilder {
        DockerSandboxBuilder::new(image.into())
    }

    /// Makes a sandbox that has no container yet.
    pub(crate) fn planned(
        engine: Option<Engine>,
        settings: Settings,
        progress: Option<Progress>,
        turns: Turns,
    ) -> Result<Self> {
        let id = match &settings.id {
            Some(id) => id.clone(),
            None => random_id()?,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                id,
                work_dir: settings.work_dir()?,
                lifetime: settings.lifetime(),
                plan: Some(Plan {
                    engine,
                    settings: Arc::new(settings),
                    progress,
                    turns,
                }),
                container: OnceCell::new(),
                link: Link::default(),
            }),
        })
    }

    /// Makes a sandbox of a container that is there.
    pub(crate) fn found(
        id: SandboxId,
        work_dir: VirtualPath,
        lifetime: Lifetime,
        container: Container,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                id,
                work_dir,
                lifetime,
                plan: None,
                container: OnceCell::new_with(Some(container)),
                link: Link::default(),
            }),
        }
    }

    /// Makes and starts the container, if that has not been done, and connects to the guest in it.
    ///
    /// # Errors
    ///
    /// As [`DockerSandboxBuilder::start`].
    pub async fn ensure_started(&self) -> Result<()> {
        match self.remote().await {
            Ok(_) => Ok(()),
            Err(error) => {
                // Nobody is to find a container that never answered.
                if self.shared.plan.is_some()
                    && self.shared.link.never_connected()
                    && let Some(container) = self.shared.container.get()
                {
                    let _ = container.remove().await;
                }
                Err(error)
            }
        }
    }

    /// Returns what the guest says that it can do. It is what [`capabilities`](backend_core::Backend::capabilities) says.
    ///
    /// # Errors
    ///
    /// `unavailable`.
    #[doc(hidden)]
    pub async fn guest_capabilities(&self) -> Result<backend_core::Capabilities> {
        use backend_core::Backend;

        Ok(self.remote().await?.capabilities())
    }

    /// Returns the container, which is made if there is none.
    async fn container(&self) -> Result<Container> {
        let make = || async {
            let plan = self.shared.plan.as_ref();
            let plan = plan.ok_or_else(|| unavailable("there is no container"))?;
            let engine = match &plan.engine {
                Some(engine) => engine.clone(),
                None => Engine::connect().await?,
            };
            let settings = Arc::clone(&plan.settings);
            let turn = plan.turns.take(&self.shared.id).await;
            start(
                engine,
                settings,
                self.shared.id.clone(),
                plan.progress.clone(),
                turn,
            )
            .await
        };
        self.shared.container.get_or_try_init(make).await.cloned()
    }

    /// Returns the container, if one was made.
    pub(crate) fn started(&self) -> Result<&Container> {
        self.shared
            .container
            .get()
            .ok_or_else(|| unavailable("the container of this sandbox has not been started"))
    }

    /// Returns the connection to the guest.
    async fn remote(&self) -> Result<Remote> {
        self.shared.link.remote(self.container()).await
    }

    /// Returns the error that a failed call is answered with.
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

/// Returns a name that no other sandbox has.
fn random_id() -> Result<SandboxId> {
    let number = || RandomState::new().hash_one(std::process::id());
    SandboxId::parse(format!(
        "sandbox-{:016x}",
        number() ^ number().rotate_left(32)
    ))
}
