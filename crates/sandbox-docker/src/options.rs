//! The values of a sandbox's options.

use std::net::SocketAddr;

use backend_core::{VirtualPath, VolumeName};

/// What a container may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// Only itself.
    #[default]
    None,
    /// The engine's bridge: the internet, and usually also other containers and the host.
    Bridge,
    /// A network of the engine, by its name.
    Named(String),
    /// The network of the host, with every service that listens on its loopback address. It provides no isolation.
    HostWithoutIsolation,
}

/// How strictly a container is restricted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hardening {
    /// No new privileges, the few capabilities that package managers need, and ceilings on memory, processes and CPU. Commands
    /// run as root inside, unless the image has another user.
    #[default]
    Standard,
    /// Like standard, plus: user 1000, no capabilities, a read-only root file system, and the work directory, `/tmp` and the home
    /// directory in memory.
    Strict,
}

/// The access to a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Read only.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// Whether a sandbox outlives the process that created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// It is removed when it is stopped, when its lease ends because the process that created it is gone, or when a later process
    /// [reaps](crate::Engine::reap) it. The default of a sandbox without a name.
    Ephemeral,
    /// It stays until it is destroyed. The default of a sandbox with a name.
    Kept,
}

/// A mount of a container.
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
    /// A volume of the engine that is the sandbox's workspace: it exists before the container, with our labels.
    Workspace(VolumeName),
}

/// A published port of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) inside: u16,
    pub(crate) outside: SocketAddr,
}
