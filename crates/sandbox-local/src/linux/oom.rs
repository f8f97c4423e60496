//! Running out of memory: commands are killed before the process that runs them, and such a kill is distinguished from any
//! other.
//!
//! The kernel sends an ordinary SIGKILL, but counts its out-of-memory kills in each control group. A command that was killed
//! while the count of its group rose counts as killed by the kernel. If two are killed at the same moment, one of them by
//! hand, they cannot be told apart.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use backend_core::ExecStatus;
use rustix::fs::{Mode, OFlags};

/// The known mount points of control groups.
const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// The code of a shell whose program was killed by signal 9.
const SIGKILL_EXIT_CODE: i32 = 128 + 9;

/// Makes this process, and what it executes and starts, the first to be killed when memory runs out. It is called between
/// `fork` and `exec`, so it only makes system calls.
///
/// Raising the score is always permitted. Without `/proc` it stays unchanged.
pub(super) fn raise_oom_score() {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(c"/proc/self/oom_score_adj", flags, Mode::empty()) {
        let _ = rustix::io::write(&file, b"1000");
    }
}

/// How many processes of our control group the kernel had killed for lack of memory at some moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct OomCounter(Option<u64>);

impl OomCounter {
    /// Takes the current count.
    pub(super) fn now() -> Self {
        static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
        let file = FILE.get_or_init(|| {
            let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
            let found = |file: &PathBuf| read(file).is_some();
            candidates(&own).into_iter().find(found)
        });
        Self(file.as_deref().and_then(read))
    }

    /// Returns the status of a command that was started after this count, if it was killed for lack of memory.
    pub(super) fn explain(self, status: ExecStatus) -> ExecStatus {
        let killed = matches!(
            status,
            ExecStatus::Signaled(9) | ExecStatus::Exited(SIGKILL_EXIT_CODE)
        );
        if killed && self.has_risen_to(Self::now()) {
            ExecStatus::OutOfMemory
        } else {
            status
        }
    }

    fn has_risen_to(self, later: Self) -> bool {
        matches!((self.0, later.0), (Some(before), Some(after)) if after > before)
    }
}

/// Returns the files that may hold the count, the likeliest first. `own` is what `/proc/self/cgroup` says: in a container it
/// may name a group by a path that only the host has, and the container's own is at the top.
fn candidates(own: &str) -> Vec<PathBuf> {
    let (mut unified, mut classic) = (Vec::new(), Vec::new());
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let path = Path::new(path.trim_start_matches('/'));
        if path.components().any(|part| part == Component::ParentDir) {
            continue;
        }
        if controllers.is_empty() {
            unified.push(Path::new(CGROUP_ROOT).join(path));
        } else if controllers.split(',').any(|name| name == "memory") {
            classic.push(Path::new(CGROUP_ROOT).join("memory").join(path));
        }
    }
    unified.push(CGROUP_ROOT.into());
    classic.push(Path::new(CGROUP_ROOT).join("memory"));
    let unified = unified.into_iter().map(|group| group.join("memory.events"));
    let classic = classic
        .into_iter()
        .map(|group| group.join("memory.oom_control"));
    unified.chain(classic).collect()
}

fn read(file: impl AsRef<Path>) -> Option<u64> {
    parse(&fs::read_to_string(file).ok()?)
}

/// Both kinds of file have a line `oom_kill 3`.
fn parse(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use backend_core::ExecStatus;

    use super::{OomCounter, candidates, parse};

    #[track_caller]
    fn check(own: &str, want: &[&str]) {
        let want: Vec<_> = want.iter().map(Path::new).collect();
        assert_eq!(candidates(own), want);
    }

    #[test]
    fn the_count_is_where_the_kernel_and_the_engine_put_it() {
        let top = [
            "/sys/fs/cgroup/memory.events",
            "/sys/fs/cgroup/memory/memory.oom_control",
        ];
        check("", &top);
        check("0::/../../other\n", &top);
        check(
            "0::/user.slice/a b:c.scope\n",
            &[
                "/sys/fs/cgroup/user.slice/a b:c.scope/memory.events",
                top[0],
                top[1],
            ],
        );
        check(
            "5:devices:/x\n4:memory,other:/docker/12\n0::/\n",
            &[
                top[0],
                top[0],
                "/sys/fs/cgroup/memory/docker/12/memory.oom_control",
                top[1],
            ],
        );
    }

    #[test]
    fn both_kinds_of_count_are_read() {
        let unified = "low 0\nhigh 0\nmax 31\noom 2\noom_kill 1\noom_group_kill 0\n";
        assert_eq!(parse(unified), Some(1));
        assert_eq!(
            parse("oom_kill_disable 0\nunder_oom 0\noom_kill 20\n"),
            Some(20)
        );
        assert_eq!(parse("oom_kill_disable 0\nunder_oom 0\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn only_a_kill_while_the_count_rose_is_out_of_memory() {
        assert!(OomCounter(Some(1)).has_risen_to(OomCounter(Some(2))));
        assert!(!OomCounter(Some(2)).has_risen_to(OomCounter(Some(2))));
        assert!(!OomCounter(None).has_risen_to(OomCounter(Some(2))));
        assert!(!OomCounter(Some(1)).has_risen_to(OomCounter(None)));
        for status in [
            ExecStatus::Exited(0),
            ExecStatus::Exited(1),
            ExecStatus::Signaled(15),
            ExecStatus::TimedOut,
        ] {
            assert_eq!(OomCounter(Some(0)).explain(status), status);
        }
    }
}
