//! The actions of users on a session, and what they may then rely on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use backend_core::{BackendExt, ErrorKind, ExecRequest, Sandbox, SandboxId};

use tokio::time::Instant;

use super::world::Provider;
use crate::{Session, SessionManager, SessionOptions};

/// The tenant of an id: no other tenant ever gets it.
pub(super) fn tenant_of(id: &SandboxId) -> String {
    let number: usize = id.as_str()[1..].parse().unwrap();
    format!("t{}", number % 3)
}

/// What is known for certain about stored data.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    /// The number in each session's file, if nothing was lost: the last one written.
    pub(super) written: BTreeMap<SandboxId, u64>,
    /// The sessions whose files may be purged at any time.
    pub(super) doubtful: BTreeSet<SandboxId>,
    /// The sandboxes that hold written files, and their session, if files are only in sandboxes.
    pub(super) held: BTreeMap<SandboxId, SandboxId>,
    /// When each session was last used for certain.
    pub(super) used: BTreeMap<SandboxId, Instant>,
    /// The sessions with a read and write in progress.
    working: BTreeSet<SandboxId>,
    next: u64,
}

/// A user's turn to read and write.
struct Turn<'a>(&'a Mutex<Knowledge>, SandboxId);

impl<'a> Turn<'a> {
    fn take(knowledge: &'a Mutex<Knowledge>, id: &SandboxId) -> Option<Self> {
        let free = knowledge.lock().unwrap().working.insert(id.clone());
        free.then(|| Self(knowledge, id.clone()))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // A panic in progress must not cause another one.
        let mut knowledge = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        knowledge.working.remove(&self.1);
    }
}

/// A handle, and the last number written through it.
pub(super) struct Visit {
    pub(super) session: Session<Provider>,
    last: Mutex<Option<u64>>,
    /// Whether files outlive the sandbox.
    keeps: bool,
    /// Whether there is a root.
    stored: bool,
}

/// Requests a session, as its tenant.
pub(super) async fn visit(
    manager: SessionManager<Provider>,
    id: SandboxId,
    by_attach: bool,
    keeps: bool,
    stored: bool,
) -> Option<Arc<Visit>> {
    let tenant = tenant_of(&id);
    let manager = manager.scoped(&tenant).unwrap();
    let session = if by_attach {
        manager.attach(&id).await
    } else {
        let options = SessionOptions::new();
        manager.get_or_create_with(&id, &options).await
    };
    match session {
        Ok(session) => Some(Arc::new(Visit {
            session,
            last: Mutex::default(),
            keeps,
            stored,
        })),
        Err(error) => {
            let expected = [
                ErrorKind::Unavailable,
                ErrorKind::QuotaExceeded,
                ErrorKind::TimedOut,
            ];
            assert!(expected.contains(&error.kind()), "{id}: {error}");
            None
        }
    }
}

/// Another tenant requests the session, and must not get it.
pub(super) async fn intrude(manager: SessionManager<Provider>, id: SandboxId) {
    let tenant = tenant_of(&id);
    let other = manager.scoped("somebody-else").unwrap();
    assert!(other.get(&id).is_none());
    assert!(other.attach(&id).await.is_err(), "{id} of {tenant}");
    assert_eq!(other.info(&id).await.ok().flatten(), None);
}

impl Visit {
    /// Reads the file, which must hold what this user left, and writes a new value.
    pub(super) async fn work(&self, knowledge: &Mutex<Knowledge>) {
        let id = self.session.session_id().clone();
        let Some(_turn) = Turn::take(knowledge, &id) else {
            return;
        };
        let path = "/owner.txt";
        let stored = knowledge.lock().unwrap().written.get(&id).copied();
        let found = match self.session.read(path).await {
            Ok(page) => Some(page.text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                assert_eq!(error.kind(), expected(&error), "{id}: {error}");
                return;
            }
        };
        let found: Option<(String, u64)> = found.map(|text| {
            let (owner, number) = text.split_once(' ').unwrap();
            (owner.to_owned(), number.trim().parse().unwrap())
        });
        if let Some((owner, _)) = &found {
            assert_eq!(owner, id.as_str(), "the files of another session");
        }
        // Other users write too, and numbers only grow.
        if let Some(last) = *self.last.lock().unwrap() {
            let number = found.as_ref().map(|(_, number)| *number);
            assert!(number >= Some(last), "{id}: {last} became {number:?}");
        }
        {
            // Across handles and restarts, if files are kept at all.
            let knowledge = knowledge.lock().unwrap();
            let number = found.as_ref().map(|(_, number)| *number);
            if !knowledge.doubtful.contains(&id) && knowledge.written.get(&id).copied() == stored {
                assert!(
                    number >= stored,
                    "{id}: stored {stored:?} became {number:?}"
                );
            }
        }
        let number = {
            let mut knowledge = knowledge.lock().unwrap();
            knowledge.next += 1;
            knowledge.next
        };
        let sandbox = self.session.sandbox_id();
        match self.session.write(path, format!("{id} {number}\n")).await {
            Ok(_) => {
                let mut last = self.last.lock().unwrap();
                *last = (*last).max(Some(number));
                let mut knowledge = knowledge.lock().unwrap();
                knowledge.used.insert(id.clone(), Instant::now());
                // If the session has the same sandbox before and after, the file is in it.
                if let Some(sandbox) = sandbox.filter(|_| !self.stored)
                    && self.session.sandbox_id().as_ref() == Some(&sandbox)
                {
                    knowledge.held.insert(sandbox, id.clone());
                }
                if self.keeps && !knowledge.doubtful.contains(&id) {
                    knowledge.written.insert(id, number);
                }
            }
            Err(error) => {
                assert_eq!(error.kind(), expected(&error), "{id}: {error}");
            }
        }
    }

    /// Runs a command for a while.
    pub(super) async fn run(&self, seconds: u64) {
        let line = format!("sleep {seconds}");
        let request = ExecRequest::shell(line).timeout(None);
        match self.session.execute_with(&request).await {
            Ok(output) => assert!(output.status.is_success()),
            Err(error) => {
                assert_eq!(error.kind(), expected(&error), "{error}");
            }
        }
    }

    /// Spawns a process.
    pub(super) async fn spawn(&self, seconds: u64) {
        let request = ExecRequest::shell(format!("sleep {seconds}")).timeout(None);
        let _ = self.session.spawn_with(&request).await;
    }
}

/// The errors an operation may have: no slot to resume, no answer, or the end of the session.
fn expected(error: &backend_core::Error) -> ErrorKind {
    match error.kind() {
        kind @ (ErrorKind::QuotaExceeded | ErrorKind::TimedOut) => kind,
        _ => ErrorKind::Unavailable,
    }
}
