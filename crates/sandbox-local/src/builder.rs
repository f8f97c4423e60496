//! How a sandbox is set up: the options, and what each of them means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use backend_core::{Backend, Error, MAX_VARIABLE_BYTES, Result, SandboxId, VirtualPath};

use crate::limit::{Bounds, Resource};
use crate::{Engine, LocalSandbox};

/// Builds a [`LocalSandbox`] with options. It is made by
/// [`LocalSandbox::builder_without_isolation`].
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
    setup: Setup,
}

/// What the options come to.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
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
            setup: Setup {
                id: None,
                host_root: None,
                env: BTreeMap::new(),
                shell: PathBuf::from("/bin/sh"),
                limits: BTreeMap::new(),
                work_dir: VirtualPath::root(),
            },
        }
    }

    /// Says which directory of the host is the backend's `/`. Commands run in it, or where their `cwd` leads below it.
    ///
    /// Without one the files of the backend are not the commands' files: they run in a private temporary directory that
    /// goes with the sandbox, and a `cwd` is `unsupported`.
    pub fn host_root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.setup.host_root = Some(directory.into());
        self
    }

    /// Sets the directory of the backend in which commands run unless they say otherwise, and from which relative paths
    /// start; the root by default.
    pub fn work_dir(mut self, directory: VirtualPath) -> Self {
        self.setup.work_dir = directory;
        self
    }

    /// Names the sandbox. By default it gets a name that no other one of this host has now.
    pub fn id(mut self, id: SandboxId) -> Self {
        self.setup.id = Some(id);
        self
    }

    /// Adds a variable to the environment of every command, or replaces one of its base.
    ///
    /// The base is `PATH` with the usual directories, `HOME` at the working directory's root, `LANG=C.UTF-8` and
    /// `TERM=dumb` (`xterm-256color` for a command with a terminal). Nothing of the host's environment is in it.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.setup.env.insert(name.into(), value.into());
        self
    }

    /// Sets the shell of [`Command::Shell`](backend_core::Command::Shell), which is called with `-c` and the line;
    /// `/bin/sh` by default.
    pub fn shell(mut self, program: impl Into<PathBuf>) -> Self {
        self.setup.shell = program.into();
        self
    }

    /// Limits what each process of a command may have of a resource, to `soft` for now, and to `hard` at most: the process may
    /// raise the one up to the other. [`u64::MAX`] is no limit. A limit above this process's own is that one.
    ///
    /// The limits hold for commands alone. This process, and the supervisor that it has for each command, keep their own.
    pub fn limit(mut self, resource: Resource, soft: u64, hard: u64) -> Self {
        let bounds = Bounds { soft, hard };
        self.setup.limits.insert(resource, bounds);
        self
    }

    /// Makes the sandbox. Nothing is started yet.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` for a host root that is not an open directory, and for a variable whose name or value
    /// cannot be one; `unavailable` if no temporary directory can be made. On anything but Linux it is commands that are
    /// `unsupported`, and the host root is not looked at.
    pub fn build(self) -> Result<LocalSandbox<B>> {
        for (name, value) in &self.setup.env {
            let (name, value) = (name.as_encoded_bytes(), value.as_encoded_bytes());
            if name.is_empty() || name.contains(&b'=') || name.contains(&0) || value.contains(&0) {
                return Err(Error::invalid_request(
                    "a variable of the sandbox's environment has an impossible name or value",
                ));
            }
        }
        for (name, value) in &self.setup.env {
            if name.len() + value.len() >= MAX_VARIABLE_BYTES {
                return Err(Error::invalid_request(format!(
                    "the variable '{}' of the sandbox's environment is longer than 128 KiB",
                    name.display()
                )));
            }
        }
        if self.setup.host_root.is_none() && !self.setup.work_dir.is_root() {
            return Err(Error::invalid_request(
                "a work directory needs a host root: without one, commands run in a directory of their own",
            ));
        }
        Ok(LocalSandbox::new(self.backend, Engine::new(self.setup)?))
    }
}
