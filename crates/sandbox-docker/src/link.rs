//! The connection to the guest of one sandbox: opened when first needed, reopened after it breaks, and given up when the
//! container is gone.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backend_core::wire::{self, Remote};
use backend_core::{Error, Result};
use tokio::sync::Mutex as AsyncMutex;

use crate::container::{Condition, Container};
use crate::layout;
use crate::liveness::NEVER_STARTED;

/// The engine may briefly report a dying container as running; poll this many times, at this interval, before a broken connection
/// counts as only that.
const RECHECK_INTERVAL: Duration = Duration::from_millis(30);
const MAX_RECHECKS: u32 = 10;

#[derive(Debug, Default)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// Its holder connects. Others wait, and then find the connection open.
    connecting: AsyncMutex<()>,
    connected_once: AtomicBool,
}

#[derive(Default)]
enum State {
    /// There is no connection yet, or the last one broke.
    #[default]
    Idle,
    Connected(Remote),
    /// The container is paused. Its connection, if any, may still be usable afterwards.
    Paused(Option<Remote>),
    /// The container is gone or was stopped, for this reason.
    Gone(Error),
}

impl Link {
    /// Returns the connection, opening one if there is none. `container` is only awaited if one has to be opened.
    pub(crate) async fn remote(
        &self,
        container: impl Future<Output = Result<Container>> + Send,
    ) -> Result<Remote> {
        match self.known() {
            Some(Ok(remote)) if remote.ready().await.is_err() => {}
            Some(known) => return known,
            None => {}
        }
        let _connecting = self.connecting.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let container = container.await?;
        let remote = self.connect(&container).await?;
        self.connected_once.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        // It may have been stopped or paused meanwhile.
        if matches!(*state, State::Idle | State::Connected(_)) {
            *state = State::Connected(remote.clone());
            return Ok(remote);
        }
        drop(state);
        self.known().unwrap_or(Ok(remote))
    }

    /// Returns the result if it is known without a request.
    fn known(&self) -> Option<Result<Remote>> {
        match &*self.lock() {
            State::Connected(remote) if !remote.is_closed() => Some(Ok(remote.clone())),
            State::Idle | State::Connected(_) => None,
            State::Paused(_) => Some(Err(Error::unavailable(
                "the sandbox is paused; resume it first",
            ))),
            State::Gone(error) => Some(Err(error.clone())),
        }
    }

    async fn connect(&self, container: &Container) -> Result<Remote> {
        let Some(running) = container.try_run(layout::connect()).await? else {
            return Err(self.diagnose(container).await);
        };
        let stream = running.stream;
        let stderr = stream.stderr();
        match wire::connect(stream).await {
            Ok(remote) => Ok(remote),
            Err(error) => {
                tracing::debug!(container = %container.key, said = stderr.text(), "no guest");
                match self.diagnose(container).await {
                    known @ Error::Unavailable { .. } if self.is_gone() => Err(known),
                    // The guest reported the reason, or it is how the connection broke.
                    _ => Err(Error::unavailable_from(
                        format!(
                            "the guest in the container cannot be used: {}",
                            reason(&error)
                        ),
                        error,
                    )),
                }
            }
        }
    }

    /// Returns the error for a failed call: why the container is gone, if it is.
    pub(crate) async fn explain(
        &self,
        remote: &Remote,
        error: Error,
        container: &Container,
    ) -> Error {
        if matches!(error, Error::Unavailable { .. }) && remote.is_closed() {
            self.diagnose(container).await
        } else {
            error
        }
    }

    /// Determines why there is no connection, and remembers a permanent reason.
    async fn diagnose(&self, container: &Container) -> Error {
        for _ in 0..MAX_RECHECKS {
            if let Some(Err(error)) = self.known() {
                return error;
            }
            let how = match container.condition().await {
                Ok(Condition::Running) => {
                    tokio::time::sleep(RECHECK_INTERVAL).await;
                    continue;
                }
                Ok(Condition::Paused) => {
                    return Error::unavailable("the container is paused; resume it first");
                }
                Ok(Condition::Ended(how)) => how,
                Ok(Condition::NeverStarted) => NEVER_STARTED,
                Ok(Condition::Gone) => "it is gone",
                Ok(Condition::Unclear) => {
                    return Error::unavailable(
                        "the engine does not say whether the container runs",
                    );
                }
                Err(error) => return error,
            };
            return self.mark_gone(Error::unavailable(format!(
                "the container of this sandbox does not run: {how}"
            )));
        }
        Error::unavailable(
            "the connection to the sandbox broke, and it is not known whether the operation was done; \
             the sandbox is running and can be used again",
        )
    }

    /// Marks the sandbox gone, with the reason. The first reason stays.
    pub(crate) fn mark_gone(&self, why: Error) -> Error {
        let mut state = self.lock();
        if let State::Gone(why) = &*state {
            return why.clone();
        }
        *state = State::Gone(why.clone());
        why
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(*self.lock(), State::Gone(_))
    }

    /// Returns why the sandbox is gone, if it is.
    pub(crate) fn why_gone(&self) -> Option<Error> {
        match &*self.lock() {
            State::Gone(error) => Some(error.clone()),
            _ => None,
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        matches!(*self.lock(), State::Paused(_))
    }

    /// Returns whether there has been no connection yet.
    pub(crate) fn never_connected(&self) -> bool {
        !self.connected_once.load(Ordering::Relaxed)
    }

    /// Resets the state, for a container that was started again.
    pub(crate) fn reset(&self) {
        *self.lock() = State::Idle;
    }

    /// Marks the container paused.
    pub(crate) fn pause(&self) {
        let mut state = self.lock();
        *state = match std::mem::take(&mut *state) {
            State::Connected(remote) => State::Paused(Some(remote)),
            State::Idle => State::Paused(None),
            other => other,
        };
    }

    /// Marks the container no longer paused.
    pub(crate) fn resume(&self) {
        let mut state = self.lock();
        *state = match std::mem::take(&mut *state) {
            State::Paused(Some(remote)) => State::Connected(remote),
            State::Paused(None) => State::Idle,
            other => other,
        };
    }

    /// Returns the connection, if there is one.
    pub(crate) fn connected(&self) -> Option<Remote> {
        match &*self.lock() {
            State::Connected(remote) | State::Paused(Some(remote)) => Some(remote.clone()),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Connected(_) => "Connected",
            Self::Paused(_) => "Paused",
            Self::Gone(_) => "Gone",
        })
    }
}

/// Returns why the connection failed, without the error kind.
fn reason(error: &Error) -> &str {
    match error {
        Error::Unavailable { message, .. } => message,
        _ => "it does not answer",
    }
}
