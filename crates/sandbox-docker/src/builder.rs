//! The options of a sandbox.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{Durability, IntoPath, Result, RuntimeConfig, SandboxId, VirtualPath};
use bytes::Bytes;

use crate::image::{BuildOptions, ImageProgress, ImageSource, PullPolicy};
use crate::keyed_mutex::KeyedMutex;
use crate::options::{Access, Hardening, Lifetime, MountSource, Mounted, Network, Port};
use crate::settings::Settings;
use crate::start::Progress;
use crate::{DockerSandbox, Engine};

/// Builds a [`DockerSandbox`] with options; created by [`DockerSandbox::builder`].
///
/// The defaults give a container that is safe for an agent: no network, no new privileges, few capabilities, and limits on
/// memory, processes and CPU. The page `docs/docker.md` lists them all in a table.
///
/// Invalid options are reported by [`build`](Self::build).
///
/// # Examples
///
/// ```no_run
/// use sandbox_docker::{Access, DockerSandbox, Hardening};
///
/// # async fn run() -> backend_core::Result<()> {
/// let sandbox = DockerSandbox::builder("python:3.12-slim")
///     .hardening(Hardening::Strict)
///     .bind("/srv/data", "/data", Access::ReadOnly)
///     .env("MPLBACKEND", "Agg")
///     .memory(2 << 30)
///     .start()
///     .await?;
/// # drop(sandbox);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `start` or `build` is called"]
pub struct DockerSandboxBuilder {
    engine: Option<Engine>,
    settings: Result<Settings>,
    progress: Option<Progress>,
}

impl DockerSandboxBuilder {
    pub(crate) fn new(image: String) -> Self {
        Self {
            engine: None,
            settings: Settings::new(image),
            progress: None,
        }
    }

    /// Sets the engine; the one that [`Engine::connect`] finds by default. Sandboxes with the same engine share its connections.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Uses the image of a runtime, building it if necessary, with the runtime's variables, work directory and user.
    pub fn runtime(self, runtime: RuntimeConfig) -> Self {
        self.set(|settings| settings.image = ImageSource::Runtime(runtime))
    }

    /// Sets when the image is pulled; by default, if the engine does not have it.
    pub fn pull(self, policy: PullPolicy) -> Self {
        self.set(|settings| settings.build.pull = policy)
    }

    /// Sets how the image of a runtime is built: over which network, with which files and variables. It sets
    /// [`pull`](Self::pull) too.
    pub fn build_options(self, options: BuildOptions) -> Self {
        self.set(|settings| settings.build = options)
    }

    /// Calls a function with the progress while the image is pulled or built.
    pub fn on_progress(mut self, told: impl Fn(ImageProgress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(told));
        self
    }

    /// Names the sandbox, so that it can be found again. By default it gets a unique name.
    ///
    /// A sandbox with a name is [kept](Lifetime::Kept) until it is destroyed, unless
    /// [`lifetime`](Self::lifetime) says otherwise.
    pub fn id(self, id: SandboxId) -> Self {
        self.set(|settings| settings.id = Some(id))
    }

    /// Sets the namespace: sandboxes of the same name in different namespaces are independent. `default` by default.
    pub fn namespace(self, namespace: SandboxId) -> Self {
        self.set(|settings| settings.namespace = namespace)
    }

    /// Sets whether the sandbox outlives the process that creates it.
    pub fn lifetime(self, lifetime: Lifetime) -> Self {
        self.set(|settings| settings.lifetime = Some(lifetime))
    }

    /// Sets how long the container keeps running without a connection; then it ends automatically. By default
    /// [`DEFAULT_LEASE`](crate::DEFAULT_LEASE) for an ephemeral sandbox, and unlimited for a kept one.
    pub fn lease(self, lease: impl Into<Option<Duration>>) -> Self {
        let lease = lease.into();
        self.set(|settings| settings.lease = Some(lease))
    }

    /// Sets what a power loss can take from files written through the sandbox. By default never earlier content. Files written by
    /// commands are as durable as the commands make them. Files in memory survive nothing, whatever is chosen.
    pub fn durability(self, durability: Durability) -> Self {
        self.set(|settings| settings.durability = durability)
    }

    /// Sets after how long without use the sandbox may be suspended. This crate does not do so itself: it is a hint for a
    /// manager, stored on the container and available as [`DockerSandbox::idle_timeout`].
    pub fn idle_timeout(self, time: Duration) -> Self {
        self.set(|settings| settings.idle_timeout = Some(time))
    }

    /// Sets the directory in which commands run and relative paths start; that of the runtime, or `/workspace`, by default. It is
    /// created if it does not exist.
    pub fn work_dir(self, path: impl IntoPath) -> Self {
        self.set_path(path, |settings, path| settings.work_dir = Some(path))
    }

    /// Mounts a directory of the engine's host. On this machine the path is made absolute; the directory must exist.
    ///
    /// # Security
    ///
    /// Anything that runs in the container can change a writable mount, and files written there by its root belong to root.
    pub fn bind(self, directory: impl AsRef<Path>, path: impl IntoPath, access: Access) -> Self {
        let directory = std::path::absolute(directory).ok();
        let text = directory
            .as_deref()
            .and_then(Path::to_str)
            .map(str::to_owned);
        self.set_path(path, |settings, path| {
            settings.mounts.push(Mounted {
                source: MountSource::Directory(text.unwrap_or_default()),
                path,
                access,
            });
        })
    }

    /// Mounts a volume of the engine, which is created if it does not exist, and stays when the sandbox is destroyed.
    pub fn volume(self, name: impl Into<String>, path: impl IntoPath, access: Access) -> Self {
        let name = name.into();
        self.set_path(path, |settings, path| {
            settings.mounts.push(Mounted {
                source: MountSource::Volume(name),
                path,
                access,
            });
        })
    }

