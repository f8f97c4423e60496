//! The process that created an object, described so precisely that another process can determine whether it is gone.
//!
//! "Gone" is only reported when it is certain: on the same boot of the same host, and in the same PID namespace. A process of
//! another host or PID namespace counts as existing.

use std::sync::OnceLock;

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
pub(crate) enum Fate {
    /// It runs.
    Here,
    /// It ran on another host or in another PID namespace: its state cannot be determined here.
    Unknown,
    /// It has ended.
    Gone,
    /// Its host has rebooted since. A container that still runs elsewhere may have been adopted.
    Rebooted,
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
            started: started("self").unwrap_or_default(),
        })
    }

    /// Returns its state.
    pub(crate) fn fate(&self) -> Fate {
        self.fate_as_seen_by(Self::this(), started)
    }

    fn fate_as_seen_by(&self, here: &Self, started: impl Fn(&str) -> Option<String>) -> Fate {
        let known = |part: &str| !part.is_empty();
        if !known(&self.host) || self.host != here.host || !known(&self.boot) {
            return Fate::Unknown;
        }
        if self.boot != here.boot {
            return if known(&here.boot) {
                Fate::Rebooted
            } else {
                Fate::Unknown
            };
        }
        if !known(&self.pids) || self.pids != here.pids || !known(&self.started) {
            return Fate::Unknown;
        }
        let number = self.pid.bytes().all(|byte| byte.is_ascii_digit()) && known(&self.pid);
        match started(&self.pid) {
            _ if !number => Fate::Unknown,
            Some(started) if started == self.started => Fate::Here,
            _ => Fate::Gone,
        }
    }
}

/// Returns when a process started, if it exists.
fn started(pid: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name of the program, in parentheses, and may contain any character.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    // The third field of the line is the state. A zombie is no longer an owner.
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
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
    use super::{Fate, Owner, started};

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
    fn check(change: impl Fn(&mut Owner), at_pid: Option<&str>, want: Fate) {
        let mut subject = owner();
        change(&mut subject);
        let fate = subject.fate_as_seen_by(&owner(), |_| at_pid.map(str::to_owned));
        assert_eq!(fate, want, "{subject:?}");
    }

    #[test]
    fn only_what_is_certain_is_gone() {
        check(|_| {}, Some("99"), Fate::Here);
        check(|_| {}, None, Fate::Gone);
        check(|_| {}, Some("100"), Fate::Gone);
        check(|o| o.host = "other".to_owned(), None, Fate::Unknown);
        check(|o| o.host = String::new(), None, Fate::Unknown);
        check(|o| o.boot = "other".to_owned(), Some("99"), Fate::Rebooted);
        check(|o| o.boot = String::new(), None, Fate::Unknown);
        check(|o| o.pids = "pid:[2]".to_owned(), None, Fate::Unknown);
        check(|o| o.pid = "../1".to_owned(), None, Fate::Unknown);
        check(|o| o.started = String::new(), None, Fate::Unknown);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_there_and_one_that_ended_is_gone() {
        assert_eq!(Owner::this().fate(), Fate::Here);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id().to_string();
        let mut subject = Owner::this().clone();
        subject.started = started(&pid).unwrap_or_else(|| "1".to_owned());
        subject.pid = pid;
        child.wait().unwrap();
        assert_eq!(subject.fate(), Fate::Gone);
    }
}
