//! The labels that everything of ours carries in an engine, so that it is found again, and nothing else is.

use std::collections::HashMap;

use backend_core::SandboxId;

use crate::owner::Owner;

/// Says what something of ours is: one of the kinds below. What does not carry it is not ours.
pub(crate) const KIND: &str = "agent-backends.kind";

pub(crate) const SANDBOX: &str = "sandbox";
pub(crate) const GUEST: &str = "guest";
pub(crate) const SNAPSHOT: &str = "snapshot";

/// The namespace of the provider, and the name of the sandbox in it.
pub(crate) const NAMESPACE: &str = "agent-backends.namespace";
pub(crate) const ID: &str = "agent-backends.id";

/// Whether it may be removed when its owner is gone.
pub(crate) const LIFETIME: &str = "agent-backends.lifetime";
pub(crate) const EPHEMERAL: &str = "ephemeral";
pub(crate) const KEPT: &str = "kept";

/// How many seconds it runs on without a connection; not there if it does so without end.
pub(crate) const LEASE: &str = "agent-backends.lease";

/// What a power loss can take from its files. It is missing where that is the default.
pub(crate) const DURABILITY: &str = "agent-backends.durability";

/// After how many seconds without use it may be laid to rest; not there if nobody said so.
pub(crate) const IDLE: &str = "agent-backends.idle-timeout";

/// What a sandbox has to be told again by whoever attaches to it.
pub(crate) const WORK_DIR: &str = "agent-backends.work-dir";
pub(crate) const VARIABLES: &str = "agent-backends.variables";

/// The digest and the architecture of a guest.
pub(crate) const DIGEST: &str = "agent-backends.digest";

/// Whatever a user labels must not look like ours.
pub(crate) const PREFIX: &str = "agent-backends.";

const HOST: &str = "agent-backends.host";
const BOOT: &str = "agent-backends.boot";
const PIDS: &str = "agent-backends.pid-namespace";
const PID: &str = "agent-backends.pid";
const STARTED: &str = "agent-backends.started";

/// Returns the labels of something of this kind that this process makes.
pub(crate) fn of(kind: &str) -> HashMap<String, String> {
    let owner = Owner::this();
    let labels = [
        (KIND, kind),
        (HOST, &owner.host),
        (BOOT, &owner.boot),
        (PIDS, &owner.pids),
        (PID, &owner.pid),
        (STARTED, &owner.started),
    ];
    labels
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Returns who made what carries these labels.
pub(crate) fn owner(labels: &HashMap<String, String>) -> Owner {
    let text = |name: &str| labels.get(name).cloned().unwrap_or_default();
    Owner {
        host: text(HOST),
        boot: text(BOOT),
        pids: text(PIDS),
        pid: text(PID),
        started: text(STARTED),
    }
}

/// Returns whether something is of this kind.
pub(crate) fn is(labels: &HashMap<String, String>, kind: &str) -> bool {
    labels.get(KIND).is_some_and(|is| is == kind)
}

/// Returns the name of the container of a sandbox. Neither part can hold a `.`, so that no two pairs have one name.
pub(crate) fn container_name(namespace: &SandboxId, id: &SandboxId) -> String {
    format!("agent-backends.{namespace}.{id}")
}

/// Returns the filter of a listing for labels with these values.
pub(crate) fn filter(wanted: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let labels = wanted.iter().map(|(name, value)| format!("{name}={value}"));
    HashMap::from([("label".to_owned(), labels.collect())])
}
