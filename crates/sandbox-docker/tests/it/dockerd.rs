//! An engine of a test's own, which it may restart, kill, stop in its tracks, and whose disk it may fill.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sandbox_docker::Engine;

/// The image that [`Dockerd::import_empty`] makes: there is nothing in it at all.
pub(crate) const EMPTY: &str = "empty:latest";

/// Says that a test needs an engine of its own that cannot be had, and fails where there has to be one.
fn skip(why: &str) {
    let required = std::env::var_os("AGENT_BACKENDS_REQUIRE_DOCKER").is_some_and(|v| v == "1");
    assert!(!required, "AGENT_BACKENDS_REQUIRE_DOCKER=1, and {why}");
    eprintln!("skipped: {why}");
}

pub(crate) struct Dockerd {
    child: Child,
    address: String,
    options: Vec<String>,
    disk: Option<Disk>,
    directory: tempfile::TempDir,
}

impl Dockerd {
    /// Starts an engine, where that can be done.
    pub(crate) async fn start(options: &[&str]) -> Option<(Self, Engine)> {
        Self::start_on(options, None).await
    }

    /// Starts an engine that has a small disk of so many bytes for itself, where that can be done.
    pub(crate) async fn start_on(options: &[&str], disk: Option<u64>) -> Option<(Self, Engine)> {
        let root = rustix::process::geteuid().is_root();
        if !root || Command::new("dockerd").arg("--version").output().is_err() {
            skip("a second engine needs root and dockerd");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let disk = match disk {
            Some(bytes) => Some(Disk::mount(directory.path(), bytes)?),
            None => None,
        };
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let child = run(directory.path(), &options);
        let mut this = Self {
            child,
            address: format!("unix://{}", directory.path().join("s").display()),
            options,
            disk,
            directory,
        };
        let engine = this.engine().await?;
        Some((this, engine))
    }

    /// Starts it again, on what it left.
    pub(crate) async fn start_again(&mut self) -> Engine {
        self.child = run(self.directory.path(), &self.options);
        self.engine()
            .await
            .expect("the engine does not start again")
    }

    /// Connects to it as soon as it answers.
    async fn engine(&mut self) -> Option<Engine> {
        loop {
            if let Ok(engine) = Engine::connect_to(&self.address).await {
                return Some(engine);
            }
            if self.child.try_wait().unwrap().is_some() {
                let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
                skip(&format!("a second engine does not start: {log}"));
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Where it is reached.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where it keeps everything.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs the engine's own client against it.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let docker = Command::new("docker")
            .args(["-H", &self.address])
            .args(arguments)
            .output();
        let docker = docker.unwrap();
        assert!(docker.status.success(), "{docker:?}");
        String::from_utf8(docker.stdout).unwrap().trim().to_owned()
    }

    /// Runs the engine's own client against it, for something that need not succeed. Returns its answer, if there is one in time.
    pub(crate) fn try_docker(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("timeout")
            .args(["15", "docker", "-H", &self.address])
            .args(arguments)
            .output();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Lets the container go on that has this name of the engine's own, if it is paused. An engine that was asked to pause it while it
    /// was starting it may hang on it; it is then helped.
    pub(crate) fn unpause(&self, key: &str) {
        if self.try_docker(&["unpause", key]).is_some() {
            return;
        }
        for (file, thawed) in [
            (format!("freezer/docker/{key}/freezer.state"), "THAWED"),
            (format!("docker/{key}/cgroup.freeze"), "0"),
            (
                format!("system.slice/docker-{key}.scope/cgroup.freeze"),
                "0",
            ),
        ] {
            // It is one of these, by the version of control groups.
            let _ = std::fs::write(format!("/sys/fs/cgroup/{file}"), thawed);
        }
    }

    /// Gives it an image with nothing in it, of an archive with nothing in it.
    pub(crate) fn import_empty(&self) {
        let empty = self.directory.path().join("empty.tar");
        std::fs::write(&empty, [0; 1024]).unwrap();
        self.docker(&["import", empty.to_str().unwrap(), EMPTY]);
    }

    /// Asks it to end, which ends its containers unless it is to leave them, and waits.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let _ = self.child.wait();
    }

    /// Ends it without a word. Its containers go on for now.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        // What it had started for itself dies with it, and is not there any more for whoever waits for processes that are nobody's.
        let file = self.directory.path().join("exec/containerd/containerd.pid");
        let Ok(pid) = std::fs::read_to_string(&file) else {
            return;
        };
        while lives(pid.trim()) {
            std::thread::yield_now();
        }
        let _ = std::fs::remove_file(file);
    }

    /// Ends it and all that it started, as when its machine is started again.
    pub(crate) async fn reboot(&mut self) -> Engine {
        self.kill();
        end_containers_below(self.directory.path());
        let volatile = self.directory.path().join("exec");
        unmount_below(&volatile);
        unmount_below(&self.directory.path().join("data/overlay2"));
        let _ = std::fs::remove_dir_all(volatile);
        self.start_again().await
    }

    /// Sends it a signal: `STOP` makes an engine that accepts connections and says nothing, until `CONT`.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// The disk that it has for itself.
    pub(crate) fn disk(&self) -> &Disk {
        self.disk
            .as_ref()
            .expect("an engine with a disk for itself")
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("log"));
            let log = log.unwrap_or_default();
            for line in log
                .lines()
                .rev()
                .filter(|l| l.contains("level=error"))
                .take(20)
            {
                eprintln!("the engine: {line}");
            }
        }
        // Of a test that failed. One that leaves its containers would leave them for good.
        self.signal(Signal::CONT);
        if let Some(disk) = &self.disk {
            disk.empty();
        }
        let docker = |arguments: &[&str]| {
            let mut docker = Command::new("docker");
            docker.args(["-H", &self.address]).args(arguments).output()
        };
        if let Ok(left) = docker(&["ps", "-aq"]) {
            for container in String::from_utf8_lossy(&left.stdout).lines() {
                let _ = docker(&["rm", "-f", container]);
            }
        }
        self.stop();
        end_containers_below(self.directory.path());
        unmount_below(self.directory.path());
    }
}

