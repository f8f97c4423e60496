//! The public interface of the manager.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{Backend, Error, ReadOnly, Result, SandboxId, SandboxProvider};

use crate::decide::{Want, unknown};
use crate::entry::{Goal, Phase};
use crate::event::{Cause, Events};
use crate::info::{
    Cleaned, ListSessions, Recovered, SessionInfo, SessionPage, ShutdownReport, Stats,
};
use crate::inner::Inner;
use crate::options::check_tenant;
use crate::session::Session;
use crate::settings::Settings;
use crate::{IntoSessionId, SessionManagerBuilder, SessionOptions};

/// Sessions for many users over one sandbox provider.
///
/// A session is a name, its files, and at most one sandbox at a time. The manager starts the sandbox when the session is
/// requested, stops it when it is idle, and never runs more sandboxes than allowed.
///
/// A clone is the same manager. It needs a tokio runtime with time. Dropping the last clone does not stop anything: call
/// [`shutdown`](Self::shutdown), or leave the sandboxes for the next manager on the same workspace root to take over.
///
/// # Cancellation
///
/// Any of its futures may be dropped. Work already begun continues: a sandbox being started becomes that of the session, and is
/// stopped when idle; one being stopped is stopped.
pub struct SessionManager<P: SandboxProvider> {
    inner: Arc<Inner<P>>,
    scope: Option<Arc<str>>,
    recovered: Arc<Recovered>,
}

impl<P: SandboxProvider> SessionManager<P> {
    /// Returns a builder for a manager.
    pub fn builder(provider: P) -> SessionManagerBuilder<P> {
        SessionManagerBuilder::new(provider)
    }

    pub(crate) async fn open(provider: P, settings: Settings) -> Result<Self> {
        let inner = Arc::new(Inner::open(provider, settings).await?);
        let named = inner.settings.name.is_some();
        let recovered = Arc::new(inner.recover(named).await?);
        inner.refill();
        // Sessions hibernated by an earlier run may already be due, and no cleanup pass may be scheduled.
        let aged = Arc::clone(&inner);
        inner.spawn(async move { aged.sweep(&mut Cleaned::default()).await });
        if let Some(every) = inner.settings.cleanup_interval {
            inner.start_cleaning(every);
        }
        Ok(Self {
            inner,
            scope: None,
            recovered,
        })
    }

    /// Returns this manager as one tenant sees it: it reaches only the tenant's sessions, and creates sessions for that tenant.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a name that is empty, longer than 256 bytes, or has control characters, and for a tenant other than
    /// the one the manager is already scoped to.
    pub fn scoped(&self, tenant: &str) -> Result<Self> {
        check_tenant(tenant)?;
        if self.scope.as_deref().is_some_and(|scope| scope != tenant) {
            return Err(Error::invalid_request(
                "the manager is scoped to another tenant",
            ));
        }
        Ok(Self {
            scope: Some(tenant.into()),
            ..self.clone()
        })
    }

    /// Returns the session of this id, with a running sandbox. It is created, started, resumed or just returned.
    ///
    /// Concurrent callers with the same id wait for the same start, and never for another id's.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an invalid id, and for another tenant's id; `quota_exceeded` at a ceiling; `unavailable` for a
    /// session whose sandbox died and whose files are lost, one whose previous sandbox could not be stopped yet, at a ceiling if
    /// the sandbox to be evicted cannot be reached, and during a shutdown; `timed_out`, and the provider's errors, for a sandbox
    /// that does not start.
    pub fn get_or_create(
        &self,
        id: impl IntoSessionId,
    ) -> impl Future<Output = Result<Session<P>>> + Send {
        let id = id.into_session_id();
        async move {
            let want = Want::Create {
                tenant: self.scope.as_deref(),
                options: &SessionOptions::default(),
            };
            self.inner.obtain(&id?, want).await
        }
    }

    /// Returns the session of this id, with a running sandbox, like [`get_or_create`](Self::get_or_create).
    ///
    /// # Errors
    ///
    /// As [`get_or_create`](Self::get_or_create); `invalid_request` for a session that has another runtime or tenant, or whose
    /// sandbox has other variables or labels, and for options that make its record larger than 1 MiB.
    pub fn get_or_create_with(
        &self,
        id: impl IntoSessionId,
        options: &SessionOptions,
    ) -> impl Future<Output = Result<Session<P>>> + Send {
        let id = id.into_session_id();
        async move {
            let want = Want::Create {
                tenant: options.checked_tenant(self.scope.as_deref())?,
                options,
            };
            self.inner.obtain(&id?, want).await
        }
    }

    /// Returns the session of this id with a running sandbox, if there is such a session, open or stored. It never creates one.
    ///
    /// # Errors
    ///
    /// As [`get_or_create`](Self::get_or_create); `unavailable` if there is no session of this id.
    pub fn attach(
        &self,
        id: impl IntoSessionId,
    ) -> impl Future<Output = Result<Session<P>>> + Send {
        let id = id.into_session_id();
        async move {
            let scope = self.scope.as_deref();
            self.inner.obtain(&id?, Want::Open { scope }).await
        }
    }

    /// Returns the session of this id if it is open. It starts nothing, and does not count as a use of the session.
    pub fn get(&self, id: impl IntoSessionId) -> Option<Session<P>> {
        let id = id.into_session_id().ok()?;
        let entry = self.inner.table().get(&id).map(Arc::clone)?;
        let open = {
            let slot = entry.lock();
            let visible = self.scope.is_none() || slot.tenant() == self.scope.as_deref();
            let lives = matches!(
                slot.phase,
                Phase::Live(_) | Phase::Hibernated | Phase::Dead | Phase::Leaving(_)
            );
            visible && lives && slot.open.is_some()
        };
        (open && entry.face.get().is_some()).then(|| Session::new(&self.inner, &entry))
    }

