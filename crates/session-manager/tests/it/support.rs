//! Shared by the tests: a fake provider, and a manager over it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use backend_conformance::FakeProvider;
use backend_core::{Error, Workspace};
use backend_fs::FsBackend;
use session_manager::{Clock, Event, EventKind, Events, SessionManager, SessionManagerBuilder};
use tokio::time::sleep;

pub(crate) type Provider = FakeProvider<FsBackend>;
pub(crate) type Manager = SessionManager<Provider>;

/// One minute.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Creates a provider whose sandboxes have the files of their workspace, or files that are lost with the provider.
pub(crate) fn provider() -> Provider {
    let own = tempfile::tempdir().unwrap();
    let made = AtomicU64::new(0);
    FakeProvider::new(move |spec| {
        match spec.workspace.as_ref().and_then(Workspace::host_directory) {
            Some(workspace) => FsBackend::open(workspace),
            None => {
                let number = made.fetch_add(1, Ordering::Relaxed);
                let dir = own.path().join(number.to_string());
                FsBackend::builder(dir).create_root().build()
            }
        }
    })
}

/// Returns a builder for a manager without background tasks.
pub(crate) fn builder(provider: &Provider) -> SessionManagerBuilder<Provider> {
    SessionManager::builder(provider.clone()).cleanup_interval(None)
}

/// Returns a builder for a manager without stored files.
pub(crate) async fn manager(provider: &Provider) -> Manager {
    builder(provider).build().await.unwrap()
}

/// Returns a builder for a manager with stored files, which can be read without a sandbox.
pub(crate) async fn stored(provider: &Provider, root: &std::path::Path) -> Manager {
    with_root(provider, root).build().await.unwrap()
}

pub(crate) fn with_root(
    provider: &Provider,
    root: &std::path::Path,
) -> SessionManagerBuilder<Provider> {
    builder(provider)
        .workspace_root(root)
        .without_fsync()
        .files(|dir| Ok(Arc::new(FsBackend::open(dir)?)))
}

pub(crate) fn broken() -> Error {
    Error::unavailable("the engine is broken")
}

/// Returns the available events of the given kind.
pub(crate) fn told(events: &mut Events, about: impl Fn(&EventKind) -> bool) -> Vec<Event> {
    std::iter::from_fn(|| events.try_next())
        .filter(|event| about(&event.kind))
        .collect()
}

/// Waits until no sandbox is being stopped: its slot is free a moment before its session is reported as hibernated.
pub(crate) async fn settled(manager: &Manager) {
    while manager.stats().stopping > 0 {
        sleep(Duration::from_millis(1)).await;
    }
}

/// A clock that a test advances.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turned(Arc<Mutex<Duration>>);

impl Turned {
    pub(crate) fn turn(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Turned {
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.elapsed()
    }
}
