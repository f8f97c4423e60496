//! A guest where memory or processes run out: commands pay for it, and the guest survives and reports what
//! happened.
//!
//! It needs a control group of its own, and the right to create one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backend_core::{
    BackendExt, ErrorKind, ExecRequest, ExecStatus, OutputRequest, Sandbox, SandboxExt,
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::host::{Served, guest, lives, mark, over_stdio, soon, until_none, until_sleeping};

/// A control group for one controller, removed when the test is over.
struct Group(PathBuf);

impl Group {
    /// Creates a group, with a limit if one of these files exists. `None` if that is not possible here.
    fn make(controller: &str, limits: &[(&str, &str)]) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("agent-guest-test-{}-{number}", std::process::id());
        let groups = Path::new("/sys/fs/cgroup");
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let own = own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            (fields.next()? == controller).then(|| fields.next())?
        });
        let classic = groups.join(controller);
        let mut above = vec![
            classic.join(own.unwrap_or_default().trim_start_matches('/')),
            classic,
        ];
        let handed_on = fs::read_to_string(groups.join("cgroup.subtree_control"));
        if handed_on.is_ok_and(|list| list.split_whitespace().any(|name| name == controller)) {
            above.push(groups.to_owned());
        }
        above.into_iter().find_map(|above| {
            let group = above.join(&name);
            fs::create_dir(&group).ok()?;
            let group = Self(group);
            let set = limits.iter().filter(|(file, value)| group.set(file, value));
            (set.count() > 0).then_some(group)
        })
    }

    fn set(&self, file: &str, value: &str) -> bool {
        let file = self.0.join(file);
        file.exists() && fs::write(file, value).is_ok()
    }

    /// Starts a guest in it.
    async fn serve(&self) -> Served {
        let root = tempfile::tempdir().unwrap();
        let mut command = self.command(&root);
        let (remote, child) = over_stdio(&mut command).await;
        Served {
            remote,
            child,
            root,
        }
    }

    fn command(&self, root: &TempDir) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ > \"$1\" && shift && exec \"$@\"", "sh"])
            .arg(self.0.join("cgroup.procs"))
            .arg(guest())
            .args(["serve", "--root"])
            .arg(root.path());
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..500 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_all_memory_is_distinguished_from_a_killed_one() {
    let most = (160 << 20).to_string();
    let limits = [
        ("memory.limit_in_bytes", &*most),
        ("memory.memsw.limit_in_bytes", &*most),
        ("memory.max", &*most),
        ("memory.swap.max", "0"),
    ];
    let Some(group) = Group::make("memory", &limits) else {
        println!("skipped: cannot create a control group for memory here");
        return;
    };
    let guest = group.serve().await;
    let remote = &guest.remote;
    let mark = mark();
    remote.spawn(format!("exec sleep {mark}")).await.unwrap();
    until_sleeping(&mark, 1).await;

    // There is no newline in it, and a program that looks for the last line has to keep all of it.
    let greedy = ExecRequest::argv(["tail", "/dev/zero"]);
    for request in [&greedy, &ExecRequest::shell("tail /dev/zero; exit $?")] {
        let output = soon(remote.execute_with(request)).await.unwrap();
        assert_eq!(output.status, ExecStatus::OutOfMemory);
    }
    let process = remote.spawn_with(&greedy).await.unwrap();
    let read = OutputRequest::new(process.id).wait(Duration::from_secs(60));
    let end = soon(remote.read_output(&read)).await.unwrap();
    assert_eq!(end.status, Some(ExecStatus::OutOfMemory));

    // By hand, or as the command's own code, while memory did not run out.
    let killed = remote.execute("kill -9 $$").await.unwrap();
    assert_eq!(killed.status, ExecStatus::Signaled(9));
    let code = remote.execute("exit 137").await.unwrap();
    assert_eq!(code.status, ExecStatus::Exited(137));

    assert!(lives(&mark));
    remote.write("/a", "b").await.unwrap();
    remote.close().await;
    until_none(&mark).await;
}

#[tokio::test]
async fn commands_are_killed_before_the_guest() {
    let guest = Served::start().await;
    let likeliness = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        text.trim().parse::<i32>().unwrap()
    };
    let line = "cat /proc/$$/oom_score_adj; (cat /proc/self/oom_score_adj)";
    let output = guest.remote.execute(line).await.unwrap();
    assert_eq!(output.stdout.head, "1000\n1000\n");
    // Unchanged, or lower where that is permitted.
    let (ours, its) = (likeliness(std::process::id()), likeliness(guest.pid()));
    assert!(its == ours || its == -900, "{its}");
}

#[tokio::test]
async fn without_free_processes_files_are_served_and_commands_are_refused() {
    let Some(group) = Group::make("pids", &[("pids.max", "1000")]) else {
        println!("skipped: cannot create a control group for processes here");
        return;
    };
    let guest = group.serve().await;
    let remote = &guest.remote;
    // No more processes than there are now.
    let now = fs::read_to_string(group.0.join("pids.current")).unwrap();
    assert!(group.set("pids.max", now.trim()));
    soon(remote.write("/dir/a.txt", "one\n")).await.unwrap();
    assert_eq!(soon(remote.ls("/")).await.unwrap().items.len(), 1);
    assert_eq!(soon(remote.grep("o")).await.unwrap().matches.len(), 1);
    for _ in 0..5 {
        let error = soon(remote.execute("true")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("no room for another process"));
        let error = soon(remote.spawn("true")).await.unwrap_err();
        assert!(error.to_string().contains("no room for another process"));
        // The sandbox itself is not unavailable.
        assert!(remote.liveness().await.is_alive());
    }
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.read("/dir/a.txt").await })
        })
        .collect();
    for call in calls {
        assert_eq!(soon(call).await.unwrap().unwrap().text, "one\n");
    }
    // Room for a supervisor, but not for its command.
    let now: u32 = now.trim().parse().unwrap();
    assert!(group.set("pids.max", &(now + 1).to_string()));
    let error = soon(remote.execute("true")).await.unwrap_err();
    assert!(error.to_string().contains("no room for another process"));
    assert!(group.set("pids.max", &(now + 10).to_string()));
    let output = soon(remote.execute("exit 3")).await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(3));
    // A fork bomb is killed completely, and then there is room again.
    let bomb = "b() { while sleep 0.01; do b & done; }; b & exec sleep 1000";
    let bomb = ExecRequest::shell(bomb).timeout(Duration::from_millis(500));
    assert!(group.set("pids.max", &(now + 20).to_string()));
    let output = soon(remote.execute_with(&bomb)).await.unwrap();
    assert_eq!(output.status, ExecStatus::TimedOut);
    let output = soon(remote.execute("exit 4")).await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(4));
}
