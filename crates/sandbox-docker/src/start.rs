//! Starting a container: the image, the container, the guest, the start.

use std::sync::Arc;

use backend_core::{Error, Result, SandboxId, VirtualPath};
use bollard::errors::Error as EngineError;
use bollard::query_parameters::CreateContainerOptionsBuilder;
use tokio::sync::oneshot;

use crate::container::Container;
use crate::engine::{LONG, conflict, failure, gone, is_about_request, refused, shown};
use crate::guest::Guest;
use crate::image::{ImageProgress, Images};
use crate::keyed_mutex::KeyedGuard;
use crate::layout::PROGRAM;
use crate::settings::{Settings, body};
use crate::{Engine, labels, packages, volume, work_dir_owner};

/// How often to put the guest into its volume before giving up.
const MAX_FILLS: u32 = 3;

/// The callback for the progress of an image.
pub(crate) type Progress = Arc<dyn Fn(ImageProgress) + Send + Sync>;

/// Creates a container and starts it. One that does not start is removed.
///
/// If the caller stops waiting, the container is not created, or is removed as soon as it has started; the lock is released only
/// after that.
pub(crate) async fn start(
    engine: Engine,
    settings: Arc<Settings>,
    id: SandboxId,
    progress: Option<Progress>,
    guard: KeyedGuard,
) -> Result<Container> {
    settings.check()?;
    let (mut done, started) = oneshot::channel();
    tokio::spawn(async move {
        let _guard = guard;
        let mut settings = Settings::clone(&settings);
        let ready = tokio::select! {
            ready = ready(&engine, &mut settings, progress.as_deref()) => ready,
            () = done.closed() => return,
        };
        let starting = Starting {
            engine: &engine,
            settings: &settings,
            id: &id,
        };
        let outcome = match ready {
            Ok((image, guest)) => starting.run(&image, &guest).await,
            Err(error) => Err(error),
        };
        if let Err(Ok(container)) = done.send(outcome) {
            starting.remove(&container).await;
        }
    });
    started.await.unwrap_or_else(|_| {
        Err(Error::unavailable(
            "the runtime ended while the sandbox started",
        ))
    })
}

/// Makes sure that the image, the guest and the volume of a workspace exist, and looks up the image's user if none was chosen.
async fn ready(
    engine: &Engine,
    settings: &mut Settings,
    progress: Option<&(dyn Fn(ImageProgress) + Send + Sync + 'static)>,
) -> Result<(String, Guest)> {
    let images = Images::new(engine.clone()).with_options(settings.build.clone());
    let (image, guest) = tokio::try_join!(
        images.ensure(&settings.image, progress),
        Guest::choose(engine, settings.guest.as_ref()),
    )?;
    if settings.user().is_none() {
        settings.image_user = images.user_of(&image).await?;
    }
    for workspace in settings.workspaces() {
        volume::ensure(engine, workspace, &image).await?;
    }
    Ok((image, guest))
}

struct Starting<'a> {
    engine: &'a Engine,
    settings: &'a Settings,
    id: &'a SandboxId,
}

impl Starting<'_> {
    async fn run(&self, image: &str, guest: &Guest) -> Result<Container> {
        let mut refusal = match self.make(image, guest).await? {
            Ok(container) => return Ok(container),
            Err(refusal) => refusal,
        };
        for _ in 0..MAX_FILLS {
            // The guest may have been missing, and another process may have added it by now. Any other cause will be reported
            // again.
            let broken = refused(&refusal).is_some_and(|said| said.contains("exec format error"));
            guest.fill(self.engine, image, broken).await?;
            refusal = match self.make(image, guest).await? {
                Ok(container) => return Ok(container),
                Err(refusal) => refusal,
            };
            // A volume that is not mounted yet may be removed.
            if !refused(&refusal).is_some_and(|said| said.contains(PROGRAM)) {
                break;
            }
        }
        Err(self.explained("starting the container", refusal))
    }

    /// Creates a container and starts it. One that the engine does not start is removed.
    async fn make(&self, image: &str, guest: &Guest) -> Result<Result<Container, EngineError>> {
        let container = self.create(image, guest).await?;
        let started = async {
            self.check_runtime(&container).await?;
            work_dir_owner::give(&container, self.settings).await?;
            let started = container.start().await?;
            if started.is_ok() {
                packages::link(&container, self.settings).await?;
            }
            Ok::<_, Error>(started)
        };
        let started = started.await;
        if !matches!(started, Ok(Ok(()))) {
            self.remove(&container).await;
        }
        tracing::debug!(id = %self.id, container = %container.key, ok = started.is_ok(), "started");
        Ok(started?.map(|()| container))
    }

    /// Makes sure that the engine did not ignore the OCI runtime: the isolation may depend on it.
    async fn check_runtime(&self, container: &Container) -> Result<()> {
        let Some(wanted) = &self.settings.oci_runtime else {
            return Ok(());
        };
        let found = container
            .inspect()
            .await?
            .and_then(|found| found.host_config);
        match found.and_then(|host| host.runtime) {
            Some(runtime) if runtime == *wanted => Ok(()),
            _ => Err(Error::invalid_request(format!(
                "the engine ignored the requested OCI runtime '{wanted}'; make it the engine's default"
            ))),
        }
    }

    async fn create(&self, image: &str, guest: &Guest) -> Result<Container> {
        let what = "making the container";
        let name = labels::container_name(&self.settings.namespace, self.id);
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let body = body(self.settings, self.id, image, guest.volume())?;
        let call = self.engine.docker().create_container(Some(options), body);
        match self.engine.try_call(what, LONG, call).await? {
            Ok(made) => Ok(Container::new(self.engine.clone(), made.id)),
            Err(error) if conflict(&error) => Err(Error::already_exists(&VirtualPath::parse(
                self.id.as_str(),
            )?)),
            Err(error) if gone(&error) => Err(Error::unavailable_from(
                "the image of the container does not exist",
                error,
            )),
            Err(error) => Err(self.explained(what, error)),
        }
    }

    async fn remove(&self, container: &Container) {
        if let Err(left) = container.remove().await {
            tracing::warn!(id = %self.id, %left, "a container that did not start is left behind");
        }
    }

    /// Returns the error for a refused call, with the engine's reason if the request is at fault. Directories of the host are not
    /// named.
    fn explained(&self, what: &str, error: EngineError) -> Error {
        match refused(&error) {
            Some(said) if is_about_request(&error) => {
                let mut said = said.to_owned();
                for directory in self.settings.directories() {
                    said = said.replace(directory, "(the directory)");
                }
                let kept: Vec<&str> = self.settings.own_paths().collect();
                let said = shown(&said, &kept);
                Error::invalid_request(format!("{what}: the engine refused it: {said}"))
            }
            _ => failure(what, error),
        }
    }
}
