//! Limits of processes: which part the container has, and which part the guest gives to commands.
//!
//! What the container has holds for process 1, which cannot raise it again. So a limit that would end the guest when it is
//! reached, or keep it from working, is given to commands alone; the container has as much as the guest needs.

use super::Settings;

/// Fewer open files or threads than this, and the guest cannot serve several commands at once.
const LEAST: u64 = 1024;

/// The stack that the guest starts with.
const LEAST_STACK: u64 = 8 << 20;

/// Names of all limits.
const NAMES: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Returns whether there is a limit of this name.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Returns the limits of the container.
pub(super) fn of_container(settings: &Settings) -> impl Iterator<Item = (&str, u64)> {
    let limits = settings.ulimits.iter();
    limits.filter_map(|(name, limit)| Some((name.as_str(), of_guest(name, *limit)?)))
}

/// Returns the limits that the guest gives to commands: those that are not the container's.
pub(crate) fn of_commands(settings: &Settings) -> impl Iterator<Item = (&str, u64)> {
    let limits = settings.ulimits.iter();
    limits
        .filter(|(name, limit)| of_guest(name, **limit) != Some(**limit))
        .map(|(name, limit)| (name.as_str(), *limit))
}

/// Returns what the guest has where commands have `limit`; nothing, if it has no limit.
fn of_guest(name: &str, limit: u64) -> Option<u64> {
    match name {
        // To reach them is to be killed, or to have no memory for the next step.
        "as" | "cpu" | "data" => None,
        "nofile" | "nproc" => Some(limit.max(LEAST)),
        "stack" => Some(limit.max(LEAST_STACK)),
        // What a file may be holds for what the guest writes, too. It is told of that, and not killed.
        _ => Some(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, of_commands, of_container};

    #[test]
    fn what_the_guest_cannot_live_with_is_for_commands_alone() {
        let mut settings = Settings::new("x".to_owned()).unwrap();
        for (name, limit) in [
            ("as", 1 << 30),
            ("cpu", 10),
            ("fsize", 100),
            ("nofile", 64),
            ("nproc", 4096),
            ("stack", 1 << 16),
        ] {
            settings.ulimits.insert(name.to_owned(), limit);
        }
        let container: Vec<_> = of_container(&settings).collect();
        let wanted = [
            ("core", 0),
            ("fsize", 100),
            ("nofile", 1024),
            ("nproc", 4096),
            ("stack", 8 << 20),
        ];
        assert_eq!(container, wanted);
        let commands: Vec<_> = of_commands(&settings).collect();
        let wanted = [
            ("as", 1 << 30),
            ("cpu", 10),
            ("nofile", 64),
            ("stack", 1 << 16),
        ];
        assert_eq!(commands, wanted);
    }
}
