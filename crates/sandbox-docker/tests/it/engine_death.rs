//! An engine that goes away while a sandbox is in use. It is one of its own, which the test starts and ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use backend_core::{
    BackendExt, ErrorKind, ExecRequest, Sandbox, SandboxId, SandboxProvider, SandboxSpec,
};
use sandbox_docker::{DockerProvider, DockerSandbox, Engine, Lifetime};

const SOON: Duration = Duration::from_secs(30);

/// The one program in an image with nothing in it, as one that does not end. It makes its socket when it runs.
const FOREVER: [&str; 4] = [
    "/.agent-backends/agent-guest",
    "init",
    "--socket",
    "/dev/shm/other",
];

struct Dockerd {
    child: Child,
    address: String,
    directory: tempfile::TempDir,
}

impl Dockerd {
    /// Starts an engine, where that can be done.
    async fn start(options: &[&str]) -> Option<(Self, Engine)> {
        Self::start_on("", options).await
    }

    /// Starts an engine that keeps everything in a directory; in one of its own, if that is empty.
    async fn start_on(data: &str, options: &[&str]) -> Option<(Self, Engine)> {
        let root = rustix::process::geteuid().is_root();
        if !root || Command::new("dockerd").arg("--version").output().is_err() {
            eprintln!("skipped: a second engine needs root and dockerd");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let address = format!("unix://{}", directory.path().join("s").display());
        let child = run(directory.path(), data, options);
        let mut this = Self {
            child,
            address,
            directory,
        };
        let engine = this.engine().await?;
        Some((this, engine))
    }

    /// Starts it again, on what it left.
    async fn start_again(&mut self, options: &[&str]) -> Engine {
        self.child = run(self.directory.path(), "", options);
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
                eprintln!("skipped: a second engine does not start: {log}");
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let docker = Command::new("docker")
            .args(["-H", &self.address])
            .args(arguments)
            .output();
        let docker = docker.unwrap();
        assert!(docker.status.success(), "{docker:?}");
        String::from_utf8(docker.stdout).unwrap().trim().to_owned()
    }

    /// Gives it an image with nothing in it, of an archive with nothing in it.
    fn import_empty(&self) {
        let empty = self.directory.path().join("empty.tar");
        std::fs::write(&empty, [0; 1024]).unwrap();
        self.docker(&["import", empty.to_str().unwrap(), "empty:latest"]);
    }

    /// Asks it to end, which ends its containers unless it is to leave them, and waits.
    fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // Of a test that failed. One that leaves its containers would leave them for good.
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
        unmount_below(self.directory.path());
    }
}

