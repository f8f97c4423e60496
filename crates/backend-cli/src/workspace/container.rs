//! `--docker IMAGE`, `--runtime NAME`: a workspace that is a container.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backend_core::{
    DEFAULT_WORK_DIR, Durability, Error, ErrorKind, RuntimeConfig, SandboxId, SandboxProvider,
    SandboxSpec,
};
use clap::Args;
use sandbox_docker::{
    Access, DockerProvider, DockerSandbox, DockerSandboxBuilder, Hardening, ImageProgress, Network,
};

use super::mount::Mount;
use crate::failure::{Failure, Result};
use crate::out::Out;
use crate::{help, host, parse};

/// Maximum width of a progress line, so that it does not wrap.
const PROGRESS_WIDTH: usize = 78;

/// The options that select the container.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::CONTAINER)]
pub(crate) struct ContainerArgs {
    /// A new container of this image, isolated and without a network
    ///
    /// Its files are those of the container, from `/` on, and the work directory is /workspace: that is --root if
    /// given, and empty otherwise. Directories of --mount are mounted in it, where commands see them too. It is removed
    /// when the command has ended, unless it has a name. DOCKER_HOST selects an engine other than this machine's.
    #[arg(long, global = true, value_name = "IMAGE")]
    pub(crate) docker: Option<String>,

    /// The same, for a runtime: a built-in one, or a JSON file as printed by 'runtimes NAME'
    ///
    /// Its image is built if needed. A build is not isolated: it installs packages over the network.
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub(crate) runtime: Option<String>,

    /// Keep the container under this name, and reuse it
    ///
    /// An existing container of this name is used as it is, and need not be described. It stays until 'sandboxes
    /// remove'.
    #[arg(long = "name", global = true, value_name = "NAME", value_parser = parse::sandbox_id)]
    pub(crate) sandbox: Option<SandboxId>,

    /// The scope of names; applications that share an engine have their own
    #[arg(long, global = true, value_name = "NAME", value_parser = parse::sandbox_id, default_value = "default")]
    pub(crate) namespace: SandboxId,

    /// What the container may reach: none, bridge, or a network of the engine
    #[arg(long, global = true, value_name = "NETWORK", default_value = "none")]
    pub(crate) network: String,

    /// Harden it further: a non-root user, a read-only root file system, the workspace in memory
    #[arg(long, global = true)]
    pub(crate) strict: bool,

    /// Memory limit [default: 1G]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse::size)]
    pub(crate) memory: Option<u64>,

    /// CPU limit, in processors [default: 2]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) cpus: Option<f64>,
}

/// The source of a new container.
enum Source {
    Image(String),
    Runtime(RuntimeConfig),
}

impl ContainerArgs {
    /// Returns whether the workspace is a container.
    pub(super) fn is_wanted(&self) -> bool {
        self.docker.is_some() || self.runtime.is_some() || self.sandbox.is_some()
    }

    /// Creates the container, or finds the one with the name.
    ///
    /// # Errors
    ///
    /// `Usage` for options that contradict each other; `Opening` for what the engine cannot do.
    pub(super) async fn open(
        &self,
        root: Option<&Path>,
        mounts: &[Mount],
        durability: Durability,
        out: &mut Out,
    ) -> Result<Arc<DockerSandbox>> {
        let source = self.source().await?;
        let shown = match (&self.docker, &self.runtime, &self.sandbox) {
            (Some(image), ..) => format!("--docker {image}"),
            (_, Some(runtime), _) => format!("--runtime {runtime}"),
            (.., name) => format!("--name {}", name.as_ref().map_or("", SandboxId::as_str)),
        };
        let failed = |error| Failure::Opening(shown.clone(), error);
        let shows_progress = out.shows_progress();
        let described = source.is_some();
        let template = self
            .template(source, root, mounts, shows_progress)
            .durability(durability);
        let opened = match &self.sandbox {
            None => template.start().await.map(Arc::new).map_err(failed),
            Some(name) => {
                let provider = DockerProvider::builder(template).namespace(self.namespace.clone());
                let provider = provider.connect().await.map_err(failed)?;
                named(&provider, name, described, out).await.map_err(failed)
            }
        };
        out.end_progress();
        opened
    }

