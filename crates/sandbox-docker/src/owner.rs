//! The process that created an object, described so precisely that another process can determine whether it is gone.
//!
//! "Gone" is only reported when it is certain: on the same boot of the same host, and in the same PID namespace. A process of
//! another host or PID namespace counts as existing, and so does one that this process may not look at.

use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// A process. Unknown parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The host: a digest of its name and machine id.
    pub(crate) host: String,
    /// The boot of that host.
    pub(crate) boot: String,
    /// Its PID namespace: the same number means another process in another container.
    pub(crate) pids: String,
    pub(crate) pid: String,
    /// When it started, in ticks since the boot, because process numbers are reused.
    pub(crate) started: String,
}

/// The state of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnerState {
    /// It runs.
    Running,
    /// It ran on another host or in another PID namespace, or is hidden from this process: its state cannot be determined here.
    Unknown,
    /// It has ended.
    Ended,
    /// Its host has rebooted since. A container that still runs elsewhere may have been adopted.
    Rebooted,
}

/// What the kernel says about a process number.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ProcessState {
    /// A process with this number started then.
    Started(String),
    /// There is no such process, or it has ended and is a zombie.
    Ended,
    /// There may be one, and nothing more can be learned.
    Unclear,
}

impl Owner {
    /// Returns this process.
    pub(crate) fn this() -> &'static Self {
        static THIS: OnceLock<Owner> = OnceLock::new();
        THIS.get_or_init(|| Self {
            host: host(),
            boot: read("/proc/sys/kernel/random/boot_id"),
            pids: std::fs::read_link("/proc/self/ns/pid")
                .map(|link| link.to_string_lossy().into_owned())
                .unwrap_or_default(),
            pid: std::process::id().to_string(),
            started: match process_state("self") {
                ProcessState::Started(started) => started,
                ProcessState::Ended | ProcessState::Unclear => String::new(),
            },
        })
    }

    /// Returns its state.
    pub(crate) fn state(&self) -> OwnerState {
        self.state_as_seen_by(Self::this(), process_state)
    }

    fn state_as_seen_by(
        &self,
        here: &Self,
        process_state: impl Fn(&str) -> ProcessState,
    ) -> OwnerState {
        let known = |part: &str| !part.is_empty();
        if !known(&self.host) || self.host != here.host || !known(&self.boot) {
            return OwnerState::Unknown;
        }
        if self.boot != here.boot {
            return if known(&here.boot) {
                OwnerState::Rebooted
            } else {
                OwnerState::Unknown
            };
        }
        if !known(&self.pids) || self.pids != here.pids || !known(&self.started) {
            return OwnerState::Unknown;
        }
        let number = self.pid.bytes().all(|byte| byte.is_ascii_digit()) && known(&self.pid);
        if !number {
            return OwnerState::Unknown;
        }
        match process_state(&self.pid) {
            ProcessState::Started(started) if started == self.started => OwnerState::Running,
            ProcessState::Started(_) | ProcessState::Ended => OwnerState::Ended,
            ProcessState::Unclear => OwnerState::Unknown,
        }
    }
}

/// Looks at a process, by its number or as `self`.
fn process_state(pid: &str) -> ProcessState {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => parse(&stat),
        // `/proc` also lacks the processes of other users where it is mounted so (`hidepid`). A signal distinguishes them.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_unused(pid) => {
            ProcessState::Ended
        }
        Err(_) => ProcessState::Unclear,
    }
}

/// Parses the line of a process in `/proc`.
fn parse(stat: &str) -> ProcessState {
    // The second field is the name of the program, in parentheses, and may contain any character.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
    let mut fields = fields.unwrap_or_default().split_whitespace();
    // The third field of the line is the state. A zombie is no longer an owner.
    match (fields.next(), fields.nth(18)) {
        (Some("Z" | "X"), _) => ProcessState::Ended,
        (Some(_), Some(started)) => ProcessState::Started(started.to_owned()),
        _ => ProcessState::Unclear,
    }
}

