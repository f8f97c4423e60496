//! Ceilings: how many sandboxes may be resident, how many sessions open, and how many of one tenant.
//!
//! A permit is taken before anything is created, and released on drop, so that no code path can exceed a ceiling or leak a slot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use backend_core::{Error, Result};

use crate::lock::lock;

/// The slots in use.
#[derive(Debug)]
pub(crate) struct Capacity {
    max_resident: usize,
    max_open: usize,
    max_per_tenant: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    resident: usize,
    open: usize,
    tenants: HashMap<String, usize>,
}

impl Capacity {
    pub(crate) fn new(max_resident: usize, max_open: usize, max_per_tenant: usize) -> Arc<Self> {
        Arc::new(Self {
            max_resident,
            max_open,
            max_per_tenant,
            taken: Mutex::default(),
        })
    }

    /// Takes a slot for a sandbox, if one is free.
    pub(crate) fn resident(self: &Arc<Self>) -> Option<Permit> {
        let mut taken = self.lock();
        if taken.resident >= self.max_resident {
            return None;
        }
        taken.resident += 1;
        Some(Permit(Arc::clone(self)))
    }

    /// Takes a slot for an existing sandbox, even over the ceiling.
    pub(crate) fn resident_anyway(self: &Arc<Self>) -> Permit {
        self.lock().resident += 1;
        Permit(Arc::clone(self))
    }

    /// Takes a slot for an open session.
    pub(crate) fn open(self: &Arc<Self>, tenant: Option<&str>) -> Result<OpenPermit> {
        let mut taken = self.lock();
        if taken.open >= self.max_open {
            return Err(full("open sessions", self.max_open));
        }
        if let Some(tenant) = tenant {
            let of_tenant = taken.tenants.get(tenant).copied().unwrap_or(0);
            if of_tenant >= self.max_per_tenant {
                return Err(full("open sessions of the tenant", self.max_per_tenant));
            }
            taken.tenants.insert(tenant.to_owned(), of_tenant + 1);
        }
        taken.open += 1;
        Ok(OpenPermit {
            capacity: Arc::clone(self),
            tenant: tenant.map(str::to_owned),
        })
    }

    pub(crate) fn no_resident(&self) -> Error {
        full("running sandboxes", self.max_resident)
    }

    /// Returns the slots in use by sandboxes and by sessions, and the number of tenants that have any.
    pub(crate) fn count(&self) -> (usize, usize, usize) {
        let taken = self.lock();
        (taken.resident, taken.open, taken.tenants.len())
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        lock(&self.taken)
    }
}

fn full(what: &str, limit: usize) -> Error {
    Error::QuotaExceeded {
        what: what.to_owned(),
        limit: limit as u64,
    }
}

/// The slot of a sandbox.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Capacity>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.lock().resident -= 1;
    }
}

/// The slot of an open session.
#[derive(Debug)]
pub(crate) struct OpenPermit {
    capacity: Arc<Capacity>,
    tenant: Option<String>,
}

impl Drop for OpenPermit {
    fn drop(&mut self) {
        let mut taken = self.capacity.lock();
        taken.open -= 1;
        if let Some(tenant) = &self.tenant
            && let Some(count) = taken.tenants.get_mut(tenant)
        {
            *count -= 1;
            if *count == 0 {
                taken.tenants.remove(tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn a_slot_is_taken_until_its_permit_is_dropped() {
        let capacity = Capacity::new(1, 2, 1);
        let first = capacity.resident();
        assert!(first.is_some() && capacity.resident().is_none());
        drop(first);
        assert!(capacity.resident().is_some());
    }

    #[test]
    fn a_tenant_has_its_own_ceiling_and_leaves_nothing_behind() {
        let capacity = Capacity::new(1, 2, 1);
        let a = capacity.open(Some("a")).unwrap();
        assert!(capacity.open(Some("a")).is_err());
        let b = capacity.open(Some("b")).unwrap();
        let error = capacity.open(None).unwrap_err();
        assert_eq!(error.kind(), backend_core::ErrorKind::QuotaExceeded);
        drop((a, b));
        assert_eq!(capacity.count(), (0, 0, 0));
    }
}
