//! How the guest survives the limits and signals of its environment, and which of them commands inherit.
//!
//! A limit of the whole container applies to the guest too. Where reaching it kills a process, the guest would be killed,
//! and the sandbox with it: so the guest raises its own limits where it may, and ignores the signals. Commands get the
//! original limits, or those that they are given, and every signal's default.

#![expect(unsafe_code, reason = "signal dispositions have no safe wrapper")]

use rustix::process::{Resource as RawResource, Rlimit, getrlimit, setrlimit};
use sandbox_local::Resource;

use crate::args::Limit;

/// The limits that the guest raises for itself, where it may. The file size is not among them: it also applies to writes
/// of the guest, which are then refused.
const RAISED: [(RawResource, Resource); 6] = [
    (RawResource::As, Resource::AddressSpace),
    (RawResource::Cpu, Resource::Cpu),
    (RawResource::Data, Resource::Data),
    (RawResource::Nofile, Resource::OpenFiles),
    (RawResource::Nproc, Resource::Processes),
    (RawResource::Stack, Resource::Stack),
];

/// The stack that the guest needs. An unlimited stack would change the memory layout.
const STACK_BYTES: u64 = 8 << 20;

/// The signals that would kill the guest without telling it anything useful: limits that were reached, and signals that a
/// command may send to any process it finds.
const IGNORED: [libc::c_int; 9] = [
    libc::SIGALRM,
    libc::SIGIO,
    libc::SIGPIPE,
    libc::SIGPROF,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGVTALRM,
    libc::SIGXCPU,
    libc::SIGXFSZ,
];

/// Prepares this process, and returns the limits for commands, which differ from its own.
///
/// It must be called while there is only one thread.
pub(crate) fn outlive() -> Vec<Limit> {
    for signal in IGNORED {
        // SAFETY: ignoring a signal installs no handler, and there is no other thread.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    RAISED
        .into_iter()
        .filter_map(|(raw, resource)| raise(raw, resource))
        .collect()
}

/// Raises the soft limit of this process, and returns the previous one if it changed.
fn raise(raw: RawResource, resource: Resource) -> Option<Limit> {
    let before = getrlimit(raw);
    let most = before.maximum.unwrap_or(u64::MAX);
    let wanted = match resource {
        Resource::Stack => most.min(STACK_BYTES),
        _ => most,
    };
    let soft = before.current.filter(|soft| *soft < wanted)?;
    let raised = Rlimit {
        current: (wanted != u64::MAX).then_some(wanted),
        maximum: before.maximum,
    };
    setrlimit(raw, raised).ok()?;
    Some(Limit {
        resource,
        soft,
        hard: most,
    })
}