/// Returns whether a process is there and has not ended.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

fn run(directory: &Path, options: &[String]) -> Child {
    let at = |name: &str| directory.join(name).display().to_string();
    // In a network namespace of its own: an engine that starts without a bridge removes that of every other one.
    Command::new("unshare")
        .args(["--net", "--", "dockerd"])
        .args([
            "--data-root",
            &at("data"),
            "--exec-root",
            &at("exec"),
            "--pidfile",
            &at("pid"),
        ])
        .args(["-H", &format!("unix://{}", at("s"))])
        .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
        .args(options)
        .stdout(Stdio::null())
        .stderr(
            std::fs::File::options()
                .append(true)
                .create(true)
                .open(directory.join("log"))
                .unwrap(),
        )
        .spawn()
        .unwrap()
}

/// An engine that was killed leaves its containers running, and those that look after them.
fn end_containers_below(directory: &Path) {
    let marked = format!("{}/", directory.display());
    for pid in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let file = |name: &str| std::fs::read_to_string(pid.path().join(name)).unwrap_or_default();
        let line = file("cmdline");
        let name = pid.file_name().to_string_lossy().into_owned();
        if !line.contains("containerd-shim") || !line.contains(&marked) {
            continue;
        }
        let children = file(&format!("task/{name}/children"));
        for pid in children.split_whitespace().chain([name.as_str()]) {
            if let Some(pid) = pid.parse().ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// An engine may leave mounts behind, without which its directory cannot be removed.
fn unmount_below(directory: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for mount in mounts
        .lines()
        .rev()
        .filter_map(|line| line.split(' ').nth(1))
    {
        if Path::new(mount).starts_with(directory) {
            let _ = Command::new("umount").args(["-l", mount]).output();
        }
    }
}

/// A small disk, which can be filled.
pub(crate) struct Disk {
    ballast: PathBuf,
}

impl Disk {
    /// Mounts a file of so many bytes below a directory, as `data`, where that can be done.
    fn mount(directory: &Path, bytes: u64) -> Option<Self> {
        let (image, data) = (directory.join("disk"), directory.join("data"));
        std::fs::create_dir(&data).unwrap();
        std::fs::File::create(&image)
            .and_then(|file| file.set_len(bytes))
            .unwrap();
        let ran = |command: &mut Command| {
            let output = command.output();
            output.is_ok_and(|output| output.status.success())
        };
        let made = ran(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        let mounted = made
            && ran(Command::new("mount")
                .args(["-o", "loop"])
                .args([&image, &data]));
        if !mounted {
            skip("a disk for an engine needs mkfs.ext4 and loop devices");
            return None;
        }
        Some(Self {
            ballast: data.join("ballast"),
        })
    }

    /// Takes all that is free.
    pub(crate) fn fill(&self) {
        use rustix::fs::{FallocateFlags, fallocate};

        let ballast = std::fs::File::create(&self.ballast).unwrap();
        let (mut taken, mut size) = (0, 1 << 30);
        while size > 0 {
            if fallocate(&ballast, FallocateFlags::empty(), taken, size).is_ok() {
                taken += size;
            } else {
                size /= 2;
            }
        }
        // What is not on the disk yet may turn out not to fit.
        let _ = ballast.sync_all();
    }

    /// Gives it back.
    pub(crate) fn empty(&self) {
        let _ = std::fs::remove_file(&self.ballast);
    }
}
