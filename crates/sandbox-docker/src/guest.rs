//! The guest in a container: its binary, its location, and its command line.
//!
//! It is in a volume of the engine, one per version of the guest, which every container mounts read-only. So it costs a container
//! nothing, and images need not contain it.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{Durability, Error, Result, SandboxId, VirtualPath};
use bytes::Bytes;

use crate::settings::{Settings, limits_of_commands};
use crate::{Engine, digest};

mod volume;

/// Where the volume is mounted. The name is hidden, so that an agent's searches skip it.
pub(crate) const DIRECTORY: &str = "/.agent-backends";

/// The guest in it.
pub(crate) const PROGRAM: &str = "/.agent-backends/agent-guest";

/// The guest's name in the volume.
const FILE: &str = "agent-guest";

/// The path of its socket: in memory, in a directory that every container has and every user may write to.
const SOCKET: &str = "/dev/shm/agent-guest.sock";

/// How long a newly started guest may take to listen.
const WAIT: Duration = Duration::from_secs(10);

/// A guest binary.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    bytes: Bytes,
    volume: Arc<str>,
}

impl Guest {
    /// Returns the chosen guest, or the one embedded for the engine's machine.
    pub(crate) async fn choose(engine: &Engine, chosen: Option<&Bytes>) -> Result<Self> {
        match chosen {
            Some(bytes) if bytes.starts_with(b"\x7fELF") => Ok(Self::new(bytes.clone())),
            Some(_) => Err(Error::invalid_request("the guest is not a Linux program")),
            None => engine.embedded_guest().await,
        }
    }

    /// Returns the guest embedded for a machine.
    pub(crate) fn embedded(architecture: &str) -> Result<Self> {
        embedded(architecture).map(Self::new)
    }

    fn new(bytes: Bytes) -> Self {
        let volume = format!("agent-backends-guest-{}", digest::short(&bytes));
        Self {
            bytes,
            volume: volume.into(),
        }
    }

    /// Returns the name of its volume.
    pub(crate) fn volume(&self) -> &str {
        &self.volume
    }
}

/// Returns the command of process 1.
pub(crate) fn command(settings: &Settings, id: &SandboxId, work_dir: &VirtualPath) -> Vec<String> {
    // The environment of process 1 comes from the image and the container; commands inherit it.
    let mut command = [PROGRAM, "init", "--inherit-env"]
        .map(str::to_owned)
        .to_vec();
    let mut option = |name: &str, value: &str| command.push(format!("{name}={value}"));
    option("--id", id.as_str());
    option("--root", "/");
    option("--work-dir", work_dir.as_str());
    option("--socket", SOCKET);
    for (name, limit) in limits_of_commands(settings) {
        option("--limit", &format!("{name}={limit}"));
    }
    if let Some(lease) = settings.lease() {
        option("--lease", &lease.as_secs_f64().to_string());
    }
    if settings.durability != Durability::default() {
        option("--durability", settings.durability.name());
    }
    command
}

/// Returns the command that connects its standard streams to the guest.
pub(crate) fn connect() -> Vec<String> {
    vec![
        PROGRAM.to_owned(),
        "connect".to_owned(),
        format!("--socket={SOCKET}"),
        format!("--wait={}", WAIT.as_secs()),
    ]
}

#[cfg(feature = "embedded-guest")]
fn embedded(architecture: &str) -> Result<Bytes> {
    use sandbox_guest::{Architecture, guest_bytes};

    Architecture::from_name(architecture)
        .and_then(guest_bytes)
        .map(Bytes::from_static)
        .ok_or_else(|| none_for(architecture))
}

#[cfg(not(feature = "embedded-guest"))]
fn embedded(architecture: &str) -> Result<Bytes> {
    Err(none_for(architecture))
}

fn none_for(architecture: &str) -> Error {
    Error::unsupported(format!(
        "an engine on {architecture}: this build has no guest for it; build one on Linux with `cargo xtask guest`, and pass its \
         bytes to the builder with `guest`"
    ))
}
