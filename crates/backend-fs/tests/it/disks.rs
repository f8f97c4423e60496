//! Disks that a test creates, mounts and removes again.
//!
//! Each such test runs again in a process of its own, in its own mount and PID namespaces: no other test sees its mounts,
//! and when it ends, even by a signal, the system unmounts everything and kills every server.

use std::any::type_name;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

use crate::support::{argument_of_child, child, is_root, skip};

pub(crate) mod kinds;

/// The prefix of lines that are shown even if the test passes.
const TOLD: &str = "disks: ";

/// How long a test may take before it is killed.
const SECONDS: &str = "400";

/// Marks the child.
const ROLE: &str = "alone";

/// Whether tests that take minutes run, as `cargo xtask ci --all` asks for.
pub(crate) fn long() -> bool {
    std::env::var_os("AGENT_BACKENDS_LONG").is_some_and(|value| value == "1")
}

/// Runs a test as root in a namespace of mounts and processes of its own, with an empty directory. It is skipped if a
/// command or device that it needs is missing, unless `AGENT_BACKENDS_REQUIRE_DISKS` is 1.
///
/// The test is found by the name of the closure, so the closure has to be written within the test function.
pub(crate) fn alone<F: FnOnce(&Path)>(needs: &[&str], test: F) {
    alone_as(type_name::<F>(), needs, test);
}

/// Does that for a test that is found by the name of another closure in it.
pub(crate) fn alone_as(closure: &str, needs: &[&str], test: impl FnOnce(&Path)) {
    if let Some(dir) = argument_of_child(ROLE) {
        fs::write(dir.join("ran"), "").unwrap();
        let place = dir.join("place");
        fs::create_dir(&place).unwrap();
        return test(&place);
    }
    if let Some(why) = missing(needs) {
        let required = std::env::var_os("AGENT_BACKENDS_REQUIRE_DISKS").is_some_and(|v| v == "1");
        assert!(!required, "AGENT_BACKENDS_REQUIRE_DISKS is 1, but {why}");
        return skip(&why);
    }
    let name = closure.trim_end_matches("::{{closure}}");
    let (_, name) = name.split_once("::").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let output = in_namespace(&child(name, ROLE, dir.path()));
    let said = String::from_utf8_lossy(&output.stdout);
    for (_, line) in said.lines().filter_map(|line| line.split_once(TOLD)) {
        let _ = writeln!(std::io::stdout().lock(), "{TOLD}{name}: {line}");
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}{errors}", output.status);
    assert!(dir.path().join("ran").exists(), "no test is called {name}");
}

/// Says something that is shown even if the test passes.
pub(crate) fn tell(line: &str) {
    println!("\n{TOLD}{line}");
}

/// Runs a command that is killed, with everything that it started, when the thread that waits for it ends.
fn in_namespace(test: &Command) -> Output {
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            "KILL",
            "timeout",
            "--signal",
            "KILL",
            SECONDS,
        ])
        .args([
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
        ])
        .args(["--fork", "--kill-child", "--mount-proc", "--"])
        .arg(test.get_program())
        .args(test.get_args())
        .envs(
            test.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null());
    command.output().unwrap()
}

/// Returns why a test cannot run here.
fn missing(needs: &[&str]) -> Option<String> {
    if !is_root() {
        return Some("mounting needs root".to_owned());
    }
    let always = ["setpriv", "timeout", "unshare", "mount"];
    let absent = always.iter().chain(needs).find(|need| !is_there(need));
    if let Some(need) = absent {
        return Some(format!("there is no {need}"));
    }
    let mut nothing = Command::new("true");
    nothing.stdout(Stdio::null());
    let output = in_namespace(&nothing);
    (!output.status.success()).then(|| "mounts of its own are not allowed".to_owned())
}

/// Returns whether there is a device with this path, or a command with this name.
fn is_there(need: &str) -> bool {
    if need.starts_with('/') {
        return Path::new(need).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|dir| dir.join(need).exists())
}

/// Runs a command that has to succeed, and returns what it printed.
#[track_caller]
pub(crate) fn must<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(program)
        .args(args)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Makes a file of this many MiB, without allocating them, with a file system in it.
pub(crate) fn image(path: &Path, size: u64, make: &[&str]) {
    let file = fs::File::create_new(path).unwrap();
    file.set_len(size << 20).unwrap();
    let (program, options) = make.split_first().unwrap();
    let options = options.iter().map(OsStr::new);
    must(program, options.chain([path.as_os_str()]));
}

/// Something that is mounted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    /// Mounts by `mount`, at a directory that is made for it.
    #[track_caller]
    pub(crate) fn new(options: &[&str], source: &Path, at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let options = options.iter().map(OsStr::new);
        must("mount", options.chain([source.as_os_str(), at.as_os_str()]));
        Self::guard(at)
    }

    /// Takes over a mount that was made elsewhere.
    pub(crate) fn guard(at: &Path) -> Self {
        Self {
            at: at.to_path_buf(),
        }
    }

    pub(crate) fn at(&self) -> &Path {
        &self.at
    }

    /// Mounts it anew with other options, such as `ro`.
    #[track_caller]
    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        must(
            "mount",
            [OsStr::new("-o"), options.as_ref(), self.at.as_os_str()],
        );
    }
}

impl Drop for Mount {
    /// A backend that was just dropped, or a server that has not noticed it yet, keeps it busy for a moment.
    fn drop(&mut self) {
        for _ in 0..100 {
            match unmount(&self.at, UnmountFlags::empty()) {
                Err(Errno::BUSY) => std::thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
        let _ = unmount(&self.at, UnmountFlags::DETACH);
    }
}

#[test]
fn the_mounts_of_a_test_are_gone_when_it_ends() {
    let mounts = || fs::read_to_string("/proc/self/mounts").unwrap();
    let mut here = None;
    alone(&[], |dir| {
        let mount = Mount::new(&["-t", "tmpfs"], Path::new("none"), &dir.join("a"));
        let forgotten = Mount::new(&["-t", "tmpfs"], Path::new("none"), &dir.join("b"));
        std::mem::forget(forgotten);
        let (a, b) = (dir.join("a"), dir.join("b"));
        assert!(mounts().contains(a.to_str().unwrap()));
        drop(mount);
        assert!(!mounts().contains(a.to_str().unwrap()));
        assert!(mounts().contains(b.to_str().unwrap()));
        here = Some(());
    });
    // Only the child runs the closure, so the file exists only if the child ran.
    assert_eq!(here.is_some(), argument_of_child(ROLE).is_some());
}
