//! The workspace that the options describe: opened for a command, and closed after it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backend_composite::CompositeBackend;
use backend_core::{Backend, Error, ProcessId, ReadOnly, Sandbox, Signal, VirtualPath};
use backend_fs::FsBackend;
use backend_guard::Operation;
use sandbox_local::LocalSandbox;

use crate::failure::{Failure, Result};
use crate::out::Out;

mod args;
#[cfg(feature = "docker")]
mod container;
mod mount;
mod permissions;
mod state_file;

pub(crate) use args::WorkspaceArgs;
use state_file::StateFile;

/// The access that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Read only.
    Read,
    /// Change files.
    Change,
    /// Run commands.
    Run,
}

/// A workspace that is open.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The files behind the rules.
    backend: Arc<dyn Backend>,
    commands: Commands,
    running: Option<Running>,
    state: Option<StateFile>,
    /// The operations that the rules refuse everywhere.
    refused: Vec<Operation>,
}

/// The sandbox for commands, or why there is none.
#[derive(Debug)]
enum Commands {
    In(Arc<dyn Sandbox>),
    No(&'static str),
}

/// The sandbox to be stopped, bypassing the rules.
#[derive(Debug)]
struct Running {
    sandbox: Arc<dyn Sandbox>,
    /// Whether it outlives this program: then only started processes are ended.
    is_kept: bool,
    started: Mutex<Vec<ProcessId>>,
}

/// Maximum age of a saved document if the program that changes it is killed.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

const NO_SANDBOX: &str = "commands in this workspace: --docker runs them in a container, and --no-isolation on this \
                          machine, where they can do whatever you can";
const IN_STATE: &str = "commands with a --state document: they would not see its files";
const IN_READ_ONLY: &str =
    "commands in a read-only workspace: nothing would keep them from writing";

impl Workspace {
    /// Opens the workspace.
    ///
    /// # Errors
    ///
    /// `Usage` for options that contradict each other, `Opening` for a part that cannot be opened.
    pub(crate) async fn open(args: &WorkspaceArgs, need: Need, out: &mut Out) -> Result<Self> {
        args.check()?;
        let need = if args.read_only { Need::Read } else { need };
        // Invalid rules are reported before anything is created.
        let rules = match &args.permissions {
            Some(option) => Some(permissions::load(option).await?),
            None => None,
        };
        let mut workspace = Self::unguarded(args, need, out).await?;
        if args.read_only {
            workspace.backend = Arc::new(ReadOnly::new(workspace.backend));
            workspace.commands = Commands::No(IN_READ_ONLY);
        }
        if let Some(rules) = rules {
            match workspace.commands {
                Commands::In(sandbox) => {
                    let guarded = Arc::new(permissions::guard(sandbox, rules));
                    workspace.refused = permissions::refused(&guarded);
                    workspace.backend = Arc::clone(&guarded) as Arc<dyn Backend>;
                    workspace.commands = Commands::In(guarded);
                }
                Commands::No(_) => {
                    let guarded = permissions::guard(workspace.backend, rules);
                    workspace.refused = permissions::refused(&guarded);
                    workspace.backend = Arc::new(guarded);
                }
            }
        }
        Ok(workspace)
    }

    async fn unguarded(args: &WorkspaceArgs, need: Need, out: &mut Out) -> Result<Self> {
        #[cfg(feature = "docker")]
        if args.container.is_wanted() {
            let root = args.root.as_deref();
            let sandbox = args
                .container
                .open(root, &args.mount, args.durability, out)
                .await?;
            return Ok(Self::of_sandbox(sandbox, args.container.sandbox.is_some()));
        }
        let mounts = args.mount.iter().map(|mount| mount.open(args.durability));
        let mounts = mounts.collect::<Result<Vec<_>>>()?;
        if let Some(file) = &args.state {
            let state = StateFile::open(file, need, args.lock_timeout, out).await?;
            let files = Arc::new(state.backend().clone());
            let mut workspace = Self::of_files(with_mounts(files, mounts)?, IN_STATE);
            workspace.state = Some(state);
            return Ok(workspace);
        }
        let root = args.root.as_deref().unwrap_or(Path::new("."));
        let failed = |error| Failure::Opening(format!("--root {}", root.display()), error);
        let files = FsBackend::builder(root)
            .durability(args.durability)
            .build()
            .map_err(failed)?;
        if args.no_isolation && need == Need::Run {
            let sandbox = LocalSandbox::without_isolation(files, root).map_err(failed)?;
            let sandbox = with_mounts(Arc::new(sandbox), mounts)?;
            return Ok(Self::of_sandbox(sandbox, false));
        }
        Ok(Self::of_files(
            with_mounts(Arc::new(files), mounts)?,
            NO_SANDBOX,
        ))
    }

