//! Configuring a manager.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backend_core::{Backend, Error, Result, RuntimeConfig, SandboxProvider};
use tokio::sync::Semaphore;

use crate::inner::{Inner, random};
use crate::recover::ROOT_MARK;
use crate::settings::{Eviction, Settings};
use crate::store::{Flush, Store};
use crate::{Clock, SessionManager, TokioClock};

/// Maximum length of a manager's name.
const MAX_NAME_BYTES: usize = 24;

/// Maximum number of buffered events: the buffer is allocated up front.
const MAX_EVENTS: usize = 1 << 16;

/// Builds a [`SessionManager`]; created by [`SessionManager::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionManagerBuilder<P> {
    provider: P,
    settings: Settings,
}

impl<P: SandboxProvider> SessionManagerBuilder<P> {
    pub(crate) fn new(provider: P) -> Self {
        Self {
            provider,
            settings: Settings::default(),
        }
    }

    /// Keeps the files of each session in `{root}/{id}/workspace`, across sandboxes and restarts. By default the files of a
    /// session are only in its sandbox, and **are lost with it**: an idle session without a root is closed and its files are
    /// lost.
    ///
    /// Only one manager owns a root at a time. Anything installed in a sandbox outside the work directory is not kept.
    pub fn workspace_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.settings.root = Some(root.into());
        self
    }

    /// Does not wait until the name of a record is on the disk, only until its content is, so a crash of the machine can undo the
    /// last changes; each record is complete anyway. By default it waits for both.
    pub fn without_fsync(mut self) -> Self {
        self.settings.fsync = false;
        self
    }

    /// Sets how the stored files of a session are opened, for [`files`](SessionManager::files): with the backend of your choice
    /// over this directory. The backend need not be read-only.
    pub fn files(
        mut self,
        open: impl Fn(&Path) -> Result<Arc<dyn Backend>> + Send + Sync + 'static,
    ) -> Self {
        self.settings.files = Some(Arc::new(open));
        self
    }

    /// Names the manager: 1 to 24 of `a-z`, `0-9`, `-` and `_`, the first one a letter or a digit. The ids of its sandboxes begin
    /// with it, and a manager of the same name destroys what an earlier one left: with a workspace root, the sandboxes that the
    /// manager of this root created; without one, those of a process that is certainly gone. Do not give two managers of one
    /// provider the same name at the same time: they leave each other's sandboxes alone, so an operator may have to remove
    /// leftovers.
    ///
    /// By default the name is generated with the workspace root; without a root it is new each time, and cleaning up after a
    /// crash is left to the provider. A root keeps the last name of its manager: change it only when no sandbox with the old name
    /// runs.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// Sets the runtime of sessions that do not ask for one; the provider's own by default.
    pub fn default_runtime(mut self, runtime: RuntimeConfig) -> Self {
        self.settings.runtime = Some(runtime);
        self
    }

    /// Sets how long a session may be unused before its sandbox is stopped; `None` means never. One hour by default. A session
    /// can have its own.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.idle_timeout = timeout.into();
        self
    }

    /// Sets how long a session may be unused while a process spawned in it still runs; 4 hours by default. With zero, such
    /// processes do not count.
    pub fn background_limit(mut self, limit: Duration) -> Self {
        self.settings.background_limit = limit;
        self
    }

    /// Sets how long a session may be hibernated before it is closed; `None` means never. 24 hours by default. Stored files are
    /// kept; for a session without them, the suspended sandbox is destroyed.
    pub fn close_after(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.close_after = limit.into();
        self
    }

    /// Sets how long a session may be unused before its stored files are removed; `None`, the default, means never.
    pub fn purge_after(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.purge_after = limit.into();
        self
    }

    /// Sets how many sandboxes may exist at a time, including those being started or stopped and those of the warm pool; 64 by
    /// default.
    pub fn max_resident(mut self, limit: usize) -> Self {
        self.settings.max_resident = limit;
        self
    }

    /// Sets how many sessions may be open at a time, including hibernated ones; 10,000 by default.
    pub fn max_open(mut self, limit: usize) -> Self {
        self.settings.max_open = limit;
        self
    }

    /// Sets how many sessions one tenant may have open at a time; by default only the overall limit applies.
    pub fn max_per_tenant(mut self, limit: usize) -> Self {
        self.settings.max_per_tenant = limit;
        self
    }

    /// Sets what happens when a sandbox is needed at the ceiling; [`Eviction::Refuse`] by default.
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.settings.eviction = eviction;
        self
    }

    /// Keeps this many sandboxes ready for new sessions with a runtime; `None` is the default runtime. They count as resident,
    /// and are evicted when a session needs their slot. A session with its own variables or labels does not get one.
    ///
    /// With a workspace root the provider must support renaming a workspace while a sandbox uses it
    /// ([`workspace_moves`](backend_core::ProviderFeatures::workspace_moves)).
    pub fn warm(mut self, runtime: impl Into<Option<RuntimeConfig>>, count: usize) -> Self {
        self.settings.warm.push((runtime.into(), count));
        self
    }

    /// Sets how often the cleanup runs; every 60 seconds by default. With `None` it does not run automatically.
    pub fn cleanup_interval(mut self, every: impl Into<Option<Duration>>) -> Self {
        self.settings.cleanup_interval = every.into();
        self
    }

    /// Sets how many sandboxes are started concurrently; 8 by default.
    pub fn start_concurrency(mut self, limit: NonZeroUsize) -> Self {
        self.settings.start_concurrency = limit.get().min(Semaphore::MAX_PERMITS);
        self
    }

    /// Sets how long a start may take, including fetching or building an image; 10 minutes by default.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.settings.start_timeout = limit;
        self
    }

    /// Sets how long one attempt to stop a sandbox may take, or to take over one left by an earlier run; 30 seconds by default.
    pub fn stop_timeout(mut self, limit: Duration) -> Self {
        self.settings.stop_timeout = limit;
        self
    }

    /// Sets after how many failed stop attempts the waiting callers get the error, 3 by default, and the delay before the second
    /// attempt, one second by default; it doubles each time, up to a minute. The stop is retried until it succeeds.
    pub fn stop_retry(mut self, attempts: u32, backoff: Duration) -> Self {
        self.settings.stop_attempts = attempts.max(1);
        self.settings.stop_backoff = backoff;
        self
    }

    /// Sets after which time a sandbox is checked before it is handed out, 30 seconds by default, and how long to wait for its
    /// answer, 5 seconds by default.
    pub fn probe(mut self, after: Duration, timeout: Duration) -> Self {
        self.settings.probe_after = after;
        self.settings.probe_timeout = timeout;
        self
    }

    /// Sets how many events are buffered for a slow subscriber; 1024 by default, at most 65,536.
    pub fn event_capacity(mut self, capacity: NonZeroUsize) -> Self {
        self.settings.events = capacity.get().min(MAX_EVENTS);
        self
    }

    /// Sets where the time comes from; tokio's clock by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Some(Arc::new(clock));
        self
    }

    /// Keeps the records of sessions in another store than a directory.
    #[cfg(test)]
    pub(crate) fn stored_in(mut self, store: Arc<dyn crate::store::SessionStore>) -> Self {
        self.settings.stored_in = Some(store);
        self
    }

    /// Uses the disk on the caller's thread, and this number in the names of sandboxes, so that a simulation is reproducible.
    #[cfg(test)]
    pub(crate) fn inline(mut self, boot: u64) -> Self {
        self.settings.inline = Some(boot);
        self
    }

    /// Builds the manager. With a workspace root, or a name, it first takes over what an earlier one left; see
    /// [`recovered`](SessionManager::recovered).
    ///
    /// # Errors
    ///
    /// `invalid_request` for settings that contradict each other; `unavailable` if another manager owns the root, the root cannot
    /// be used, or the provider does not answer.
    pub async fn build(self) -> Result<SessionManager<P>> {
        let (provider, settings) = self.checked()?;
        SessionManager::open(provider, settings).await
    }

    fn checked(self) -> Result<(P, Settings)> {
        let Self {
            provider,
            mut settings,
        } = self;
        if let Some(name) = &settings.name {
            check_name(name)?;
        }
        if settings.max_resident == 0 || settings.max_open == 0 {
            return Err(Error::invalid_request("a ceiling must be at least 1"));
        }
        let warm = std::mem::take(&mut settings.warm);
        for (runtime, count) in warm.into_iter().filter(|(_, count)| *count > 0) {
            let runtime = runtime.or_else(|| settings.runtime.clone());
            match settings.warm.iter_mut().find(|(r, _)| *r == runtime) {
                Some((_, total)) => *total += count,
                None => settings.warm.push((runtime, count)),
            }
        }
        if !settings.warm.is_empty()
            && settings.root.is_some()
            && !provider.features().workspace_moves
        {
            return Err(Error::invalid_request(
                "a warm pool with a workspace root needs a provider whose workspaces can be renamed",
            ));
        }
        Ok((provider, settings))
    }
}

