//! The face of the manager.

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

/// Many users' sessions over one provider of sandboxes.
///
/// A session is a name, the files that go with it, and at most one sandbox at a time. The manager starts the sandbox when
/// the session is asked for, stops it when nobody uses it, and never has more of them than it may.
///
/// A clone is the same manager. It needs a tokio runtime with time. Dropping the last clone stops nothing: call
/// [`shutdown`](Self::shutdown), or leave the sandboxes for the next manager on the same workspace root to take over.
///
/// # Cancellation
///
/// Any future of it may be dropped. What was begun goes on: a sandbox that is being started becomes that of the session, and
/// is let go when it is idle; one that is being stopped is stopped.
pub struct SessionManager<P: SandboxProvider> {
    inner: Arc<Inner<P>>,
    scope: Option<Arc<str>>,
    recovered: Arc<Recovered>,
}

impl<P: SandboxProvider> SessionManager<P> {
    /// Starts a manager with options.
    pub fn builder(provider: P) -> SessionManagerBuilder<P> {
        SessionManagerBuilder::new(provider)
    }

    pub(crate) async fn open(provider: P, settings: Settings) -> Result<Self> {
        let inner = Arc::new(Inner::open(provider, settings).await?);
        let named = inner.settings.name.is_some();
        let recovered = Arc::new(inner.recover(named).await?);
        inner.refill();
        // What rests since an earlier run may rest for too long already, and nobody may ask for a pass of the cleanup.
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

    /// Returns this manager as one tenant sees it: it reaches the sessions of the tenant alone, and those that it makes are
    /// the tenant's.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a name that is empty, longer than 256 bytes, or has control characters, and for another tenant
    /// than the one that the manager is scoped to already.
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

    /// Returns the session of this id, with a sandbox that runs. It is made, started, woken up or just returned.
    ///
    /// Whoever asks for the same id meanwhile waits for the same start, and for nobody else's.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a text that is no id, and for an id that somebody else has; `quota_exceeded` at a ceiling;
    /// `unavailable` for a session that died with its files, one whose last sandbox could not be stopped yet, and during a
    /// shutdown; `timed_out`, and whatever the provider answers, for a sandbox that does not start.
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

    /// Returns the session of this id, with a sandbox that runs, as [`get_or_create`](Self::get_or_create) does.
    ///
    /// # Errors
    ///
    /// As [`get_or_create`](Self::get_or_create); `invalid_request` for a session that has another runtime or tenant, or whose
    /// sandbox has other variables or labels.
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

    /// Returns the session of this id with a sandbox that runs, if there is such a session, open or stored. It never makes one.
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

    /// Returns the session of this id if it is open. Nothing is started, and it is no use of the session.
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

    /// Returns what is known of the session; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a text that is no id; `internal` for a record that cannot be read.
    pub fn info(
        &self,
        id: impl IntoSessionId,
    ) -> impl Future<Output = Result<Option<SessionInfo>>> + Send {
        let id = id.into_session_id();
        async move { self.inner.info_of(&id?, self.scope.as_deref()).await }
    }

    /// Returns sessions in order of their ids, those that are stored included.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a limit of 0; `unavailable` if the workspace root cannot be read.
    pub fn list(&self, request: &ListSessions) -> impl Future<Output = Result<SessionPage>> + Send {
        self.inner.list(request, self.scope.as_deref())
    }

    /// Closes a session: its sandbox is destroyed, its handles are of no use any more, and what is in flight fails. Its files
    /// are kept if there is a workspace root, and are gone otherwise. A session that is not open is no error.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a text that is no id; whatever the provider answers, if the sandbox could not be stopped in a few
    /// attempts. It is tried on.
    pub fn release(&self, id: impl IntoSessionId) -> impl Future<Output = Result<()>> + Send {
        self.close(id.into_session_id(), Goal::Close)
    }

    /// Closes a session and removes its files. A session that is not there is no error.
    ///
    /// # Errors
    ///
    /// As [`release`](Self::release); `internal` if files could not be removed. The session is gone in that case as well, and
    /// the cleanup tries to remove what is left.
    pub fn purge(&self, id: impl IntoSessionId) -> impl Future<Output = Result<()>> + Send {
        self.close(id.into_session_id(), Goal::Purge)
    }

    async fn close(&self, id: Result<SandboxId>, goal: Goal) -> Result<()> {
        self.inner
            .close(&id?, goal, Cause::Asked, self.scope.as_deref())
            .await
    }

    /// Stops the sandbox of a session, or lays it to rest. Its files are kept, and its handles wake it up again.
    ///
    /// # Errors
    ///
    /// `unavailable` if it has no sandbox that runs; `invalid_request` while something is in flight, or a process that was
    /// spawned runs; `unsupported` if its files would be lost; and as [`release`](Self::release).
    pub fn hibernate(&self, id: impl IntoSessionId) -> impl Future<Output = Result<()>> + Send {
        let id = id.into_session_id();
        async move { self.inner.hibernate(&id?, self.scope.as_deref()).await }
    }

    /// Returns the stored files of a session, to be read without a sandbox, whether one runs or not. Paths in it start at the
    /// work directory.
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
            let open = self.inner.disk(move |store| open(&store.workspace(&id)));
            let files: Arc<dyn Backend> = Arc::new(ReadOnly::new(open.await?));
            Ok(files)
        }
    }

    /// Does one pass of the cleanup: sessions that were unused for too long sleep or are closed, dead sandboxes are found,
    /// the warm pool is refilled. An operation in flight is a use; a process that was spawned holds the pass off for as long
    /// as [`background_limit`](SessionManagerBuilder::background_limit) says.
    pub fn cleanup_idle(&self) -> impl Future<Output = Cleaned> + Send {
        self.inner.clean()
    }

    /// Starts a task that does a pass at every interval. One that runs already goes on as it is.
    pub fn start_cleanup(&self, every: Duration) {
        self.inner.start_cleaning(every);
    }

    /// Ends the task of [`start_cleanup`](Self::start_cleanup). What it has begun is done all the same.
    pub fn stop_cleanup(&self) {
        self.inner.stop_cleaning();
    }

    /// Stops all sandboxes at the same time, and reports what could not be stopped. From the call on everything that would
    /// start one answers `unavailable`. Stored files are kept, and the workspace root is free for another manager.
    pub fn shutdown(&self) -> impl Future<Output = ShutdownReport> + Send {
        self.inner.shut_down()
    }

    /// Returns numbers for an operator.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Returns what was found of an earlier run when the manager was made.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Returns the events from now on; for a [scoped](Self::scoped) manager those of its tenant's sessions.
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
