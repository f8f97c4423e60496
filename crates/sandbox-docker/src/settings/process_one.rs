//! The command line of process 1, which is the guest.

use backend_core::{Durability, SandboxId, VirtualPath};

use super::Settings;
use super::limits::of_commands;
use crate::layout::{PROGRAM, SOCKET};

/// Returns the command of process 1.
pub(super) fn command(settings: &Settings, id: &SandboxId, work_dir: &VirtualPath) -> Vec<String> {
    // The environment of process 1 comes from the image and the container; commands inherit it.
    let mut command = [PROGRAM, "init", "--inherit-env"]
        .map(str::to_owned)
        .to_vec();
    let mut option = |name: &str, value: &str| command.push(format!("{name}={value}"));
    option("--id", id.as_str());
    option("--root", "/");
    option("--work-dir", work_dir.as_str());
    option("--socket", SOCKET);
    for (name, limit) in of_commands(settings) {
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
