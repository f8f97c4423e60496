//! A private engine of a test, which may restart, kill or stop it, and fill its disk.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sandbox_docker::Engine;

/// The empty image that [`Dockerd::import_empty`] creates.
pub(crate) const EMPTY: &str = "empty:latest";

/// Reports that a private engine is not available, and fails if one is required.
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
    /// Starts an engine, if possible.
    pub(crate) async fn start(options: &[&str]) -> Option<(Self, Engine)> {
        Self::start_on(options, None).await
    }

    /// Starts an engine with its own small disk of this many bytes, if possible.
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

    /// Starts it again on its existing data.
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

    /// Its address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its data directory.
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

    /// Runs the engine's own client against it, for a command that need not succeed. Returns the output, if it ends in time.
    pub(crate) fn try_docker(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("timeout")
            .args(["15", "docker", "-H", &self.address])
            .args(arguments)
            .output();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Resumes the container with this engine id, if it is paused. An engine that was asked to pause a container while starting
    /// it may hang; then the container is thawed directly.
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
            // One of these, depending on the cgroup version.
            let _ = std::fs::write(format!("/sys/fs/cgroup/{file}"), thawed);
        }
    }

    /// Imports an empty image from an empty archive.
    pub(crate) fn import_empty(&self) {
        let empty = self.directory.path().join("empty.tar");
        std::fs::write(&empty, [0; 1024]).unwrap();
        self.docker(&["import", empty.to_str().unwrap(), EMPTY]);
    }

    /// Terminates it, which ends its containers unless it keeps them, and waits.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let _ = self.child.wait();
    }

    /// Kills it. Its containers continue for now.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        // Its containerd ends with it. Wait until it is gone, so that no orphaned process is left.
        let file = self.directory.path().join("exec/containerd/containerd.pid");
        let Ok(pid) = std::fs::read_to_string(&file) else {
            return;
        };
        while lives(pid.trim()) {
            std::thread::yield_now();
        }
        let _ = std::fs::remove_file(file);
    }

    /// Ends it and everything it started, as a reboot of its machine would.
    pub(crate) async fn reboot(&mut self) -> Engine {
        self.kill();
        end_containers_below(self.directory.path());
        let volatile = self.directory.path().join("exec");
        unmount_below(&volatile);
        unmount_below(&self.directory.path().join("data/overlay2"));
        let _ = std::fs::remove_dir_all(volatile);
        self.start_again().await
    }

    /// Sends it a signal: after `STOP` the engine accepts connections but does not answer, until `CONT`.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Its own disk.
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
        // A test failed. Otherwise an engine that keeps its containers would leave them for good.
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

/// Returns whether a process exists and has not ended.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

fn run(directory: &Path, options: &[String]) -> Child {
    let at = |name: &str| directory.join(name).display().to_string();
    // In its own network namespace: an engine that starts without a bridge removes that of every other one.
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

/// A killed engine leaves its containers and their shims running.
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

/// An engine may leave mounts behind, which prevent its directory from being removed.
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

/// A small disk that can be filled.
pub(crate) struct Disk {
    ballast: PathBuf,
}

impl Disk {
    /// Mounts a file of this many bytes below a directory, as `data`, if possible.
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

    /// Takes all free space.
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
        // Data that is not on the disk yet may turn out not to fit.
        let _ = ballast.sync_all();
    }

    /// Frees it.
    pub(crate) fn empty(&self) {
        let _ = std::fs::remove_file(&self.ballast);
    }
}
