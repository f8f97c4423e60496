//! The calls to the provider: each has a time limit, and starts are limited in number.
//!
//! It knows sandboxes by id, and nothing about sessions.

use std::future::{Future, pending};
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backend_core::{
    Error, Liveness, ProviderFeatures, Result, SandboxId, SandboxInfo, SandboxProvider, SandboxSpec,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

use crate::errors::closing;
use crate::guard::{Guard, holds};
use crate::guarded::guarded;
use crate::latch::Latch;
use crate::settings::Settings;

/// Number of characters in a sandbox's id after the name of the manager.
const UNIQUE_CHARS: usize = 24;

/// Maximum delay before a stop is retried.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Creates, finds and stops sandboxes.
pub(crate) struct Provisioner<P: SandboxProvider> {
    provider: Arc<P>,
    features: ProviderFeatures,
    /// The mark on sandboxes, so that only this manager destroys its leftovers.
    mark: String,
    names: Names,
    starts: Semaphore,
    /// Set when the manager is being shut down.
    closing: Arc<Latch<()>>,
    start_timeout: Duration,
    stop_timeout: Duration,
    stop_attempts: u32,
    stop_backoff: Duration,
}

/// Names sandboxes: the name of the manager, then a unique suffix.
#[derive(Debug)]
struct Names {
    prefix: String,
    boot: u64,
    last: AtomicU64,
}

impl<P: SandboxProvider> Provisioner<P> {
    pub(crate) fn new(
        provider: P,
        settings: &Settings,
        mark: String,
        name: String,
        closing: Arc<Latch<()>>,
    ) -> Self {
        Self {
            features: provider.features(),
            provider: Arc::new(provider),
            mark,
            names: Names {
                prefix: name,
                boot: settings.inline.unwrap_or_else(random),
                last: AtomicU64::new(0),
            },
            starts: Semaphore::new(settings.start_concurrency),
            closing,
            start_timeout: settings.start_timeout,
            stop_timeout: settings.stop_timeout,
            stop_attempts: settings.stop_attempts,
            stop_backoff: settings.stop_backoff,
        }
    }

    pub(crate) fn provider(&self) -> &P {
        &self.provider
    }

    /// Returns the mark on the sandboxes of this manager.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// Returns whether a suspended sandbox can be resumed with its files.
    pub(crate) fn suspends(&self) -> bool {
        self.features.suspends
    }

    /// Returns a name for a new sandbox.
    pub(crate) fn new_id(&self) -> Result<SandboxId> {
        let Names { prefix, boot, last } = &self.names;
        let number = last.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff;
        SandboxId::parse(format!("{prefix}-{boot:016x}{number:08x}"))
    }

    /// Returns whether a sandbox was named by this manager or an earlier one of the same name.
    pub(crate) fn is_ours(&self, id: &SandboxId) -> bool {
        let rest = id.as_str().strip_prefix(&self.names.prefix);
        rest.and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| {
                rest.len() == UNIQUE_CHARS && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    }

    /// Waits for one of the slots for concurrent starts.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.closed() => Err(closing()),
            turn = self.starts.acquire() => turn.map_err(|error| {
                Error::internal_from(None, "waiting for a start failed", error)
            }),
        }
    }

    /// Creates a sandbox, within a turn of the caller. One that took too long, or is no longer wanted, may still exist.
    pub(crate) async fn create(&self, spec: SandboxSpec) -> Result<Arc<P::Sandbox>> {
        let provider = Arc::clone(&self.provider);
        let create = async move { provider.create(&spec).await };
        let limit = self.start_timeout;
        guarded("starting the sandbox", limit, self.closed(), create).await
    }

    /// Attaches to a sandbox that runs.
    pub(crate) async fn attach(&self, id: &SandboxId) -> Result<Arc<P::Sandbox>> {
        let _turn = self.turn().await?;
        let (provider, id) = (Arc::clone(&self.provider), id.clone());
        let attach = async move { provider.attach(&id).await };
        let limit = self.stop_timeout;
        guarded("attaching to the sandbox", limit, self.closed(), attach).await
    }

    /// Attaches to a sandbox that runs, or resumes a suspended one.
    pub(crate) async fn resume(&self, id: &SandboxId, runs: bool) -> Result<Arc<P::Sandbox>> {
        let _turn = self.turn().await?;
        let (provider, id) = (Arc::clone(&self.provider), id.clone());
        let resume = async move {
            if runs {
                provider.attach(&id).await
            } else {
                provider.resume(&id).await
            }
        };
        let limit = self.start_timeout;
        guarded("resuming the sandbox", limit, self.closed(), resume).await
    }

    /// Destroys or suspends a sandbox.
    pub(crate) async fn end(&self, id: &SandboxId, suspend: bool) -> Result<()> {
        let (provider, id) = (Arc::clone(&self.provider), id.clone());
        let end = async move {
            if suspend {
                provider.suspend(&id).await
            } else {
                provider.destroy(&id).await
            }
        };
        guarded("stopping the sandbox", self.stop_timeout, pending(), end).await
    }

    /// Asks the provider about a sandbox. It never fails: without an answer the state is unknown. A label that is empty is left
    /// out: it only hides one of the image.
    pub(crate) async fn inspect(&self, id: &SandboxId) -> SandboxInfo {
        let (provider, id) = (Arc::clone(&self.provider), id.clone());
        let inspect = async move { Ok(provider.inspect(&id).await) };
        let limit = self.stop_timeout;
        let asked = guarded("asking about the sandbox", limit, pending(), inspect);
        let mut info = asked
            .await
            .unwrap_or_else(|error| SandboxInfo::new(Liveness::unknown(error.to_string())));
        if info.liveness.is_unknown() && !holds(Guard::UnknownIsNotGone) {
            return SandboxInfo::new(Liveness::gone("it did not answer"));
        }
        info.labels.retain(|_, value| !value.is_empty());
        info
    }

    /// Returns the sandboxes of the provider.
    pub(crate) async fn existing(&self) -> Result<Vec<SandboxId>> {
        let provider = Arc::clone(&self.provider);
        let list = async move { provider.list().await };
        guarded("listing the sandboxes", self.stop_timeout, pending(), list).await
    }

    /// Waits before the next attempt to stop a sandbox: longer each time, and no longer than a shutdown allows.
    pub(crate) async fn wait_to_retry(&self, attempt: u32, nudged: impl Future<Output = ()>) {
        let factor = 1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let backoff = self
            .stop_backoff
            .saturating_mul(factor)
            .min(MAX_BACKOFF.max(self.stop_backoff));
        tokio::select! {
            biased;
            () = self.closed(), if attempt >= self.stop_attempts => {}
            () = nudged, if attempt >= self.stop_attempts => {}
            () = sleep(backoff) => {}
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get().is_some()
    }

    /// Waits until the manager is being shut down.
    pub(crate) async fn closed(&self) {
        self.closing.wait().await;
    }
}

/// Returns a number unique to this process. The keys of the standard library's hash maps come from the system's random source;
/// the number need not be secret.
pub(crate) fn random() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
