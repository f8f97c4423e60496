//! The options of a sandbox.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use backend_core::{Backend, Error, MAX_VARIABLE_BYTES, Result, SandboxId, VirtualPath};

use crate::limit::{Bounds, Resource};
use crate::{Engine, LocalSandbox};

/// Builds a [`LocalSandbox`] with options. Created by [`LocalSandbox::builder_without_isolation`].
///
/// # Examples
///
/// ```
/// use backend_fs::FsBackend;
/// use sandbox_local::LocalSandbox;
///
/// # let here = tempfile::tempdir().unwrap();
/// # let dir = here.path();
/// let sandbox = LocalSandbox::builder_without_isolation(FsBackend::open(dir)?)
///     .host_root(dir)
///     .env("GIT_PAGER", "cat")
///     .build()?;
/// # drop(sandbox);
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct LocalSandboxBuilder<B> {
    backend: B,
    config: Config,
}

/// The resulting settings.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) id: Option<SandboxId>,
    pub(crate) host_root: Option<PathBuf>,
    pub(crate) env: BTreeMap<OsString, OsString>,
    pub(crate) shell: PathBuf,
    pub(crate) limits: BTreeMap<Resource, Bounds>,
    pub(crate) work_dir: VirtualPath,
}

impl<B: Backend> LocalSandboxBuilder<B> {
    pub(crate) fn new(backend: B) -> Self {
        Self {
            backend,
            config: Config {
                id: None,
                host_root: None,
                env: BTreeMap::new(),
                shell: PathBuf::from("/bin/sh"),
                limits: BTreeMap::new(),
                work_dir: VirtualPath::root(),
            },
        }
    }

    /// Sets the directory of the host that is the backend's `/`. Commands run in it, or where their `cwd` leads below it.
    ///
    /// Without it, commands do not see the files of the backend: they run in a private temporary directory that is removed
    /// with the sandbox, and a `cwd` is `unsupported`.
    pub fn host_root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.config.host_root = Some(directory.into());
        self
    }

    /// Sets the directory of the backend in which commands run unless they say otherwise, and from which relative paths
    /// start; the root by default.
    pub fn work_dir(mut self, directory: VirtualPath) -> Self {
        self.config.work_dir = directory;
        self
    }

    /// Names the sandbox. By default it gets a name that no other sandbox of this host has at the moment.
    pub fn id(mut self, id: SandboxId) -> Self {
        self.config.id = Some(id);
        self
    }

    /// Adds a variable to the environment of every command, or replaces one of its base.
    ///
    /// The base is `PATH` with the usual directories, `HOME` at the working directory's root, `LANG=C.UTF-8` and `TERM=dumb`
    /// (`xterm-256color` for a command with a terminal). It contains nothing of the host's environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.config.env.insert(name.into(), value.into());
        self
    }

    /// Sets the shell of [`Command::Shell`](backend_core::Command::Shell), which is called with `-c` and the line;
    /// `/bin/sh` by default.
    pub fn shell(mut self, program: impl Into<PathBuf>) -> Self {
        self.config.shell = program.into();
        self
    }

    /// Limits a resource for each process of a command: to `soft`, which the process itself may raise up to `hard`.
    /// [`u64::MAX`] means no limit. A limit above this process's own is lowered to it.
    ///
    /// The limits apply only to commands. This process, and the supervisor that it has for each command, keep their own.
    pub fn limit(mut self, resource: Resource, soft: u64, hard: u64) -> Self {
        let bounds = Bounds { soft, hard };
        self.config.limits.insert(resource, bounds);
        self
    }

    /// Creates the sandbox. Starts no process yet.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` for a host root that is not an open directory, and for a variable with an invalid name or
    /// value; `unavailable` if no temporary directory can be created. On platforms other than Linux the host root is not
    /// checked, and each command is `unsupported`.
    pub fn build(self) -> Result<LocalSandbox<B>> {
        for (name, value) in &self.config.env {
            let (name, value) = (name.as_encoded_bytes(), value.as_encoded_bytes());
            if name.is_empty() || name.contains(&b'=') || name.contains(&0) || value.contains(&0) {
                return Err(Error::invalid_request(
                    "the sandbox's environment has a variable with an invalid name or value",
                ));
            }
        }
        for (name, value) in &self.config.env {
            if name.len() + value.len() >= MAX_VARIABLE_BYTES {
                return Err(Error::invalid_request(format!(
                    "the variable '{}' of the sandbox's environment is longer than 128 KiB",
                    name.display()
                )));
            }
        }
        if self.config.host_root.is_none() && !self.config.work_dir.is_root() {
            return Err(Error::invalid_request(
                "a work directory needs a host root: without one, commands run in a directory of their own",
            ));
        }
        Ok(LocalSandbox::new(self.backend, Engine::new(self.config)?))
    }
}
