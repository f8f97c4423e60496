//! The limits that a command starts with. Its supervisor and the host keep their own.

use std::io;
use std::sync::Arc;

use rustix::process::{Resource as RawResource, Rlimit, getrlimit, setrlimit};

use crate::limit::{Bounds, Resource};

/// Limits, prepared before the fork: the process that sets them only makes system calls.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Limits(Arc<[(RawResource, Bounds)]>);

impl Limits {
    pub(in super::super) fn new(limits: impl IntoIterator<Item = (Resource, Bounds)>) -> Self {
        let raw = limits
            .into_iter()
            .map(|(resource, bounds)| (raw(resource), bounds));
        Self(raw.collect())
    }

    /// Sets them for this process and the program that it executes.
    ///
    /// A limit above this process's own is lowered to it: only a privileged process could raise it.
    pub(super) fn apply(&self) -> io::Result<()> {
        for (resource, bounds) in self.0.iter() {
            let most = getrlimit(*resource).maximum.unwrap_or(u64::MAX);
            let hard = bounds.hard.min(most);
            let limit = Rlimit {
                current: known(bounds.soft.min(hard)),
                maximum: known(hard),
            };
            setrlimit(*resource, limit)?;
        }
        Ok(())
    }
}

/// Returns a limit as the system calls expect it, where the largest number means unlimited.
fn known(limit: u64) -> Option<u64> {
    (limit != u64::MAX).then_some(limit)
}

fn raw(resource: Resource) -> RawResource {
    match resource {
        Resource::AddressSpace => RawResource::As,
        Resource::Core => RawResource::Core,
        Resource::Cpu => RawResource::Cpu,
        Resource::Data => RawResource::Data,
        Resource::FileSize => RawResource::Fsize,
        Resource::Locks => RawResource::Locks,
        Resource::LockedMemory => RawResource::Memlock,
        Resource::MessageQueues => RawResource::Msgqueue,
        Resource::Nice => RawResource::Nice,
        Resource::OpenFiles => RawResource::Nofile,
        Resource::Processes => RawResource::Nproc,
        Resource::ResidentMemory => RawResource::Rss,
        Resource::RealtimePriority => RawResource::Rtprio,
        Resource::RealtimeTime => RawResource::Rttime,
        Resource::PendingSignals => RawResource::Sigpending,
        Resource::Stack => RawResource::Stack,
    }
}
