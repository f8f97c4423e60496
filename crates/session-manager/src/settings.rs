//! The settings of a manager and their defaults, in one place.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backend_core::{Backend, Result, RuntimeConfig};

use crate::Clock;
use crate::store::SessionStore;

/// Opens the files of a stored workspace.
pub(crate) type OpenFiles = dyn Fn(&Path) -> Result<Arc<dyn Backend>> + Send + Sync;

/// What happens when a session needs a sandbox and the ceiling is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Eviction {
    /// The request is refused with `quota_exceeded`.
    #[default]
    Refuse,
    /// The least recently used session with nothing running is hibernated, if it has been unused for at least this long. A
    /// session whose files would be lost is never chosen.
    LeastRecentlyUsed {
        /// How long it must have been unused.
        idle_for: Duration,
    },
}

/// The settings of a manager.
pub(crate) struct Settings {
    pub(crate) name: Option<String>,
    pub(crate) root: Option<PathBuf>,
    /// Where sessions are stored, if not below a root.
    pub(crate) stored_in: Option<Arc<dyn SessionStore>>,
    pub(crate) fsync: bool,
    pub(crate) files: Option<Arc<OpenFiles>>,
    pub(crate) runtime: Option<RuntimeConfig>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) background_limit: Duration,
    pub(crate) close_after: Option<Duration>,
    pub(crate) purge_after: Option<Duration>,
    pub(crate) max_resident: usize,
    pub(crate) max_open: usize,
    pub(crate) max_per_tenant: usize,
    pub(crate) eviction: Eviction,
    pub(crate) warm: Vec<(Option<RuntimeConfig>, usize)>,
    pub(crate) cleanup_interval: Option<Duration>,
    pub(crate) start_concurrency: usize,
    pub(crate) start_timeout: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) stop_attempts: u32,
    pub(crate) stop_backoff: Duration,
    pub(crate) probe_after: Duration,
    pub(crate) probe_timeout: Duration,
    pub(crate) events: usize,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// Use the disk on the caller's thread, with this number in the names of sandboxes, so that a simulation is reproducible.
    /// Without `fsync`, nothing is flushed then, so that it is quick.
    pub(crate) inline: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: None,
            root: None,
            stored_in: None,
            fsync: true,
            files: None,
            runtime: None,
            idle_timeout: Some(Duration::from_secs(60 * 60)),
            background_limit: Duration::from_secs(4 * 60 * 60),
            close_after: Some(Duration::from_secs(24 * 60 * 60)),
            purge_after: None,
            max_resident: 64,
            max_open: 10_000,
            max_per_tenant: usize::MAX,
            eviction: Eviction::Refuse,
            warm: Vec::new(),
            cleanup_interval: Some(Duration::from_secs(60)),
            start_concurrency: 8,
            start_timeout: Duration::from_secs(10 * 60),
            stop_timeout: Duration::from_secs(30),
            stop_attempts: 3,
            stop_backoff: Duration::from_secs(1),
            probe_after: Duration::from_secs(30),
            probe_timeout: Duration::from_secs(5),
            events: 1024,
            clock: None,
            inline: None,
        }
    }
}

impl fmt::Debug for Settings {
    /// Shows the limits but no path, because logs may reach an agent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("persistent", &self.root.is_some())
            .field("idle_timeout", &self.idle_timeout)
            .field("max_resident", &self.max_resident)
            .field("max_open", &self.max_open)
            .field("eviction", &self.eviction)
            .finish_non_exhaustive()
    }
}
