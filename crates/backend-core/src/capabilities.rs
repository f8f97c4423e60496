//! What a backend can do.

use serde::{Deserialize, Serialize};

/// What a backend can do. Callers check it before they offer an operation; the conformance suites choose their laws by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Every operation that would change something fails with `permission_denied`.
    pub read_only: bool,
    /// Confirmed changes survive a loss of power, as far as the disk keeps what it has confirmed. A backend whose files
    /// merely outlive the process does not declare this.
    pub durable: bool,
    /// The workspace can contain symbolic links, created from outside this protocol.
    pub symlinks: bool,
    /// The backend is also a [`Sandbox`](crate::Sandbox) that runs commands.
    pub executes: bool,
    /// Processes can be spawned, listed, read from a cursor, written to and killed.
    pub processes: bool,
    /// Processes can be given a terminal.
    pub pty: bool,
}

impl Capabilities {
    /// Returns capabilities with nothing declared.
    pub const fn none() -> Self {
        Self {
            read_only: false,
            durable: false,
            symlinks: false,
            executes: false,
            processes: false,
            pty: false,
        }
    }
}
