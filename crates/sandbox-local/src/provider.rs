//! Many local sandboxes by name, each with a directory of its own. Nothing isolates them from each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use backend_core::{
    Backend, Error, Liveness, Owner, Result, Sandbox, SandboxId, SandboxInfo, SandboxProvider,
    SandboxSpec, VirtualPath, Workspace,
};

use crate::LocalSandbox;
use crate::claim::Claim;

/// Creates local sandboxes, each in its own directory below a root, or in the directory of the host that is its
/// [workspace](SandboxSpec::workspace). Other kinds of workspaces are `unsupported`.
///
/// **It isolates nothing.** Each sandbox can reach the files of every other one, and whatever the user of this process can.
/// Use it where all sessions belong to one person, and in tests.
///
/// Sandboxes belong to this process and end with it. Sandboxes that an earlier process left below the root are listed and
/// can be destroyed, but not attached to. Several processes may share a root: none can destroy the sandboxes of another
/// running process. Of a [runtime](SandboxSpec::runtime) only the variables count: nothing is installed. The provider
/// exists only on Linux.
///
/// # Examples
///
/// ```
/// use backend_core::{SandboxExt, SandboxId, SandboxProvider, SandboxSpec};
/// use backend_fs::FsBackend;
/// use sandbox_local::LocalProvider;
///
/// # #[tokio::main]
/// # async fn main() -> backend_core::Result<()> {
/// # let root = tempfile::tempdir().unwrap();
/// let provider = LocalProvider::without_isolation(root.path(), |dir| FsBackend::open(dir))?;
/// let sandbox = provider.create(&SandboxSpec::new(SandboxId::parse("mine")?)).await?;
/// assert!(sandbox.execute("echo hello > greeting").await?.status.is_success());
/// provider.destroy(&SandboxId::parse("mine")?).await?; // removes its files
/// # Ok(())
/// # }
/// ```
pub struct LocalProvider<B> {
    root: PathBuf,
    open: Arc<OpenFiles<B>>,
    made: Mutex<BTreeMap<SandboxId, Made<B>>>,
    /// Held briefly, while a sandbox is created or destroyed.
    changing: tokio::sync::Mutex<()>,
}

/// Opens the files of a sandbox.
type OpenFiles<B> = dyn Fn(&Path) -> Result<B> + Send + Sync;

struct Made<B> {
    sandbox: Arc<LocalSandbox<B>>,
    /// Whether its directory is removed with it.
    owned: bool,
    claim: Claim,
    labels: BTreeMap<String, String>,
}

