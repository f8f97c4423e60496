//! What a suite runs on: a backend, what has to live as long as it, and what the suite may know of its surroundings.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use backend_core::{Backend, VirtualPath};

/// Makes a symbolic link at a path of the workspace, with this text as its target.
pub(crate) type MakeLink = dyn Fn(&VirtualPath, &str) -> io::Result<()> + Send + Sync;

/// A backend for one law: writable, with an empty root, and used by nobody else.
///
/// Every backend is one by `into()`; the methods add what a suite cannot learn from the backend itself.
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
            host_paths: Vec::new(),
            make_link: None,
            links_stay_inside: false,
            kept: Vec::new(),
        }
    }

    /// Keeps a value, such as a temporary directory, until the law is done with the backend.
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

    /// Says how a symbolic link is made in the workspace, which the protocol cannot. The laws about links need it.
    ///
    /// `make` gets the path of the link, whose parent is there, and the text that the link holds.
    #[must_use]
    pub fn links(
        mut self,
        make: impl Fn(&VirtualPath, &str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.make_link = Some(Arc::new(make));
        self
    }

    /// Says that no link can lead out of the workspace, because links are resolved as in a chroot. The laws about links
    /// that do are then skipped.
    #[must_use]
    pub fn links_stay_inside(mut self) -> Self {
        self.links_stay_inside = true;
        self
    }

    /// Puts the backend behind a `Box<dyn Backend>`, so that the laws run through that.
    #[must_use]
    pub fn boxed(mut self) -> Self {
        let inner: Box<dyn Backend> = Box::new(self.backend);
        self.backend = Arc::new(inner);
        self
    }

    /// Puts the backend behind an `Arc<dyn Backend>`, so that the laws run through that.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.backend = Arc::new(self.backend);
        self
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
            .field("host_paths", &self.host_paths)
            .field("links", &self.make_link.is_some())
            .field("links_stay_inside", &self.links_stay_inside)
            .field("kept", &self.kept.len())
            .finish()
    }
}