/// Returns whether it is certain that no process has this number.
fn is_unused(pid: &str) -> bool {
    let pid = pid.parse().ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

/// Returns a name for this host that reveals nothing about it.
fn host() -> String {
    let (machine, name) = (read("/etc/machine-id"), read("/proc/sys/kernel/hostname"));
    if machine.is_empty() && name.is_empty() {
        return String::new();
    }
    crate::digest::short(format!("{machine}\n{name}").as_bytes())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Owner, OwnerState, ProcessState, parse};

    fn owner() -> Owner {
        Owner {
            host: "h".to_owned(),
            boot: "b".to_owned(),
            pids: "pid:[1]".to_owned(),
            pid: "7".to_owned(),
            started: "99".to_owned(),
        }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Owner), at_pid: ProcessState, want: OwnerState) {
        let mut subject = owner();
        change(&mut subject);
        let state = subject.state_as_seen_by(&owner(), |_| at_pid.clone());
        assert_eq!(state, want, "{subject:?}");
    }

    #[test]
    fn only_what_is_certain_is_gone() {
        use ProcessState::{Ended, Unclear};
        let started = |at: &str| ProcessState::Started(at.to_owned());
        check(|_| {}, started("99"), OwnerState::Running);
        check(|_| {}, Ended, OwnerState::Ended);
        check(|_| {}, Unclear, OwnerState::Unknown);
        check(|_| {}, started("100"), OwnerState::Ended);
        check(|o| o.host = "other".to_owned(), Ended, OwnerState::Unknown);
        check(|o| o.host = String::new(), Ended, OwnerState::Unknown);
        check(
            |o| o.boot = "other".to_owned(),
            started("99"),
            OwnerState::Rebooted,
        );
        check(|o| o.boot = String::new(), Ended, OwnerState::Unknown);
        check(
            |o| o.pids = "pid:[2]".to_owned(),
            Ended,
            OwnerState::Unknown,
        );
        check(|o| o.pid = "../1".to_owned(), Ended, OwnerState::Unknown);
        check(|o| o.started = String::new(), Ended, OwnerState::Unknown);
    }

    #[test]
    fn a_zombie_has_ended_and_a_line_that_cannot_be_read_is_unclear() {
        let line = |state: &str| format!("7 (a) b) {state} {} 99 1\n", ["0"; 18].join(" "));
        assert_eq!(parse(&line("S")), ProcessState::Started("99".to_owned()));
        assert_eq!(parse(&line("Z")), ProcessState::Ended);
        for odd in ["", "7 (a)", "7 (a) S 0 0", "7"] {
            assert_eq!(parse(odd), ProcessState::Unclear, "{odd}");
        }
    }

    #[cfg(target_os = "linux")]
    mod on_linux {
        use std::process::Command;

        use super::super::{Owner, OwnerState, ProcessState, process_state};

        /// The variable with the number and the start of the process that is hidden from the test, which runs again.
        const HIDDEN: &str = "AGENT_BACKENDS_TEST_HIDDEN";

        fn ended() -> Owner {
            let mut child = Command::new("true").spawn().unwrap();
            let mut subject = Owner::this().clone();
            subject.pid = child.id().to_string();
            // Whatever it was: nothing has this number afterwards.
            subject.started = "1".to_owned();
            child.wait().unwrap();
            subject
        }

        #[test]
        fn this_process_is_there_and_one_that_ended_is_gone() {
            assert_eq!(Owner::this().state(), OwnerState::Running);
            assert_eq!(ended().state(), OwnerState::Ended);
        }

        #[test]
        fn a_process_that_has_ended_and_was_not_waited_for_is_gone() {
            let mut child = Command::new("true").spawn().unwrap();
            let pid = child.id().to_string();
            while process_state(&pid) != ProcessState::Ended {
                std::thread::yield_now();
            }
            child.wait().unwrap();
        }

        #[test]
        fn a_process_of_another_user_that_cannot_be_seen_is_not_gone() {
            if let Ok(hidden) = std::env::var(HIDDEN) {
                return is_not_seen(&hidden);
            }
            // The test runs as another user, in whose `/proc` this process is missing. It may still read its own binary.
            let run = |program: &std::ffi::OsStr, arguments: &[&str]| {
                let line = "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups \
                            --inh-caps=+dac_read_search --ambient-caps=+dac_read_search \"$@\"";
                let this = Owner::this();
                Command::new("unshare")
                    .args(["--mount", "sh", "-c", line, "sh"])
                    .arg(program)
                    .args(arguments)
                    .env(HIDDEN, format!("{} {}", this.pid, this.started))
                    .output()
            };
            if !run("true".as_ref(), &[]).is_ok_and(|output| output.status.success()) {
                eprintln!("skipped: this user may not mount another /proc");
                return;
            }
            let this = std::env::current_exe().unwrap();
            let name =
                "owner::tests::on_linux::a_process_of_another_user_that_cannot_be_seen_is_not_gone";
            let output = run(this.as_os_str(), &["--exact", name, "--nocapture"]).unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{said}{output:?}");
            assert!(
                said.contains("1 passed") && said.contains("hidden"),
                "{said}"
            );
        }

        /// Makes sure that a process does not count as gone although `/proc` does not have it.
        fn is_not_seen(hidden: &str) {
            let (pid, started) = hidden.split_once(' ').unwrap();
            let mut subject = Owner::this().clone();
            (subject.pid, subject.started) = (pid.to_owned(), started.to_owned());
            let missing = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_err();
            assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
            assert_eq!(subject.state(), OwnerState::Unknown);
            // What has really ended is gone here, too.
            assert_eq!(ended().state(), OwnerState::Ended);
            println!("hidden");
        }
    }
}
