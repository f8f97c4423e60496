//! The workspace that the options describe: opened for a command, and closed after it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backend_composite::CompositeBackend;
use backend_core::{Backend, Error, Sandbox, VirtualPath};
use backend_fs::FsBackend;
use clap::Args;
use sandbox_local::LocalSandbox;

use crate::failure::{Failure, Result};
use crate::out::Out;
use crate::{help, parse};

mod mount;
mod read_only;
mod state_file;

use mount::Mount;
use read_only::ReadOnly;
use state_file::StateFile;

/// Which workspace it is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::WORKSPACE)]
pub(crate) struct WorkspaceArgs {
    /// A directory, which nothing leaves [default: the current one]
    ///
    /// Links that lead out of it are refused, and so is `..`.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,

    /// A JSON document that holds the files
    ///
    /// It is read before the command, and written after it if anything changed: at once and whole, so that who reads it
    /// meanwhile sees the old one or the new one. Commands that change something wait for each other. Such a command
    /// creates the document if it is not there.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// How long to wait for another program that changes the document
    #[arg(long, global = true, value_name = "TIME", value_parser = parse::duration)]
    #[arg(default_value = "10s")]
    pub(crate) lock_timeout: Duration,

    /// Show another directory below a path of the workspace; more than once for more
    ///
    /// With `:ro` at the end nothing in it can be changed. Commands that `exec` runs do not see mounts.
    #[arg(long, global = true, value_name = "/PATH=DIR[:ro]", value_parser = mount::parser())]
    pub(crate) mount: Vec<Mount>,

    /// Refuse everything that would change a file
    ///
    /// Commands cannot be held to that, so there are none then.
    #[arg(long, global = true)]
    pub(crate) read_only: bool,

    /// Let commands run on this machine, isolated from nothing
    ///
    /// They run in --root as the user who runs this program, and can do whatever that user can: they are not confined to
    /// the workspace.
    #[arg(long, global = true)]
    pub(crate) no_isolation: bool,
}

/// What a command is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Look only.
    Read,
    /// Change files.
    Change,
    /// Run commands.
    Run,
}

/// A workspace that is open.
#[derive(Debug)]
pub(crate) struct Workspace {
    backend: Arc<dyn Backend>,
    commands: Commands,
    state: Option<StateFile>,
}

/// What runs commands, or why nothing does.
#[derive(Debug)]
enum Commands {
    In(Arc<dyn Sandbox>),
    No(&'static str),
}

/// Files, and what runs commands beside them.
type Parts = (Arc<dyn Backend>, Commands);

const NO_SANDBOX: &str = "commands in this workspace: --no-isolation runs them on this machine, \
                          where they can do whatever you can";
const IN_STATE: &str = "commands beside a --state document: they would not see its files";
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
        let mounts = args.mount.iter().map(Mount::open);
        let mounts = mounts.collect::<Result<Vec<_>>>()?;
        let (state, parts) = match &args.state {
            Some(file) => {
                let state = StateFile::open(file, need, args.lock_timeout, out).await?;
                let files = Arc::new(state.backend().clone());
                let parts = (
                    with_mounts(files, mounts)? as Arc<dyn Backend>,
                    Commands::No(IN_STATE),
                );
                (Some(state), parts)
            }
            None => {
                let root = args.root.as_deref().unwrap_or(Path::new("."));
                (None, args.open_root(root, need, mounts)?)
            }
        };
        let (mut backend, mut commands) = parts;
        if args.read_only {
            backend = Arc::new(ReadOnly::new(backend));
            commands = Commands::No(IN_READ_ONLY);
        }
        Ok(Self {
            backend,
            commands,
            state,
        })
    }

    /// Returns the files.
    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Returns what runs commands.
    ///
    /// # Errors
    ///
    /// `unsupported` where nothing does, with what to do about it.
    pub(crate) fn sandbox(&self) -> Result<&Arc<dyn Sandbox>> {
        match &self.commands {
            Commands::In(sandbox) => Ok(sandbox),
            Commands::No(why) => Err(Error::unsupported(*why).into()),
        }
    }

    /// Returns the path that a person means by a text.
    ///
    /// # Errors
    ///
    /// `invalid_path`.
    pub(crate) fn path(&self, text: &str) -> Result<VirtualPath> {
        Ok(self.backend.work_dir().resolve(text)?)
    }

    /// Ends what runs, and saves what changed.
    ///
    /// # Errors
    ///
    /// `Opening` if the state cannot be saved; `unavailable` if it is not known that everything ended.
    pub(crate) async fn close(self) -> Result<()> {
        let stopped = match &self.commands {
            Commands::In(sandbox) => sandbox.stop().await,
            Commands::No(_) => Ok(()),
        };
        if let Some(state) = self.state {
            state.close()?;
        }
        Ok(stopped?)
    }

    /// Ends what runs, and saves nothing: the work was interrupted.
    pub(crate) async fn abandon(self) {
        if let Commands::In(sandbox) = &self.commands {
            // It is the end in any case.
            let _ = sandbox.stop().await;
        }
    }
}

impl WorkspaceArgs {
    fn check(&self) -> Result<()> {
        let refuse = |message: &str| Err(Failure::Usage(message.to_owned()));
        if self.root.is_some() && self.state.is_some() {
            return refuse(
                "--root and --state are two workspaces: choose one, and --mount the other",
            );
        }
        if self.no_isolation && self.read_only {
            return refuse(
                "--no-isolation and --read-only: nothing would keep commands from writing",
            );
        }
        if self.no_isolation && self.state.is_some() {
            return refuse(
                "--no-isolation and --state: commands would not see the files of the document",
            );
        }
        Ok(())
    }

    fn open_root(&self, root: &Path, need: Need, mounts: Vec<mount::Opened>) -> Result<Parts> {
        let failed = |error| Failure::Opening(format!("--root {}", root.display()), error);
        let files = FsBackend::builder(root).build().map_err(failed)?;
        if !self.no_isolation {
            return Ok((
                with_mounts(Arc::new(files), mounts)?,
                Commands::No(NO_SANDBOX),
            ));
        }
        if need != Need::Run {
            // Nothing will be run, and it need not be able to.
            return Ok((with_mounts(Arc::new(files), mounts)?, Commands::No("")));
        }
        let sandbox = LocalSandbox::without_isolation(files, root).map_err(failed)?;
        let sandbox = with_mounts(Arc::new(sandbox), mounts)?;
        Ok((
            Arc::clone(&sandbox) as Arc<dyn Backend>,
            Commands::In(sandbox),
        ))
    }
}

/// Puts the mounts over the files. Without mounts this adds nothing but a box to each operation.
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