impl<B: Backend> LocalProvider<B> {
    /// Creates a provider whose sandboxes are below a directory, which is created if missing. `open` creates the backend
    /// that shows a sandbox's directory.
    ///
    /// # Errors
    ///
    /// `invalid_request` if the directory cannot be created or opened.
    pub fn without_isolation(
        root: impl AsRef<Path>,
        open: impl Fn(&Path) -> Result<B> + Send + Sync + 'static,
    ) -> Result<Self> {
        let root = fs::create_dir_all(&root).and_then(|()| root.as_ref().canonicalize());
        let root = root.map_err(|_| {
            Error::invalid_request("the root of the local sandboxes is not a usable directory")
        })?;
        Ok(Self {
            root,
            open: Arc::new(open),
            made: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<SandboxId, Made<B>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory(&self, id: &SandboxId) -> PathBuf {
        self.root.join(id.as_str())
    }
}

#[async_trait]
impl<B: Backend> SandboxProvider for LocalProvider<B> {
    type Sandbox = LocalSandbox<B>;

    async fn create(&self, spec: &SandboxSpec) -> Result<Arc<LocalSandbox<B>>> {
        let workspace = match &spec.workspace {
            None => None,
            Some(Workspace::HostDirectory(directory)) => Some(directory.clone()),
            Some(other) => return Err(other.unsupported()),
        };
        let _changing = self.changing.lock().await;
        if self.made().contains_key(&spec.id) {
            return Err(taken(&spec.id));
        }
        let (own, open, wanted) = (
            self.directory(&spec.id),
            Arc::clone(&self.open),
            spec.clone(),
        );
        let root = self.root.clone();
        let (sandbox, claim) = hop(move || {
            let claim = Claim::take(&root, &wanted.id).map_err(unclaimed)?;
            let claim = claim.ok_or_else(|| taken(&wanted.id))?;
            if fs::symlink_metadata(&own).is_ok() {
                return Err(taken(&wanted.id));
            }
            let Some(workspace) = &workspace else {
                private_dir(&own).map_err(|error| {
                    Error::unavailable_from("cannot create the directory of the sandbox", error)
                })?;
                let sandbox = build(&*open, &own, &wanted).inspect_err(|_| {
                    // It is empty: nothing ran in it.
                    let _ = fs::remove_dir(&own);
                })?;
                return Ok((sandbox, claim));
            };
            if !workspace.is_dir() {
                return Err(Error::invalid_request(
                    "the workspace of the sandbox is not a directory",
                ));
            }
            Ok((build(&*open, workspace, &wanted)?, claim))
        })
        .await?;
        let sandbox = Arc::new(sandbox);
        let made = Made {
            sandbox: Arc::clone(&sandbox),
            owned: spec.workspace.is_none(),
            claim,
            labels: spec.labels.clone(),
        };
        self.made().insert(spec.id.clone(), made);
        Ok(sandbox)
    }

    async fn attach(&self, id: &SandboxId) -> Result<Arc<LocalSandbox<B>>> {
        let found = self.made().get(id).map(|made| Arc::clone(&made.sandbox));
        if let Some(sandbox) = found
            && sandbox.liveness().await.is_alive()
        {
            return Ok(sandbox);
        }
        Err(Error::unavailable(format!(
            "no sandbox '{id}' is running in this process"
        )))
    }

    async fn inspect(&self, id: &SandboxId) -> SandboxInfo {
        let found = self
            .made()
            .get(id)
            .map(|made| (Arc::clone(&made.sandbox), made.labels.clone()));
        if let Some((sandbox, labels)) = found {
            return SandboxInfo::new(sandbox.liveness().await)
                .labels(labels)
                .owner(Owner::Present);
        }
        let (root, asked) = (self.root.clone(), id.clone());
        match hop(move || Claim::is_taken(&root, &asked).map_err(unclaimed)).await {
            Ok(true) => SandboxInfo::new(Liveness::unknown("it belongs to another process"))
                .owner(Owner::Present),
            // A local sandbox ends with its process. Only its directory is left.
            Ok(false) => SandboxInfo::new(Liveness::gone("the process that created it has ended"))
                .owner(Owner::Gone),
            Err(error) => SandboxInfo::new(Liveness::unknown(error.to_string())),
        }
    }

    async fn list(&self) -> Result<Vec<SandboxId>> {
        let root = self.root.clone();
        let left = hop(move || {
            left_below(&root)
                .map_err(|error| Error::unavailable_from("cannot list the sandboxes", error))
        })
        .await?;
        let mut ids: BTreeSet<SandboxId> = left.into_iter().collect();
        ids.extend(self.made().keys().cloned());
        Ok(ids.into_iter().collect())
    }

    async fn destroy(&self, id: &SandboxId) -> Result<()> {
        let _changing = self.changing.lock().await;
        let made = {
            let made = self.made();
            made.get(id)
                .map(|made| (Arc::clone(&made.sandbox), made.owned))
        };
        let (claimed, owned) = match made {
            Some((sandbox, owned)) => {
                sandbox.stop().await?;
                (true, owned)
            }
            None => (false, true),
        };
        let (root, directory, left) = (self.root.clone(), self.directory(id), id.clone());
        let claim = hop(move || {
            // The sandbox of another process is not ours to remove.
            let claim = match claimed {
                true => None,
                false => Some(claim_of(&root, &left)?),
            };
            if owned {
                remove(&directory)?;
            }
            Ok(claim)
        })
        .await?;
        let made = self.made().remove(id).map(|made| made.claim);
        // A lock file that stays behind is not locked, so it means nothing.
        let _ = made.or(claim).map(Claim::release);
        Ok(())
    }
}

impl<B> fmt::Debug for LocalProvider<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("LocalProvider")
            .field("sandboxes", &made.keys())
            .finish_non_exhaustive()
    }
}

fn build<B: Backend>(
    open: &OpenFiles<B>,
    directory: &Path,
    spec: &SandboxSpec,
) -> Result<LocalSandbox<B>> {
    let mut builder = LocalSandbox::builder_without_isolation(open(directory)?)
        .host_root(directory)
        .id(spec.id.clone());
    let runtime = spec.runtime.iter().flat_map(|runtime| runtime.env());
    for (name, value) in runtime.chain(&spec.env) {
        builder = builder.env(name, value);
    }
    builder.build()
}

/// Returns the sandboxes that have a directory below the root.
fn left_below(root: &Path) -> io::Result<Vec<SandboxId>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(|name| SandboxId::parse(name).ok()));
    }
    Ok(ids)
}

/// Claims a sandbox that an earlier process left, to remove it.
fn claim_of(root: &Path, id: &SandboxId) -> Result<Claim> {
    let claim = Claim::take(root, id).map_err(unclaimed)?;
    claim.ok_or_else(|| {
        Error::unavailable(format!(
            "the sandbox '{id}' belongs to another running process"
        ))
    })
}

fn unclaimed(error: io::Error) -> Error {
    Error::unavailable_from("cannot use the lock of the sandbox", error)
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::unavailable_from(
            "cannot remove the directory of the sandbox",
            error,
        )),
        _ => Ok(()),
    }
}

fn private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

async fn hop<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Error::internal_from(
            None,
            "the disk could not be used",
            error,
        ))
    })
}

fn taken(id: &SandboxId) -> Error {
    match VirtualPath::root().child(id.as_str()) {
        Ok(path) => Error::already_exists(&path),
        Err(error) => error.into(),
    }
}