    fn of_files(backend: Arc<dyn Backend>, no_commands: &'static str) -> Self {
        Self {
            backend,
            commands: Commands::No(no_commands),
            running: None,
            state: None,
            refused: Vec::new(),
        }
    }

    fn of_sandbox(sandbox: Arc<dyn Sandbox>, is_kept: bool) -> Self {
        Self {
            backend: Arc::clone(&sandbox) as Arc<dyn Backend>,
            commands: Commands::In(Arc::clone(&sandbox)),
            running: Some(Running {
                sandbox,
                is_kept,
                started: Mutex::default(),
            }),
            state: None,
            refused: Vec::new(),
        }
    }

    /// Returns the files.
    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Returns the sandbox for commands.
    ///
    /// # Errors
    ///
    /// `unsupported` if there is none, with what to do about it.
    pub(crate) fn sandbox(&self) -> Result<&Arc<dyn Sandbox>> {
        match &self.commands {
            Commands::In(sandbox) => Ok(sandbox),
            Commands::No(why) => Err(Error::unsupported(*why).into()),
        }
    }

    /// Returns the operations that the rules refuse everywhere.
    pub(crate) fn refused(&self) -> &[Operation] {
        &self.refused
    }

    /// Records a process that must be ended with the workspace.
    pub(crate) fn note_started(&self, process: &ProcessId) {
        if let Some(running) = &self.running {
            let mut started = running
                .started
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            started.push(process.clone());
        }
    }

    /// Returns the path that an argument names.
    ///
    /// # Errors
    ///
    /// `invalid_path`.
    pub(crate) fn path(&self, text: &str) -> Result<VirtualPath> {
        Ok(self.backend.work_dir().resolve(text)?)
    }

    /// Saves changes repeatedly, for a long-running command. It does not return.
    pub(crate) async fn keep_saved(&self) {
        loop {
            tokio::time::sleep(SAVE_INTERVAL).await;
            if let Some(state) = &self.state {
                // A failed save is retried, and reported at the end.
                let _ = tokio::task::block_in_place(|| state.save());
            }
        }
    }

    /// Ends running processes, and saves changes.
    ///
    /// # Errors
    ///
    /// `Opening` if the state cannot be saved; `unavailable` if it is unknown whether everything ended.
    pub(crate) async fn close(self) -> Result<()> {
        let ended = match self.running {
            Some(running) => running.end().await,
            None => Ok(()),
        };
        if let Some(state) = self.state {
            state.close()?;
        }
        Ok(ended?)
    }

    /// Ends running processes, and saves nothing: the work was interrupted.
    pub(crate) async fn abandon(self) {
        if let Some(running) = self.running {
            // The program ends in any case.
            let _ = running.end().await;
        }
        if let Some(state) = self.state {
            state.abandon();
        }
    }
}

impl Running {
    async fn end(self) -> Result<(), Error> {
        if !self.is_kept {
            return self.sandbox.stop().await;
        }
        let started = self
            .started
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for process in started {
            match self.sandbox.signal(&process, Signal::Kill).await {
                // It ends with its sandbox.
                Err(error) if error.kind() == backend_core::ErrorKind::NotFound => {}
                ended => ended?,
            }
        }
        Ok(())
    }
}

/// Puts the mounts over the files. Without mounts this adds only a box to each operation.
fn with_mounts<D: Backend + ?Sized>(
    files: Arc<D>,
    mounts: Vec<mount::Opened>,
) -> Result<Arc<CompositeBackend<D>>> {
    let mut builder = CompositeBackend::builder(files);
    for mount in mounts {
        builder = builder.mount(mount.at, mount.backend);
    }
    let composite = builder.build();
    let failed = |error| Failure::Opening("--mount".to_owned(), error);
    Ok(Arc::new(composite.map_err(failed)?))
}