    async fn source(&self) -> Result<Option<Source>> {
        match (&self.docker, &self.runtime) {
            (Some(_), Some(_)) => Err(Failure::Usage(
                "--docker and --runtime are two containers: choose one".to_owned(),
            )),
            (Some(image), None) => Ok(Some(Source::Image(image.clone()))),
            (None, Some(name)) => Ok(Some(Source::Runtime(runtime(name).await?))),
            (None, None) => Ok(None),
        }
    }

    fn template(
        &self,
        source: Option<Source>,
        root: Option<&Path>,
        mounts: &[Mount],
        shows_progress: bool,
    ) -> DockerSandboxBuilder {
        let mut work_dir = DEFAULT_WORK_DIR.to_owned();
        let mut builder = match source {
            Some(Source::Image(image)) => DockerSandbox::builder(image),
            Some(Source::Runtime(runtime)) => {
                runtime.work_dir().as_str().clone_into(&mut work_dir);
                DockerSandbox::builder(runtime.name()).runtime(runtime)
            }
            None => DockerSandbox::builder("unused"),
        };
        builder = builder
            .namespace(self.namespace.clone())
            .network(match self.network.as_str() {
                "none" => Network::None,
                "bridge" => Network::Bridge,
                name => Network::Named(name.to_owned()),
            });
        if let Some(root) = root {
            builder = builder.bind(root, work_dir, Access::ReadWrite);
        }
        for mount in mounts {
            builder = builder.bind(mount.directory(), mount.at(), mount.access());
        }
        if self.strict {
            builder = builder.hardening(Hardening::Strict);
        }
        if let Some(bytes) = self.memory {
            builder = builder.memory(bytes);
        }
        if let Some(cpus) = self.cpus {
            builder = builder.cpus(cpus);
        }
        if shows_progress {
            builder = builder.on_progress(show);
        }
        builder
    }
}

/// Finds the container of this name, or creates it.
async fn named(
    provider: &DockerProvider,
    name: &SandboxId,
    described: bool,
    out: &mut Out,
) -> Result<Arc<DockerSandbox>, Error> {
    if provider.list().await?.contains(name) {
        if described {
            out.note(format_args!(
                "there is a sandbox '{name}', and it is used as it is"
            ));
        }
        return provider.resume(name).await;
    }
    if !described {
        let message = format!("there is no sandbox '{name}': create it with --docker or --runtime");
        return Err(Error::invalid_request(message));
    }
    match provider.create(&SandboxSpec::new(name.clone())).await {
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => provider.resume(name).await,
        made => made,
    }
}

/// Returns a built-in runtime, or one from a file.
async fn runtime(name: &str) -> Result<RuntimeConfig> {
    if let Some(runtime) = RuntimeConfig::builtin(name) {
        return Ok(runtime);
    }
    let what = format!("--runtime {name}");
    let text = host::read_text(&PathBuf::from(name))
        .await
        .map_err(|failure| match failure {
            Failure::Host(_, error) if error.kind() == std::io::ErrorKind::NotFound => {
                let message =
                    "no such file, and no built-in runtime of this name ('runtimes' lists them)";
                Failure::Usage(format!("{what}: {message}"))
            }
            other => other,
        })?;
    serde_json::from_str(&text).map_err(|error| Failure::Usage(format!("{what}: {error}")))
}

/// Shows the progress of an image, on a terminal.
fn show(progress: ImageProgress) {
    let text = progress.to_string();
    let last = text.lines().last().unwrap_or_default();
    let shown: String = last
        .chars()
        .filter(|c| !c.is_control())
        .take(PROGRESS_WIDTH)
        .collect();
    // A closed standard error cannot be reported anywhere.
    let _ = write!(std::io::stderr(), "\r\x1b[K{shown}");
}