fn run(directory: &Path, data: &str, options: &[&str]) -> Child {
    let at = |name: &str| directory.join(name).display().to_string();
    let own = at("data");
    let data = if data.is_empty() { &own } else { data };
    // In a network namespace of its own: an engine that starts without a bridge removes that of every other one.
    Command::new("unshare")
        .args(["--net", "--", "dockerd"])
        .args([
            "--data-root",
            data,
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
    let Some((mut dockerd, engine)) = Dockerd::start(&[]).await else {
        return;
    };
    dockerd.import_empty();
    let sandbox = DockerSandbox::builder("empty:latest")
        .engine(engine.clone())
        .start()
        .await
        .unwrap();
    sandbox.write("a", "x").await.unwrap();
    let command = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { sandbox.execute_with(&ExecRequest::argv(FOREVER)).await })
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
    assert!(!sandbox.liveness().await.is_alive());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_is_kept_does_not_come_back_empty_with_its_engine() {
    let Some((mut dockerd, engine)) = Dockerd::start(&[]).await else {
        return;
    };
    dockerd.import_empty();
    let provider = |engine| {
        let template = DockerSandbox::builder("empty:latest").engine(engine);
        DockerProvider::builder(template).connect()
    };
    let name = SandboxId::parse("kept").unwrap();
    let before = provider(engine).await.unwrap();
    let sandbox = before
        .create(&SandboxSpec::new(name.clone()))
        .await
        .unwrap();
    sandbox.write("a", "x").await.unwrap();
    dockerd.stop();
    let engine = dockerd.start_again(&[]).await;
    let error = sandbox.read("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!sandbox.liveness().await.is_alive());
    assert_eq!(dockerd.docker(&["ps", "-q"]), "", "nothing takes its place");
    let after = provider(engine).await.unwrap();
    assert_eq!(after.list().await.unwrap(), std::slice::from_ref(&name));
    let resumed = after.resume(&name).await.unwrap();
    assert_eq!(resumed.read("a").await.unwrap().text, "x");
    let error = sandbox.read("a").await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Unavailable,
        "gone is gone: {error}"
    );
    after.destroy(&name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_outlives_an_engine_that_lets_it() {
    let options = ["--live-restore"];
    let Some((mut dockerd, engine)) = Dockerd::start(&options).await else {
        return;
    };
    dockerd.import_empty();
    let sandbox = DockerSandbox::builder("empty:latest").engine(engine);
    let sandbox = sandbox.lifetime(Lifetime::Kept).start().await.unwrap();
    sandbox.write("a", "x").await.unwrap();
    let process = sandbox
        .spawn_with(&ExecRequest::argv(FOREVER))
        .await
        .unwrap();
    dockerd.stop();
    let soon = |what| tokio::time::timeout(SOON, what);
    let error = soon(sandbox.read("a")).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    dockerd.start_again(&options).await;
    let back = async { while sandbox.read("a").await.is_err() {} };
    tokio::time::timeout(SOON, back)
        .await
        .expect("it does not come back");
    assert_eq!(sandbox.read("a").await.unwrap().text, "x");
    assert_eq!(sandbox.processes().await.unwrap()[0].id, process.id);
    sandbox.destroy().await.unwrap();
}

#[tokio::test]
async fn where_there_is_no_engine_it_says_what_to_do() {
    for address in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let error = Engine::connect_to(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{address}");
        assert!(error.to_string().contains("is it running?"), "{error}");
        assert!(!error.to_string().contains("nowhere"), "{error}");
    }
    for address in [
        "",
        "docker",
        "gopher://x",
        "/var/run/docker.sock",
        "ssh://host",
    ] {
        let error = Engine::connect_to(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{address}");
    }
}

/// Gives an engine a disk of its own that is nearly full of other things.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    /// Makes the disk, where that can be done.
    fn mount(megabytes: u64) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (image, at) = (directory.path().join("disk"), directory.path().join("at"));
        std::fs::create_dir(&at).unwrap();
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(megabytes << 20).unwrap();
        let run = |program: &str, arguments: &[&std::ffi::OsStr]| {
            let mut command = Command::new(program);
            let output = command.args(arguments).output();
            output.is_ok_and(|output| output.status.success())
        };
        let made = run("mkfs.ext4", &["-q".as_ref(), image.as_ref()])
            && run(
                "mount",
                &["-o".as_ref(), "loop".as_ref(), image.as_ref(), at.as_ref()],
            );
        if !made {
            let required = std::env::var_os("AGENT_BACKENDS_REQUIRE_DISKS");
            assert!(
                required.is_none_or(|value| value != "1"),
                "no disk can be made"
            );
            eprintln!("skipped: a small disk needs root, mkfs.ext4 and loop devices");
            return None;
        }
        Some(Self { directory })
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("at")
    }

    /// Fills it to the last byte and the last file.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.path().join("filler")).unwrap();
        let mut block = vec![0; 1 << 20];
        while !block.is_empty() {
            if file.write_all(&block).is_err() {
                block.truncate(block.len() / 2);
            }
        }
        for number in 0.. {
            if std::fs::create_dir(self.path().join(format!("filler-{number}"))).is_err() {
                break;
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .args(["-l".as_ref(), self.path().as_os_str()])
            .output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_engine_is_its_own_and_names_none_of_its_directories() {
    let Some(disk) = SmallDisk::mount(200) else {
        return;
    };
    let data = disk.path().join("data").display().to_string();
    let Some((dockerd, engine)) = Dockerd::start_on(&data, &[]).await else {
        return;
    };
    dockerd.import_empty();
    let start = || {
        DockerSandbox::builder("empty:latest")
            .engine(engine.clone())
            .start()
    };
    let first = start().await.unwrap();
    first.write("a", "x").await.unwrap();
    disk.fill();
    let error = start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let text = error.to_string();
    assert!(text.contains("full"), "{text}");
    let directory = disk.path().display().to_string();
    assert!(
        !text.contains(&directory) && !text.contains("overlay"),
        "{text}"
    );
    // Building runs into the same.
    let runtime = backend_core::RuntimeConfig::builder("full")
        .base_image("empty:latest")
        .setup("true")
        .build()
        .unwrap();
    let images = sandbox_docker::Images::new(engine.clone());
    let error = images.build(&runtime, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let text = error.to_string();
    assert!(!text.contains(&directory), "{text}");
    // What was there is not lost by that.
    assert_eq!(first.read("a").await.unwrap().text, "x");
    first.stop().await.unwrap();
}
