//! A store in memory whose workspaces are volumes: the second one that the contract is tested with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use backend_core::{Error, Result, SandboxId, VolumeName, Workspace};

use super::Record;
use super::contract::{Ids, Lease, Revision, SessionStore, Stored, changed, replaced};

/// A clone is the same store, as another process sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    token: u64,
    /// Whether the lease with that token is neither released nor lost.
    held: bool,
    manager: Option<String>,
    name: Option<String>,
    seen: Option<SystemTime>,
    sessions: BTreeMap<SandboxId, Session>,
    staged: BTreeMap<SandboxId, VolumeName>,
    writes: u64,
}

#[derive(Debug)]
struct Session {
    text: Vec<u8>,
    revision: Revision,
    volume: VolumeName,
}

impl MemoryStore {
    /// Ends the lease without its holder, as one that was not renewed ends.
    pub(crate) fn lose(&self) {
        self.lock().held = false;
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owned(&self, lease: &Lease) -> Result<MutexGuard<'_, Shared>> {
        let shared = self.lock();
        if shared.token > lease.token {
            return Err(replaced());
        }
        if shared.held {
            Ok(shared)
        } else {
            Err(crate::decide::closing())
        }
    }
}

impl Shared {
    fn write(&mut self, record: &Record) -> Result<(Vec<u8>, Revision)> {
        let text = record.to_json()?;
        self.writes += 1;
        Ok((text, Revision::new(self.writes.to_string())))
    }
}

fn expect(session: Option<&Session>, id: &SandboxId, expected: Option<&Revision>) -> Result<()> {
    let found = session.map(|session| &session.revision);
    if expected.is_none() || found == expected {
        Ok(())
    } else {
        Err(changed(id))
    }
}

fn missing(id: &SandboxId) -> Error {
    Error::unavailable(format!("there is no stored session '{id}'"))
}

impl SessionStore for MemoryStore {
    fn lease(&self, owner: &str) -> Result<Lease> {
        let mut shared = self.lock();
        if shared.held {
            return Err(Error::unavailable("another manager owns the store"));
        }
        shared.held = true;
        shared.token += 1;
        let token = shared.token;
        let manager = shared.manager.get_or_insert_with(|| owner.to_owned());
        Ok(Lease {
            token,
            manager: manager.clone(),
            copied: false,
        })
    }

    fn release(&self, lease: &Lease) {
        let mut shared = self.lock();
        shared.held &= shared.token != lease.token;
    }

    fn load(&self, id: &SandboxId) -> Result<Option<Stored>> {
        let shared = self.lock();
        let Some(session) = shared.sessions.get(id) else {
            return Ok(None);
        };
        let record =
            Record::parse(&session.text, id).map_err(|why| Error::internal(None, why.reason()))?;
        Ok(Some(Stored {
            record,
            revision: session.revision.clone(),
        }))
    }

    fn list(&self, after: Option<&SandboxId>, limit: usize) -> Result<Ids> {
        let shared = self.lock();
        let mut ids = shared
            .sessions
            .keys()
            .filter(|id| Some(*id) > after)
            .cloned();
        let page = ids.by_ref().take(limit.max(1)).collect();
        Ok(Ids {
            ids: page,
            truncated: ids.next().is_some(),
        })
    }

    fn save(
        &self,
        lease: &Lease,
        record: &Record,
        expected: Option<&Revision>,
    ) -> Result<Revision> {
        let mut shared = self.owned(lease)?;
        expect(shared.sessions.get(&record.id), &record.id, expected)?;
        let (text, revision) = shared.write(record)?;
        let session = shared.sessions.get_mut(&record.id);
        let session = session.ok_or_else(|| missing(&record.id))?;
        session.text = text;
        session.revision = revision.clone();
        Ok(revision)
    }

    fn remove(&self, lease: &Lease, id: &SandboxId, expected: Option<&Revision>) -> Result<()> {
        let mut shared = self.owned(lease)?;
        expect(shared.sessions.get(id), id, expected)?;
        shared.sessions.remove(id);
        Ok(())
    }

    fn stage(&self, lease: &Lease, sandbox: &SandboxId) -> Result<Workspace> {
        let mut shared = self.owned(lease)?;
        let volume = VolumeName::parse(format!("files-{sandbox}"))?;
        shared.staged.insert(sandbox.clone(), volume.clone());
        Ok(Workspace::Volume(volume))
    }

    fn commit(&self, lease: &Lease, sandbox: &SandboxId, record: &Record) -> Result<Revision> {
        let mut shared = self.owned(lease)?;
        if shared.sessions.contains_key(&record.id) {
            return Err(Error::unavailable("the session exists"));
        }
        let (text, revision) = shared.write(record)?;
        let volume = shared.staged.remove(sandbox);
        let session = Session {
            text,
            revision: revision.clone(),
            volume: volume.ok_or_else(|| missing(&record.id))?,
        };
        shared.sessions.insert(record.id.clone(), session);
        Ok(revision)
    }

    fn unstage(&self, lease: &Lease, sandbox: &SandboxId) -> Result<()> {
        self.owned(lease)?.staged.remove(sandbox);
        Ok(())
    }

    fn workspace(&self, id: &SandboxId) -> Result<Workspace> {
        let shared = self.lock();
        let session = shared.sessions.get(id).ok_or_else(|| missing(id))?;
        Ok(Workspace::Volume(session.volume.clone()))
    }

    fn clear_staging(&self, lease: &Lease) -> Result<()> {
        self.owned(lease)?.staged.clear();
        Ok(())
    }

    fn empty_trash(&self, lease: &Lease) -> Result<()> {
        self.owned(lease).map(drop)
    }

    fn name(&self, lease: &Lease, given: Option<String>, fresh: String) -> Result<String> {
        let mut shared = self.owned(lease)?;
        let name = given.or_else(|| shared.name.clone()).unwrap_or(fresh);
        shared.name = Some(name.clone());
        Ok(name)
    }

    fn seen(&self) -> Option<SystemTime> {
        self.lock().seen
    }

    fn see(&self, lease: &Lease, now: SystemTime) -> Result<()> {
        self.owned(lease)?.seen = Some(now);
        Ok(())
    }
}
