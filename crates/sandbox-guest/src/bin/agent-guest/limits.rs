//! How the guest outlives the limits and signals that its surroundings bring, and what commands get of them.
//!
//! A limit of the whole container holds for the guest too. Where it ends a process that reaches it, the guest would end, and
//! the sandbox with it: so the guest raises what it may raise for itself, and ignores the signals. Commands get the limits
//! that were there before, or those that they are given, and every signal's default.

#![expect(unsafe_code, reason = "signal dispositions have no safe wrapper")]

use rustix::process::{Resource as RawResource, Rlimit, getrlimit, setrlimit};
use sandbox_local::Resource;

use crate::args::Limit;

/// What the guest takes more of than commands, where it may. What a file may be is not among them: it holds for what the
/// guest writes, too, which is then refused.
const RAISED: [(RawResource, Resource); 6] = [
    (RawResource::As, Resource::AddressSpace),
    (RawResource::Cpu, Resource::Cpu),
    (RawResource::Data, Resource::Data),
    (RawResource::Nofile, Resource::OpenFiles),
    (RawResource::Nproc, Resource::Processes),
    (RawResource::Stack, Resource::Stack),
];

/// The stack that the guest is content with. Where there is no limit at all, memory is laid out otherwise.
const STACK_BYTES: u64 = 8 << 20;

/// The signals that would end the guest, and say nothing that it need know: limits that were reached, and what a command
/// may send to whatever it finds.
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

/// Prepares this process, and returns the limits that commands get instead of its own.
///
/// It must be called while there is one thread.
pub(crate) fn outlive() -> Vec<Limit> {
    for signal in IGNORED {
        // SAFETY: to ignore a signal takes no handler, and there is no other thread.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    RAISED
        .into_iter()
        .filter_map(|(raw, resource)| raise(raw, resource))
        .collect()
}

/// Raises the soft limit of this process, and returns the one that was there if that changed it.
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