impl<P: SandboxProvider> Inner<P> {
    /// Opens the root, if there is one, and creates a manager with no sessions loaded.
    pub(crate) async fn open(provider: P, mut settings: Settings) -> Result<Self> {
        let clock = settings.clock.take();
        let clock = clock.unwrap_or_else(|| Arc::new(TokioClock::new()));
        let (root, given) = (settings.root.take(), settings.name.clone());
        let stored_in = settings.stored_in.take();
        let flush = match (settings.inline, settings.fsync) {
            (Some(_), false) => Flush::Nothing,
            (None, false) => Flush::Content,
            (_, true) => Flush::Name,
        };
        let open = move || {
            let mark = format!("{ROOT_MARK}{:016x}", random());
            let store = match (root, stored_in) {
                (Some(root), _) => Some(Store::directory(&root, flush, &mark)?),
                (None, Some(stored)) => Some(Store::open(stored, &mark)?),
                (None, None) => None,
            };
            let fresh = format!("s{:010x}", random() & 0xff_ffff_ffff);
            let name = match (given, &store) {
                (given, Some(store)) => store.name(given, fresh)?,
                (Some(name), None) => name,
                (None, None) => fresh,
            };
            check_name(&name)?;
            Ok((store, name))
        };
        let (store, name) = if settings.inline.is_some() {
            open()?
        } else {
            let opened = tokio::task::spawn_blocking(open).await;
            opened.unwrap_or_else(|error| {
                Err(Error::internal_from(
                    None,
                    "the store could not be opened",
                    error,
                ))
            })?
        };
        Ok(Self::new(provider, settings, clock, store, name))
    }
}

impl<P: fmt::Debug> fmt::Debug for SessionManagerBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManagerBuilder")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish()
    }
}

fn check_name(name: &str) -> Result<()> {
    let id = backend_core::SandboxId::parse(name)?;
    if id.as_str().len() > MAX_NAME_BYTES {
        return Err(Error::invalid_request(
            "the name of a manager may have at most 24 bytes",
        ));
    }
    Ok(())
}
