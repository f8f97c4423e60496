//! The resources that can be limited for the processes of a command, and their names.
//!
//! Nothing here asks the system: what a limit does is in the Linux part of the crate.

/// A resource that can be limited for each process of a command, as in `setrlimit(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// Bytes of address space.
    AddressSpace,
    /// Bytes of a core dump.
    Core,
    /// Seconds of processor time.
    Cpu,
    /// Bytes of data, the heap included.
    Data,
    /// Bytes of a file that is written.
    FileSize,
    /// Locks on files.
    Locks,
    /// Bytes of locked memory.
    LockedMemory,
    /// Bytes in message queues of the user.
    MessageQueues,
    /// How far the priority may be raised.
    Nice,
    /// Open files.
    OpenFiles,
    /// Processes and threads of the user.
    Processes,
    /// Bytes of resident memory.
    ResidentMemory,
    /// The real-time priority.
    RealtimePriority,
    /// Microseconds of processor time without a blocking call, with a real-time priority.
    RealtimeTime,
    /// Queued signals of the user.
    PendingSignals,
    /// Bytes of stack.
    Stack,
}

impl Resource {
    /// Every resource with its name in the `ulimit` options of container engines.
    const NAMES: [(&'static str, Self); 16] = [
        ("as", Self::AddressSpace),
        ("core", Self::Core),
        ("cpu", Self::Cpu),
        ("data", Self::Data),
        ("fsize", Self::FileSize),
        ("locks", Self::Locks),
        ("memlock", Self::LockedMemory),
        ("msgqueue", Self::MessageQueues),
        ("nice", Self::Nice),
        ("nofile", Self::OpenFiles),
        ("nproc", Self::Processes),
        ("rss", Self::ResidentMemory),
        ("rtprio", Self::RealtimePriority),
        ("rttime", Self::RealtimeTime),
        ("sigpending", Self::PendingSignals),
        ("stack", Self::Stack),
    ];

    /// Returns the resource of this name, such as `nofile` or `fsize`, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, resource)| *resource)
    }
}

/// A limit on a resource for each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The limit in force; the process may raise it up to `hard`.
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

#[cfg(test)]
mod tests {
    use super::Resource;

    #[test]
    fn names_are_those_of_container_engines() {
        assert_eq!(Resource::from_name("nofile"), Some(Resource::OpenFiles));
        assert_eq!(Resource::from_name("fsize"), Some(Resource::FileSize));
        for unknown in ["", "NOFILE", "files", "fsize "] {
            assert_eq!(Resource::from_name(unknown), None, "{unknown}");
        }
    }
}
