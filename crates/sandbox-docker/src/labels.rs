//! The labels of our objects in an engine, by which exactly those are found again.

use std::collections::HashMap;

use backend_core::SandboxId;

use crate::owner::Owner;

/// The kind of an object of ours: one of the values below. An object without it is not ours.
pub(crate) const KIND: &str = "agent-backends.kind";

pub(crate) const SANDBOX: &str = "sandbox";
pub(crate) const GUEST: &str = "guest";
pub(crate) const SNAPSHOT: &str = "snapshot";
pub(crate) const WORKSPACE: &str = "workspace";

/// The namespace of the provider, and the name of the sandbox in it.
pub(crate) const NAMESPACE: &str = "agent-backends.namespace";
pub(crate) const ID: &str = "agent-backends.id";

/// Whether it may be removed when its owner is gone.
pub(crate) const LIFETIME: &str = "agent-backends.lifetime";
pub(crate) const EPHEMERAL: &str = "ephemeral";
pub(crate) const KEPT: &str = "kept";

/// How many seconds it runs without a connection; absent if without limit.
pub(crate) const LEASE: &str = "agent-backends.lease";

/// The durability of its files. Older sandboxes with the default lack it.
pub(crate) const DURABILITY: &str = "agent-backends.durability";

/// After how many seconds without use it may be suspended; absent if not set.
pub(crate) const IDLE: &str = "agent-backends.idle-timeout";

/// Settings that a process needs when it attaches to the sandbox.
pub(crate) const WORK_DIR: &str = "agent-backends.work-dir";
pub(crate) const VARIABLES: &str = "agent-backends.variables";

/// The digest and the architecture of a guest.
pub(crate) const DIGEST: &str = "agent-backends.digest";

/// A user's labels must not start with this.
pub(crate) const PREFIX: &str = "agent-backends.";

const HOST: &str = "agent-backends.host";
const BOOT: &str = "agent-backends.boot";
const PIDS: &str = "agent-backends.pid-namespace";
const PID: &str = "agent-backends.pid";
const STARTED: &str = "agent-backends.started";

/// Returns the labels of an object of this kind created by this process.
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

/// Returns the owner in these labels.
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

/// Returns whether an object is of this kind.
pub(crate) fn is(labels: &HashMap<String, String>, kind: &str) -> bool {
    labels.get(KIND).is_some_and(|is| is == kind)
}

/// Returns the name of the container of a sandbox. Neither part can contain a `.`, so names are unique.
pub(crate) fn container_name(namespace: &SandboxId, id: &SandboxId) -> String {
    format!("agent-backends.{namespace}.{id}")
}

/// Returns the listing filter for labels with these values.
pub(crate) fn filter(wanted: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let labels = wanted.iter().map(|(name, value)| format!("{name}={value}"));
    HashMap::from([("label".to_owned(), labels.collect())])
}
