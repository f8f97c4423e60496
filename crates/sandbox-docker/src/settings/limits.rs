//! Process limits: those set on the container, and those that the guest sets on commands.
//!
//! The container's limits apply to process 1, which cannot raise them again. So a limit that would end the guest or keep it from
//! working is only set on commands; the container gets as much as the guest needs.

use super::Settings;

/// With fewer open files or threads, the guest cannot serve several commands at once.
const MIN_LIMIT: u64 = 1024;

/// The stack that the guest starts with.
const MIN_STACK_BYTES: u64 = 8 << 20;

/// The names of all limits.
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

/// Returns whether a limit of this name exists.
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

/// Returns the guest's value if commands have `limit`; `None` if the guest has no limit.
fn of_guest(name: &str, limit: u64) -> Option<u64> {
    match name {
        // Reaching one of these means being killed, or having no memory for the next step.
        "as" | "cpu" | "data" => None,
        "nofile" | "nproc" => Some(limit.max(MIN_LIMIT)),
        "stack" => Some(limit.max(MIN_STACK_BYTES)),
        // The file size limit also applies to the guest's writes. It gets an error for that, and is not killed.
        _ => Some(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, of_commands, of_container};

    #[test]
    fn limits_that_would_end_the_guest_apply_only_to_commands() {
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