    /// Counts as a use of the session, and returns whether it is open.
    pub fn touch(&self, id: impl IntoSessionId) -> bool {
        self.get(id).is_some_and(|session| session.touch())
    }

    /// Returns the description of the session; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an invalid id; `internal` for a record that cannot be read.
    pub fn info(
        &self,
        id: impl IntoSessionId,
    ) -> impl Future<Output = Result<Option<SessionInfo>>> + Send {
        let id = id.into_session_id();
        async move { self.inner.info_of(&id?, self.scope.as_deref()).await }
    }

    /// Returns sessions in order of their ids, including stored ones.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a limit of 0; `unavailable` if the workspace root cannot be read.
    pub fn list(&self, request: &ListSessions) -> impl Future<Output = Result<SessionPage>> + Send {
        self.inner.list(request, self.scope.as_deref())
    }

    /// Closes a session: its sandbox is destroyed, its handles no longer work, and operations in flight fail. Its files are kept
    /// if there is a workspace root, and are lost otherwise. A session that is not open is not an error.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an invalid id; the provider's error, if the sandbox could not be stopped in a few attempts. The stop
    /// is retried in the background.
    pub fn release(&self, id: impl IntoSessionId) -> impl Future<Output = Result<()>> + Send {
        self.close(id.into_session_id(), Goal::Close)
    }

    /// Closes a session and removes its files. A missing session is not an error.
    ///
    /// # Errors
    ///
    /// As [`release`](Self::release); `internal` if files could not be removed. The session is gone even then, and the cleanup
    /// retries the removal.
    pub fn purge(&self, id: impl IntoSessionId) -> impl Future<Output = Result<()>> + Send {
        self.close(id.into_session_id(), Goal::Purge)
    }

    async fn close(&self, id: Result<SandboxId>, goal: Goal) -> Result<()> {
        self.inner
            .close(&id?, goal, Cause::Asked, self.scope.as_deref())
            .await
    }

    /// Hibernates a session: its sandbox is suspended or stopped. Its files are kept, and the next use of a handle resumes it.
    ///
    /// # Errors
    ///
    /// `unavailable` if it has no running sandbox, and if that turns out to be gone with the files; `invalid_request` while an
    /// operation is in flight or a spawned process runs; `unsupported` if its files would be lost; and as
    /// [`release`](Self::release).
    pub fn hibernate(&self, id: impl IntoSessionId) -> impl Future<Output = Result<()>> + Send {
        let id = id.into_session_id();
        async move { self.inner.hibernate(&id?, self.scope.as_deref()).await }
    }

    /// Returns the stored files of a session, readable without a sandbox, whether one runs or not. Paths in it start at the work
    /// directory.
    ///
    /// # Errors
    ///
    /// `unsupported` without a workspace root or without [`files`](SessionManagerBuilder::files); `unavailable` if there is no
    /// such session.
    pub fn files(
        &self,
        id: impl IntoSessionId,
    ) -> impl Future<Output = Result<Arc<dyn Backend>>> + Send {
        let id = id.into_session_id();
        async move {
            let id = id?;
            let Some(open) = self.inner.settings.files.clone() else {
                return Err(Error::unsupported(
                    "reading stored files, without a way to open them",
                ));
            };
            let known = self.inner.info_of(&id, self.scope.as_deref()).await?;
            if known.is_none() {
                return Err(unknown(&id));
            }
            let open = self.inner.disk(move |store| {
                let workspace = store.workspace(&id)?;
                let directory = workspace.host_directory();
                open(directory.ok_or_else(|| workspace.unsupported())?)
            });
            let files: Arc<dyn Backend> = Arc::new(ReadOnly::new(open.await?));
            Ok(files)
        }
    }

    /// Does one cleanup pass: hibernates or closes sessions that were unused for too long, finds dead sandboxes, and refills the
    /// warm pool. An operation in flight counts as use; a spawned process delays hibernation for up to
    /// [`background_limit`](SessionManagerBuilder::background_limit).
    pub fn cleanup_idle(&self) -> impl Future<Output = Cleaned> + Send {
        self.inner.clean()
    }

    /// Starts a task that does a pass at every interval. If one is already running, it continues unchanged.
    pub fn start_cleanup(&self, every: Duration) {
        self.inner.start_cleaning(every);
    }

    /// Ends the task of [`start_cleanup`](Self::start_cleanup). Work it has begun is still completed.
    pub fn stop_cleanup(&self) {
        self.inner.stop_cleaning();
    }

    /// Stops all sandboxes concurrently, and reports what could not be stopped. From the call on, everything that would start one
    /// answers `unavailable`. Stored files are kept, and the workspace root is released for another manager.
    pub fn shutdown(&self) -> impl Future<Output = ShutdownReport> + Send {
        self.inner.shut_down()
    }

    /// Returns numbers for an operator.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Returns what was found of an earlier run when the manager was built.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Returns the events from now on; for a [scoped](Self::scoped) manager only those of its tenant's sessions.
    pub fn subscribe(&self) -> Events {
        let scope = self.scope.as_deref().map(str::to_owned);
        Events::new(self.inner.events.subscribe(), scope)
    }

    /// Returns the provider.
    pub fn provider(&self) -> &P {
        &self.inner.provider
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Arc<Inner<P>> {
        &self.inner
    }
}

impl<P: SandboxProvider> Clone for SessionManager<P> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            scope: self.scope.clone(),
            recovered: Arc::clone(&self.recovered),
        }
    }
}

impl<P: SandboxProvider> fmt::Debug for SessionManager<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("scope", &self.scope)
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
