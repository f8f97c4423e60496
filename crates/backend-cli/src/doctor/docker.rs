//! Containers: an engine that answers, and a guest to put into them.

use sandbox_docker::Engine;
use sandbox_guest::{Architecture, guest_bytes};

use super::{Check, Status};

const ENGINE: &str = "docker";
const GUEST: &str = "guest";

/// Asks the engine. Without one there are no containers, but everything else works.
pub(super) async fn engine(is_wanted: bool) -> Check {
    let address = std::env::var("DOCKER_HOST")
        .ok()
        .filter(|address| !address.is_empty());
    let shown = address.as_deref().unwrap_or("unix:///var/run/docker.sock");
    match Engine::connect().await {
        Ok(_) => Check::ok(ENGINE, format!("an engine answers at {shown}")),
        Err(error) => {
            let advice = "start the engine, or set DOCKER_HOST; you need access to its socket";
            let mut detail = format!("{shown}: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                detail.push_str(&format!("; {error}"));
                cause = error.source();
            }
            let mut check = Check::warn(ENGINE, detail, advice);
            if is_wanted {
                check.status = Status::Fail;
            }
            check
        }
    }
}

/// Looks for the guest program for this machine's architecture.
pub(super) fn guest() -> Check {
    let advice =
        "an engine on another architecture needs a build of this program with a guest for it";
    match Architecture::here() {
        None => Check::warn(
            GUEST,
            format!("none for {}", std::env::consts::ARCH),
            advice,
        ),
        Some(architecture) => match guest_bytes(architecture) {
            Some(bytes) => {
                let size = bytes.len() >> 10;
                Check::ok(GUEST, format!("for {architecture}, {size} KiB"))
            }
            None => Check::warn(GUEST, format!("none for {architecture}"), advice),
        },
    }
}
