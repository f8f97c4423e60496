//! Where the guest is in a container, and how to reach it there.

use std::time::Duration;

/// Where the volume is mounted. The name is hidden, so that an agent's searches skip it.
pub(crate) const DIRECTORY: &str = "/.agent-backends";

/// The guest in it.
pub(crate) const PROGRAM: &str = "/.agent-backends/agent-guest";

/// How the name of every volume of a guest begins.
pub(crate) const VOLUME_PREFIX: &str = "agent-backends-guest-";

/// The guest's name in the volume.
pub(crate) const FILE: &str = "agent-guest";

/// The path of its socket: in memory, in a directory that every container has and every user may write to.
pub(crate) const SOCKET: &str = "/dev/shm/agent-guest.sock";

/// How long a newly started guest may take to listen.
const WAIT: Duration = Duration::from_secs(10);

/// Returns the command that connects its standard streams to the guest.
pub(crate) fn connect() -> Vec<String> {
    vec![
        PROGRAM.to_owned(),
        "connect".to_owned(),
        format!("--socket={SOCKET}"),
        format!("--wait={}", WAIT.as_secs()),
    ]
}
