//! Sandboxes by name: created, found again, suspended and destroyed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backend_core::{
    Error, Liveness, ProviderFeatures, Result, SandboxId, SandboxInfo, SandboxProvider,
    SandboxSpec, Workspace,
};
use bollard::errors::Error as EngineError;
use bollard::models::ContainerInspectResponse;
use tokio::time::Instant;

use crate::container::{Condition, Container, condition, labels_of};
use crate::engine::{failure, is_about_request, refused, shown};
use crate::image::ImageSource;
use crate::keyed_mutex::KeyedMutex;
use crate::liveness::{NEVER_STARTED, has_files_in_memory, info, why_files_lost};
use crate::options::{Access, MountSource, Mounted};
use crate::owner::OwnerState;
use crate::settings::Settings;
use crate::start::Progress;
use crate::{DockerSandbox, DockerSandboxBuilder, Engine, Reaped, labels};

/// How long a running process may take from the creation of a container to its start, and the interval of the checks.
const STARTS_WITHIN: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Creates containers as named sandboxes, and finds them again, even from another process.
///
/// Every sandbox follows its template, except where its [specification](SandboxSpec) says otherwise. Sandboxes are
/// [kept](crate::Lifetime::Kept) until they are destroyed, unless the template has another lifetime.
///
/// It sees only the sandboxes of its own namespace, and never a container that this crate did not create. A renamed container is
/// still its sandbox: it is found by its labels.
///
/// # Examples
///
/// ```no_run
/// use backend_core::{SandboxExt, SandboxId, SandboxProvider, SandboxSpec};
/// use sandbox_docker::{DockerProvider, DockerSandbox};
///
/// # async fn run() -> backend_core::Result<()> {
/// let provider = DockerProvider::builder(DockerSandbox::builder("python:3.12-slim").memory(2 << 30))
///     .namespace(SandboxId::parse("my-app")?)
///     .connect()
///     .await?;
/// let sandbox = provider.create(&SandboxSpec::new(SandboxId::parse("user-1")?)).await?;
/// sandbox.execute("pwd").await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DockerProvider {
    engine: Engine,
    template: Settings,
    progress: Option<Progress>,
    locks: KeyedMutex,
}

/// Builds a [`DockerProvider`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `connect` is called"]
pub struct DockerProviderBuilder {
    template: DockerSandboxBuilder,
    sweep: bool,
}

impl DockerProviderBuilder {
    /// Sets the namespace: sandboxes of the same name in different namespaces are independent. `default` by default. Applications
    /// that share an engine should each have their own.
    pub fn namespace(mut self, namespace: SandboxId) -> Self {
        self.template = self.template.namespace(namespace);
        self
    }

    /// Leaves the remains of dead processes alone. By default they are [reaped](Engine::reap).
    pub fn without_sweep(mut self) -> Self {
        self.sweep = false;
        self
    }

    /// Connects to the engine, and removes what dead processes left there.
    ///
    /// # Errors
    ///
    /// `unavailable` if no engine answers; `invalid_request` for an invalid template.
    pub async fn connect(self) -> Result<DockerProvider> {
        let (engine, template, progress) = self.template.into_parts()?;
        template.check()?;
        let engine = match engine {
            Some(engine) => engine,
            None => Engine::connect().await?,
        };
        let provider = DockerProvider {
            engine,
            template,
            progress,
            locks: KeyedMutex::default(),
        };
        if self.sweep {
            provider.reap().await?;
        }
        Ok(provider)
    }
}

