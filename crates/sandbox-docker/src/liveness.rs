//! Derives the state of a sandbox and of its owner from the engine's description of the container.

use std::collections::HashMap;

use backend_core::{Liveness, Owner, SandboxInfo};
use bollard::models::ContainerInspectResponse;

use crate::container::{Condition, condition, labels_of};
use crate::labels;
use crate::owner::OwnerState;

/// What is said of a container that was created, and has never run.
pub(crate) const NEVER_STARTED: &str = "it was never started";

/// Returns whether the sandbox of a container exists. [`Liveness::Alive`] means that the container runs, whether its guest
/// answers or not.
pub(crate) fn liveness(found: &ContainerInspectResponse) -> Liveness {
    let marks = labels_of(found);
    let ephemeral = marks.get(labels::LIFETIME).map(String::as_str) == Some(labels::EPHEMERAL);
    match condition(found) {
        Condition::Running => Liveness::Alive,
        // This is how it is suspended.
        Condition::Paused if has_files_in_memory(found, &marks) => {
            Liveness::asleep("the container is paused")
        }
        // It was paused from outside and may be resumed. Until then its state is unknown.
        Condition::Paused => Liveness::unknown("the container is paused; unpause it to continue"),
        Condition::Ended(how) if ephemeral => Liveness::gone(how),
        Condition::NeverStarted => Liveness::gone(NEVER_STARTED),
        Condition::Ended(how) => match why_files_lost(found, &marks) {
            Some(why) => Liveness::gone(why),
            None => Liveness::asleep(how),
        },
        Condition::Gone => Liveness::gone("the container is being removed"),
        Condition::Unclear => {
            Liveness::unknown("the engine does not say whether the container runs")
        }
    }
}

/// Returns the provider's description of the sandbox of a container.
pub(crate) fn info(found: &ContainerInspectResponse) -> SandboxInfo {
    let marks = labels_of(found);
    let owner = match labels::owner(&marks).state() {
        OwnerState::Running => Owner::Present,
        OwnerState::Unknown => Owner::Unknown,
        OwnerState::Ended | OwnerState::Rebooted => Owner::Gone,
    };
    let own = |name: &String| !name.starts_with(labels::PREFIX);
    SandboxInfo::new(liveness(found))
        .labels(marks.into_iter().filter(|(name, _)| own(name)).collect())
        .owner(owner)
}

/// Returns why the files of a container that does not run are lost, or it never had any.
pub(crate) fn why_files_lost(
    found: &ContainerInspectResponse,
    marks: &HashMap<String, String>,
) -> Option<String> {
    match condition(found) {
        Condition::NeverStarted => Some(NEVER_STARTED.to_owned()),
        Condition::Ended(how) if has_files_in_memory(found, marks) => {
            Some(format!("{how}, and its files were in memory"))
        }
        _ => None,
    }
}

/// Returns whether the work directory of a container is in memory.
pub(crate) fn has_files_in_memory(
    found: &ContainerInspectResponse,
    marks: &HashMap<String, String>,
) -> bool {
    let tmpfs = found
        .host_config
        .as_ref()
        .and_then(|host| host.tmpfs.as_ref());
    let work_dir = marks.get(labels::WORK_DIR);
    tmpfs
        .zip(work_dir)
        .is_some_and(|(tmpfs, work_dir)| tmpfs.contains_key(work_dir))
}