    /// Puts a directory into memory, with room for this many bytes. They count as memory of the sandbox.
    pub fn tmpfs(self, path: impl IntoPath, bytes: u64) -> Self {
        self.set_path(path, |settings, path| {
            settings.tmpfs.insert(path, bytes);
        })
    }

    /// Adds an environment variable for everything that runs in the container.
    ///
    /// Anyone who can inspect the engine's containers can read it.
    pub fn env(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.set(|settings| {
            settings.env.insert(name, value);
        })
    }

    /// Adds a label to the container.
    pub fn label(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.set(|settings| {
            settings.labels.insert(name, value);
        })
    }

    /// Sets the user that everything runs as: a name that the image knows, or numbers, as in `1000:1000`. By default the
    /// runtime's or the image's, and user 1000 under [`Hardening::Strict`].
    pub fn user(self, user: impl Into<String>) -> Self {
        let user = user.into();
        self.set(|settings| settings.user = Some(user))
    }

    /// Sets the network of the container; none by default.
    pub fn network(self, network: Network) -> Self {
        self.set(|settings| settings.network = network)
    }

    /// Publishes a port of the container to this machine, on a free port of the loopback address that [`DockerSandbox::port`]
    /// returns.
    pub fn port(self, inside: u16) -> Self {
        self.port_at(inside, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
    }

    /// Publishes a port of the container at an address of the engine's host.
    pub fn port_at(self, inside: u16, outside: SocketAddr) -> Self {
        self.set(|settings| settings.ports.push(Port { inside, outside }))
    }

    /// Sets how much memory everything in the container may use, in bytes;
    /// [`DEFAULT_MEMORY_BYTES`](crate::DEFAULT_MEMORY_BYTES) by default.
    pub fn memory(self, bytes: u64) -> Self {
        self.set(|settings| settings.memory = bytes)
    }

    /// Sets how much swap it may use in addition, in bytes; none by default.
    pub fn swap(self, bytes: u64) -> Self {
        self.set(|settings| settings.swap = bytes)
    }

    /// Sets the number of processors it may use; [`DEFAULT_CPUS`](crate::DEFAULT_CPUS) by default.
    pub fn cpus(self, cpus: f64) -> Self {
        self.set(|settings| settings.cpus = cpus)
    }

    /// Sets how many processes and threads it may have at once; [`DEFAULT_PIDS`](crate::DEFAULT_PIDS) by default.
    pub fn pids(self, pids: u32) -> Self {
        self.set(|settings| settings.pids = pids)
    }

    /// Sets how many bytes it may write to its root file system. Most engines cannot enforce that, and refuse it.
    pub fn disk(self, bytes: u64) -> Self {
        self.set(|settings| settings.disk = Some(bytes))
    }

    /// Sets a limit for each process of a command, by its name in `docker run --ulimit`, or `as` for address space.
    ///
    /// The guest also respects `fsize`: a write beyond it is `quota_exceeded`. It is exempt from limits that would end it.
    pub fn ulimit(self, name: impl Into<String>, value: u64) -> Self {
        let name = name.into();
        self.set(|settings| {
            settings.ulimits.insert(name, value);
        })
    }

    /// Sets how strictly the container is restricted.
    pub fn hardening(self, hardening: Hardening) -> Self {
        self.set(|settings| settings.hardening = hardening)
    }

    /// Makes the root file system read-only. `/tmp` is then in memory, and the work directory has to be mounted.
    pub fn read_only_root(self) -> Self {
        self.set(|settings| settings.read_only_root = true)
    }

    /// Adds a capability that the hardening drops, such as `NET_RAW`.
    pub fn capability(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.set(|settings| {
            settings.capabilities.insert(name);
        })
    }

    /// Adds a device of the engine's host, such as `/dev/kvm`.
    pub fn device(self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.set(|settings| settings.devices.push(path))
    }

    /// Sets the OCI runtime that runs the container, such as `runsc`; the engine's default otherwise.
    pub fn oci_runtime(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.set(|settings| settings.oci_runtime = Some(name))
    }

    /// Sets the guest to run in the container: the bytes of `agent-guest` for the engine's machine. By default the one embedded
    /// in this crate.
    pub fn guest(self, program: impl Into<Bytes>) -> Self {
        let program = program.into();
        self.set(|settings| settings.guest = Some(program))
    }

    /// Creates a sandbox whose container is created and started on first use.
    ///
    /// # Errors
    ///
    /// `invalid_request` or `invalid_path` for an invalid option.
    pub fn build(self) -> Result<DockerSandbox> {
        let settings = self.settings?;
        settings.check()?;
        DockerSandbox::planned(self.engine, settings, self.progress, KeyedMutex::default())
    }

    /// Creates a sandbox and starts its container. A failed start leaves nothing behind, and neither does an abandoned one.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); `already_exists` if there is a sandbox of this name; `unavailable` if the engine does not
    /// answer, or the image cannot be obtained.
    pub async fn start(self) -> Result<DockerSandbox> {
        let sandbox = self.build()?;
        sandbox.ensure_started().await?;
        Ok(sandbox)
    }

    pub(crate) fn into_parts(self) -> Result<(Option<Engine>, Settings, Option<Progress>)> {
        Ok((self.engine, self.settings?, self.progress))
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        if let Ok(settings) = &mut self.settings {
            change(settings);
        }
        self
    }

    fn set_path(
        mut self,
        path: impl IntoPath,
        change: impl FnOnce(&mut Settings, VirtualPath),
    ) -> Self {
        self.settings = self.settings.and_then(|mut settings| {
            change(&mut settings, path.into_path()?);
            Ok(settings)
        });
        self
    }
}

impl fmt::Debug for DockerSandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerSandboxBuilder")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}