impl DockerProvider {
    /// Returns a builder with a template, whose options every sandbox gets. The template's name, if any, is not used.
    pub fn builder(template: DockerSandboxBuilder) -> DockerProviderBuilder {
        DockerProviderBuilder {
            template,
            sweep: true,
        }
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Removes the ephemeral sandboxes of this namespace whose process is gone, like [`Engine::reap`].
    ///
    /// # Errors
    ///
    /// `unavailable`.
    pub async fn reap(&self) -> Result<Reaped> {
        self.engine.reap(&self.template.namespace).await
    }

    /// Finds the container of a sandbox, if it exists and is ours.
    async fn find(&self, id: &SandboxId) -> Result<Option<(Container, ContainerInspectResponse)>> {
        self.engine.find(&self.template.namespace, id).await
    }

    async fn existing(&self, id: &SandboxId) -> Result<(Container, ContainerInspectResponse)> {
        self.find(id)
            .await?
            .ok_or_else(|| Error::unavailable(format!("there is no sandbox '{id}'")))
    }

    /// Like [`existing`](Self::existing), but waits for a container that another process has created and is about to start.
    async fn existing_or_starting(
        &self,
        id: &SandboxId,
    ) -> Result<(Container, ContainerInspectResponse)> {
        let since = Instant::now();
        loop {
            let (container, found) = self.existing(id).await?;
            let starts = condition(&found) == Condition::NeverStarted
                && labels::owner(&labels_of(&found)).state() == OwnerState::Running;
            if !starts || since.elapsed() > STARTS_WITHIN {
                return Ok((container, found));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Connects to a running container.
    async fn sandbox(
        &self,
        id: &SandboxId,
        container: Container,
        found: &ContainerInspectResponse,
    ) -> Result<Arc<DockerSandbox>> {
        let sandbox = DockerSandbox::found(id.clone(), found, container)?;
        sandbox.ensure_started().await?;
        Ok(Arc::new(sandbox))
    }

    fn settings(&self, spec: &SandboxSpec) -> Result<Settings> {
        let mut settings = self.template.clone();
        settings.id = Some(spec.id.clone());
        if let Some(runtime) = &spec.runtime {
            settings.image = ImageSource::Runtime(runtime.clone());
        }
        settings.env.extend(spec.env.clone());
        settings.labels.extend(spec.labels.clone());
        if let Some(workspace) = &spec.workspace {
            let work_dir = settings.work_dir()?;
            let source = source(workspace)?;
            settings.mounts.retain(|mount| mount.path != work_dir);
            settings.tmpfs.remove(&work_dir);
            settings.mounts.push(Mounted {
                source,
                path: work_dir,
                access: Access::ReadWrite,
            });
        }
        Ok(settings)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SandboxProvider for DockerProvider {
    type Sandbox = DockerSandbox;

    fn features(&self) -> ProviderFeatures {
        let mut features = ProviderFeatures::none();
        features.suspends = true;
        // A mount refers to the directory itself, not its name. An engine that is not reached by its socket, or not on Linux, may
        // look the name up again, or see the directory through something that does.
        features.workspace_moves =
            cfg!(target_os = "linux") && self.engine.address().starts_with("unix://");
        features.volumes = true;
        features
    }

    async fn create(&self, spec: &SandboxSpec) -> Result<Arc<DockerSandbox>> {
        let settings = self.settings(spec)?;
        settings.check()?;
        let engine = Some(self.engine.clone());
        let (progress, locks) = (self.progress.clone(), self.locks.clone());
        let sandbox = DockerSandbox::planned(engine, settings, progress, locks)?;
        sandbox.ensure_started().await?;
        Ok(Arc::new(sandbox))
    }

    async fn attach(&self, id: &SandboxId) -> Result<Arc<DockerSandbox>> {
        let (container, found) = self.existing(id).await?;
        match condition(&found) {
            Condition::Running => self.sandbox(id, container, &found).await,
            Condition::Paused => Err(Error::unavailable(format!(
                "sandbox '{id}' is paused; resume it first"
            ))),
            Condition::Ended(how) => Err(Error::unavailable(format!(
                "sandbox '{id}' does not run: {how}"
            ))),
            Condition::NeverStarted => Err(is_lost(id, NEVER_STARTED)),
            Condition::Gone => Err(Error::unavailable(format!(
                "sandbox '{id}' is being removed"
            ))),
            Condition::Unclear => Err(unclear(id)),
        }
    }

    async fn inspect(&self, id: &SandboxId) -> SandboxInfo {
        match self.find(id).await {
            Ok(Some((_, found))) => info(&found),
            Ok(None) => SandboxInfo::new(Liveness::gone(format!("there is no sandbox '{id}'"))),
            Err(error) => SandboxInfo::new(Liveness::unknown(error.to_string())),
        }
    }

    async fn list(&self) -> Result<Vec<SandboxId>> {
        let namespace = &self.template.namespace;
        let wanted = [
            (labels::KIND, labels::SANDBOX),
            (labels::NAMESPACE, namespace.as_str()),
        ];
        let found = self.engine.sandboxes_of(&wanted).await?;
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    async fn destroy(&self, id: &SandboxId) -> Result<()> {
        // An abandoned start may still be about to create it.
        let _turn = self.locks.lock(id).await;
        match self.find(id).await? {
            Some((container, _)) => container.remove().await,
            None => Ok(()),
        }
    }

    /// Stops the container. One whose work directory is in memory is paused instead, which keeps the files.
    async fn suspend(&self, id: &SandboxId) -> Result<()> {
        let (container, found) = self.existing(id).await?;
        let marks = labels_of(&found);
        if marks.get(labels::LIFETIME).map(String::as_str) == Some(labels::EPHEMERAL) {
            return Err(Error::invalid_request(format!(
                "sandbox '{id}' is ephemeral, and would be removed; only a kept sandbox can be suspended"
            )));
        }
        if let Some(why) = why_files_lost(&found, &marks) {
            return Err(is_lost(id, &why));
        }
        let paused = condition(&found) == Condition::Paused;
        // Files in memory would be lost.
        if has_files_in_memory(&found, &marks) {
            return if paused {
                Ok(())
            } else {
                container.pause().await
            };
        }
        if paused {
            container.unpause().await?;
        }
        container.stop().await
    }

    /// Starts the container again, or unpauses it. One whose work directory was in memory when it ended is not started: it would
    /// be empty. Neither is one that was never started: it lacks what a start adds.
    async fn resume(&self, id: &SandboxId) -> Result<Arc<DockerSandbox>> {
        let (container, found) = self.existing_or_starting(id).await?;
        if let Some(why) = why_files_lost(&found, &labels_of(&found)) {
            return Err(is_lost(id, &why));
        }
        match condition(&found) {
            Condition::Running => {}
            Condition::Paused => container.unpause().await?,
            Condition::Ended(_) => {
                let started = container.start().await?;
                started.map_err(not_started)?;
            }
            Condition::NeverStarted => return Err(is_lost(id, NEVER_STARTED)),
            Condition::Gone => {
                return Err(Error::unavailable(format!(
                    "sandbox '{id}' is being removed"
                )));
            }
            Condition::Unclear => return Err(unclear(id)),
        }
        self.sandbox(id, container, &found).await
    }
}

/// Returns what is mounted for a workspace.
fn source(workspace: &Workspace) -> Result<MountSource> {
    match workspace {
        Workspace::HostDirectory(directory) => {
            let directory = std::path::absolute(directory).ok();
            let directory = directory.as_deref().and_then(std::path::Path::to_str);
            let directory = directory.ok_or_else(|| {
                Error::invalid_request("the directory of the workspace has no name in UTF-8")
            })?;
            Ok(MountSource::Directory(directory.to_owned()))
        }
        Workspace::Volume(name) => Ok(MountSource::Workspace(name.clone())),
        other => Err(other.unsupported()),
    }
}

/// Returns the error for a container that the engine does not start again, with its reason: a mounted directory may be gone.
fn not_started(error: EngineError) -> Error {
    let what = "starting the container";
    match refused(&error) {
        Some(said) if is_about_request(&error) => {
            let said = shown(said, &[]);
            Error::unavailable(format!("{what}: the engine refused it: {said}"))
        }
        _ => failure(what, error),
    }
}

fn is_lost(id: &SandboxId, why: &str) -> Error {
    Error::unavailable(format!(
        "sandbox '{id}' is lost: {why}; destroy it, and create it again"
    ))
}

fn unclear(id: &SandboxId) -> Error {
    Error::unavailable(format!(
        "the engine does not say whether sandbox '{id}' runs"
    ))
}

impl fmt::Debug for DockerProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerProvider")
            .field("engine", &self.engine)
            .field("namespace", &self.template.namespace)
            .finish_non_exhaustive()
    }
}
