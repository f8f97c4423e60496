//! The context of the tools: the workspace, the settings, and the state between calls.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend_core::{Backend, Error, ErrorKind, PathError, ProcessId, Sandbox, VirtualPath};
use tokio::runtime::Handle;

use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::{Reply, ReplyKind};

/// A call that was not done, with its reply.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) Box<Reply>);

/// What a tool returns.
pub(crate) type ToolResult = Result<Reply, Failed>;

impl Failed {
    pub(crate) fn mistake(message: impl Into<String>) -> Self {
        Self(Box::new(Reply::mistake(message)))
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Reply::of_error(&error).into()
    }
}

impl From<PathError> for Failed {
    fn from(error: PathError) -> Self {
        Error::from(error).into()
    }
}

impl From<Reply> for Failed {
    fn from(reply: Reply) -> Self {
        Self(Box::new(reply))
    }
}

/// Number of locks for changes to files. Two files may share one.
const LOCKS: usize = 64;

/// The state between calls.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) ledger: Ledger,
    /// The output cursor of each process.
    pub(crate) cursors: Mutex<HashMap<ProcessId, u64>>,
    locks: Vec<tokio::sync::Mutex<()>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            cursors: Mutex::default(),
            locks: (0..LOCKS).map(|_| tokio::sync::Mutex::new(())).collect(),
        }
    }
}

/// The context of a call.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) files: Arc<dyn Backend>,
    pub(crate) commands: Option<Arc<dyn Sandbox>>,
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
}

impl Context {
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.memory.ledger
    }

    /// Returns the path that an argument names.
    pub(crate) fn path(&self, text: &str) -> Result<VirtualPath, Failed> {
        Ok(self.files.work_dir().resolve(text)?)
    }

    /// Returns the path that an argument names, or the work directory.
    pub(crate) fn path_or_here(&self, text: Option<&str>) -> Result<VirtualPath, Failed> {
        self.path(text.unwrap_or("."))
    }

    /// Returns the sandbox. A tool that needs one is not called without it.
    pub(crate) fn sandbox(&self) -> Result<&dyn Sandbox, Failed> {
        let sandbox = self.commands.as_deref();
        sandbox.ok_or_else(|| Error::unsupported("commands in this workspace").into())
    }

    /// Waits until no other call of this toolset changes these files.
    ///
    /// Versions alone prevent lost changes; with the locks, two concurrent edits both succeed.
    pub(crate) async fn lock_files<'a>(
        &'a self,
        paths: impl IntoIterator<Item = &VirtualPath> + Send,
    ) -> Vec<tokio::sync::MutexGuard<'a, ()>> {
        let mut wanted = [false; LOCKS];
        for path in paths {
            let mut hasher = DefaultHasher::new();
            path.hash(&mut hasher);
            let slot = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default();
            if let Some(wanted) = wanted.get_mut(slot) {
                *wanted = true;
            }
        }
        let mut guards = Vec::new();
        // Always in the same order, to avoid deadlocks.
        for (lock, wanted) in self.memory.locks.iter().zip(wanted) {
            if wanted {
                guards.push(lock.lock().await);
            }
        }
        guards
    }

    /// Runs an operation that changes nothing, within the time for files.
    pub(crate) async fn with_timeout<T>(
        &self,
        what: &str,
        operation: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        with_timeout(self.settings.file_timeout, what, operation).await
    }

    /// Runs an operation that changes something, within the time for files.
    pub(crate) async fn with_timeout_mut<T>(
        &self,
        what: &str,
        operation: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, ChangeError> {
        let after = self.settings.file_timeout;
        let outcome = timeout_in_runtime(after, operation).await;
        match outcome {
            Some(outcome) => outcome.map_err(ChangeError::Error),
            None => Err(ChangeError::Unknown(unknown(what, after))),
        }
    }
}

/// Why a change did not succeed.
#[derive(Debug)]
pub(crate) enum ChangeError {
    Error(Error),
    /// It timed out, and it is unknown whether it happened.
    Unknown(Reply),
}

impl From<ChangeError> for Failed {
    fn from(changed: ChangeError) -> Self {
        match changed {
            ChangeError::Error(error) => error.into(),
            ChangeError::Unknown(reply) => reply.into(),
        }
    }
}

impl ChangeError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Error(error) => error.kind(),
            Self::Unknown(_) => ErrorKind::TimedOut,
        }
    }
}

fn unknown(what: &str, after: Duration) -> Reply {
    let error = Error::TimedOut {
        what: what.to_owned(),
        after,
    };
    let text = format!("{error}\nIt may or may not have been done: check before you try again.");
    Reply::of_error_with_text(&error, text).with_kind(ReplyKind::Failure)
}

/// Runs an operation with a time limit.
pub(crate) async fn with_timeout<T>(
    after: Duration,
    what: &str,
    operation: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, Error> {
    timeout_in_runtime(after, operation)
        .await
        .unwrap_or_else(|| {
            Err(Error::TimedOut {
                what: what.to_owned(),
                after,
            })
        })
}

/// Outside of a runtime there is no clock, and so no limit.
async fn timeout_in_runtime<F: Future>(after: Duration, operation: F) -> Option<F::Output> {
    if Handle::try_current().is_err() {
        return Some(operation.await);
    }
    tokio::time::timeout(after, operation).await.ok()
}
