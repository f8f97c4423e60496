//! What a suite runs on: a backend, values kept alive with it, and what the suite may know about its surroundings.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use backend_core::{Backend, BackendExt, ErrorKind, ExecRequest, Sandbox, VirtualPath};

/// Makes a symbolic link at a path of the workspace, with this text as its target.
pub(crate) type MakeLink = dyn Fn(&VirtualPath, &str) -> io::Result<()> + Send + Sync;

/// A backend for one law: writable, with an empty root, and not used otherwise.
///
/// Every backend converts into one; the methods add what a suite cannot learn from the backend itself. The laws about
/// commands need a [`sandbox`](Self::sandbox). If a sandbox is expensive, many subjects can share one, each in a
/// [`directory`](Self::directory) of its own.
///
/// # Examples
///
/// ```no_run
/// # use backend_core::Backend;
/// # fn open(_: &std::path::Path) -> impl Backend { backend_state::StateBackend::new() }
/// # fn temporary_directory() -> std::path::PathBuf { std::path::PathBuf::new() }
/// use backend_conformance::Subject;
///
/// let directory = temporary_directory();
/// let subject = Subject::new(open(&directory))
///     .host_path(directory.display().to_string())
///     .keep(directory);
/// ```
pub struct Subject {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) sandbox: Option<Arc<dyn Sandbox>>,
    pub(crate) directory: Option<VirtualPath>,
    pub(crate) files_apart: bool,
    pub(crate) one_root: bool,
    pub(crate) others_use_it: bool,
    pub(crate) variables: Vec<String>,
    pub(crate) host_paths: Vec<String>,
    pub(crate) make_link: Option<Arc<MakeLink>>,
    pub(crate) links_stay_inside: bool,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Subject {
    /// Makes a subject of a backend.
    pub fn new(backend: impl Backend) -> Self {
        Self {
            backend: Arc::new(backend),
            sandbox: None,
            directory: None,
            files_apart: false,
            one_root: false,
            others_use_it: false,
            variables: Vec::new(),
            host_paths: Vec::new(),
            make_link: None,
            links_stay_inside: false,
            kept: Vec::new(),
        }
    }

    /// Makes a subject of a sandbox, for the laws about commands and for those about files.
    pub fn sandbox(sandbox: impl Sandbox) -> Self {
        let sandbox: Arc<dyn Sandbox> = Arc::new(sandbox);
        let mut subject = Self::new(Arc::clone(&sandbox));
        subject.sandbox = Some(sandbox);
        subject
    }

    /// Names the directory that the laws have for themselves; it is made if it is missing. Without one, the laws about
    /// files take the root, and those about commands the sandbox's working directory.
    ///
    /// The laws about files see it as their root, as through [`Below`](crate::Below).
    #[must_use]
    pub fn directory(mut self, directory: VirtualPath) -> Self {
        self.directory = Some(directory);
        self
    }

    /// Says that the sandbox is used by others at the same time, such as other laws. Laws that stop it are skipped.
    #[must_use]
    pub fn others_use_it(mut self) -> Self {
        self.others_use_it = true;
        self
    }

    /// Names a variable that the sandbox gives to every command, so that an equal one in the environment of the tests is
    /// not taken for its source.
    #[must_use]
    pub fn gives_variable(mut self, name: impl Into<String>) -> Self {
        self.variables.push(name.into());
        self
    }

    /// Says that commands do not see the files of the backend, because it keeps them elsewhere. The laws about both
    /// together are skipped.
    #[must_use]
    pub fn files_apart(mut self) -> Self {
        self.files_apart = true;
        self
    }

    /// Says that a path means the same to commands and to the backend, as in a container whose files are rooted at `/`.
    #[must_use]
    pub fn one_root(mut self) -> Self {
        self.one_root = true;
        self
    }

    /// Keeps a value, such as a temporary directory, until the law no longer needs the backend.
    #[must_use]
    pub fn keep(mut self, value: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(value));
        self
    }

    /// Names a text, such as the directory behind the backend, that no message of an error may contain.
    #[must_use]
    pub fn host_path(mut self, text: impl Into<String>) -> Self {
        self.host_paths.push(text.into());
        self
    }

    /// Sets how a symbolic link is made in the workspace, which the protocol cannot do. The laws about links need it,
    /// unless the subject is a sandbox whose commands can do it.
    ///
    /// `make` gets the path of the link, whose parent exists, and the text that the link holds. The path is from the
    /// root that the law sees, which is the [`directory`](Self::directory), if there is one.
    #[must_use]
    pub fn links(
        mut self,
        make: impl Fn(&VirtualPath, &str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.make_link = Some(Arc::new(make));
        self
    }

    /// Says that no link can lead out of the workspace, because links are resolved as in a chroot. The laws about links
    /// that do are then skipped, as they are with a [`directory`](Self::directory) and with [`one_root`](Self::one_root).
    #[must_use]
    pub fn links_stay_inside(mut self) -> Self {
        self.links_stay_inside = true;
        self
    }

    /// Puts the backend behind a `Box<dyn Backend>`, and a sandbox behind a `Box<dyn Sandbox>`, so that the laws run
    /// through that.
    #[must_use]
    pub fn boxed(mut self) -> Self {
        let inner: Box<dyn Backend> = Box::new(self.backend);
        self.backend = Arc::new(inner);
        if let Some(sandbox) = self.sandbox {
            let inner: Box<dyn Sandbox> = Box::new(sandbox);
            self.sandbox = Some(Arc::new(inner));
        }
        self
    }

    /// Puts the backend behind an `Arc<dyn Backend>`, and a sandbox behind an `Arc<dyn Sandbox>`, so that the laws run
    /// through that.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.backend = Arc::new(self.backend);
        if let Some(sandbox) = self.sandbox {
            self.sandbox = Some(Arc::new(sandbox));
        }
        self
    }

    /// Returns whether there is a way to make a symbolic link.
    pub(crate) fn can_link(&self) -> bool {
        let by_command =
            self.sandbox.is_some() && !self.files_apart && self.backend.capabilities().symlinks;
        self.make_link.is_some() || by_command
    }

    /// Returns whether a link can lead out of the workspace.
    pub(crate) fn links_lead_out(&self) -> bool {
        !self.links_stay_inside && !self.one_root && self.directory.is_none()
    }

    /// Makes a symbolic link, at a path from the root that the law sees.
    pub(crate) async fn link(&self, path: &VirtualPath, target: &str) -> Result<(), String> {
        if let Some(make) = &self.make_link {
            return make(path, target).map_err(|error| error.to_string());
        }
        let sandbox = self.sandbox.as_ref().ok_or("it needs a way to make them")?;
        let link = format!("./{}", path.relative());
        let request = ExecRequest::argv(["ln", "-s", "--", target, &link])
            .cwd(self.directory.clone().unwrap_or_default());
        match sandbox.execute_with(&request).await {
            Ok(output) if output.status.is_success() => Ok(()),
            Ok(output) => Err(output.output()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Makes the directory of the subject, if it has one that does not exist.
    pub(crate) async fn prepare(&self) {
        if let Some(directory) = &self.directory
            && let Err(error) = self.backend.stat(directory).await
        {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{directory}: {error}");
            self.backend.mkdir(directory).await.expect("a directory");
        }
    }

    /// Returns the backend.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }
}

impl<B: Backend> From<B> for Subject {
    fn from(backend: B) -> Self {
        Self::new(backend)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("backend", &self.backend)
            .field("executes", &self.sandbox.is_some())
            .field("directory", &self.directory)
            .field("files_apart", &self.files_apart)
            .field("one_root", &self.one_root)
            .field("others_use_it", &self.others_use_it)
            .field("variables", &self.variables)
            .field("host_paths", &self.host_paths)
            .field("links", &self.make_link.is_some())
            .field("links_stay_inside", &self.links_stay_inside)
            .field("kept", &self.kept.len())
            .finish()
    }
}
