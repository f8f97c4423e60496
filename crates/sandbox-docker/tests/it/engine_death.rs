//! An engine that goes away while a sandbox is in use. It is one of its own, which the test starts and ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use backend_core::{BackendExt, ErrorKind, ExecRequest, Sandbox};
use sandbox_docker::{DockerSandbox, Engine};

const SOON: Duration = Duration::from_secs(30);

struct Dockerd {
    child: Child,
    address: String,
    directory: tempfile::TempDir,
}

impl Dockerd {
    /// Starts an engine, where that can be done.
    async fn start() -> Option<(Self, Engine)> {
        let root = rustix::process::geteuid().is_root();
        if !root || Command::new("dockerd").arg("--version").output().is_err() {
            eprintln!("skipped: a second engine needs root and dockerd");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let address = format!("unix://{}", at("s"));
        // In a network namespace of its own: an engine that starts without a bridge removes that of every other one.
        let child = Command::new("unshare")
            .args(["--net", "--", "dockerd"])
            .args([
                "--data-root",
                &at("data"),
                "--exec-root",
                &at("exec"),
                "--pidfile",
                &at("pid"),
            ])
            .args([
                "-H",
                &address,
                "--bridge=none",
                "--iptables=false",
                "--ip-forward=false",
            ])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut this = Self {
            child,
            address,
            directory,
        };
        loop {
            if let Ok(engine) = Engine::connect_to(&this.address).await {
                return Some((this, engine));
            }
            if this.child.try_wait().unwrap().is_some() {
                let log = std::fs::read_to_string(this.directory.path().join("log")).unwrap();
                eprintln!("skipped: a second engine does not start: {log}");
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks it to end, which ends its containers, and waits.
    fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.stop();
        unmount_below(self.directory.path());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_whose_engine_ends_is_unavailable_at_once() {
    let Some((mut dockerd, engine)) = Dockerd::start().await else {
        return;
    };
    // An image with nothing in it, of an archive with nothing in it.
    let empty = dockerd.directory.path().join("empty.tar");
    std::fs::write(&empty, [0; 1024]).unwrap();
    let import = Command::new("docker")
        .args([
            "-H",
            &dockerd.address,
            "import",
            empty.to_str().unwrap(),
            "empty:latest",
        ])
        .output()
        .unwrap();
    assert!(import.status.success(), "{import:?}");

    let sandbox = DockerSandbox::builder("empty:latest")
        .engine(engine.clone())
        .start()
        .await
        .unwrap();
    sandbox.write("a", "x").await.unwrap();
    let command = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move {
            let forever = [
                "/.agent-backends/agent-guest",
                "init",
                "--socket",
                "/dev/shm/other",
            ];
            sandbox.execute_with(&ExecRequest::argv(forever)).await
        })
    };
    while !sandbox.exists("/dev/shm/other").await.unwrap() {
        tokio::task::yield_now().await;
    }
    dockerd.stop();
    let soon = |what| tokio::time::timeout(SOON, what);
    let error = soon(command).await.expect("it hangs").unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let begun = std::time::Instant::now();
    let error = sandbox.read("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    println!("{error} ({:?})", begun.elapsed());
    assert!(!sandbox.is_alive().await);
    let error = DockerSandbox::builder("empty:latest")
        .engine(engine)
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = error.to_string();
    assert!(
        text.contains("is it running?") && text.contains("DOCKER_HOST"),
        "{text}"
    );
    assert!(
        !text.contains(dockerd.directory.path().to_str().unwrap()),
        "{text}"
    );
}

#[tokio::test]
async fn where_there_is_no_engine_it_says_what_to_do() {
    for address in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let error = Engine::connect_to(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{address}");
        assert!(error.to_string().contains("is it running?"), "{error}");
        assert!(!error.to_string().contains("nowhere"), "{error}");
    }
    for address in ["", "docker", "gopher://x", "/var/run/docker.sock"] {
        let error = Engine::connect_to(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{address}");
    }
}
