//! What the options of a sandbox choose between.

use std::net::SocketAddr;

use backend_core::VirtualPath;

/// What a container may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// Nothing but itself.
    #[default]
    None,
    /// The engine's bridge: the internet, and most often other containers and the host too.
    Bridge,
    /// A network of the engine, by its name.
    Named(String),
    /// The network of the host, with every service that listens on its loopback address. It isolates nothing.
    HostWithoutIsolation,
}

/// How much a container is kept from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hardening {
    /// No new privileges, the few capabilities that package managers need, and ceilings on memory, processes and CPU.
    /// Commands are root inside, where the image says no other user.
    #[default]
    Standard,
    /// As standard, and besides: user 1000, no capability, a root file system that cannot be written to, and the work
    /// directory, `/tmp` and the home directory in memory.
    Strict,
}

/// What may be done with what is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// It can be read.
    ReadOnly,
    /// It can be read and changed.
    ReadWrite,
}

/// Whether a sandbox outlives the process that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// It goes when it is stopped, when its lease is over because the process that made it is gone, or when a later process
    /// [reaps](crate::Engine::reap). The default of a sandbox without a name.
    Ephemeral,
    /// It stays until it is destroyed. The default of a sandbox with a name.
    Kept,
}

/// What is mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub(crate) source: MountSource,
    pub(crate) path: VirtualPath,
    pub(crate) access: Access,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MountSource {
    /// A directory of the engine's host.
    Directory(String),
    /// A volume of the engine.
    Volume(String),
}

/// A port of the container that the host reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) inside: u16,
    pub(crate) outside: SocketAddr,
}
