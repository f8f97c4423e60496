//! Escape attempts from inside, as the user of commands, under each hardening.

use std::net::TcpListener;

use backend_core::{BackendExt, Sandbox, SandboxExt};
use sandbox_docker::{Access, DockerSandbox, Engine, Hardening, Network};

use crate::support::{Cleaner, builder, debian, docker, engine_or_skip};

const BOTH: [Hardening; 2] = [Hardening::Standard, Hardening::Strict];

async fn sandbox(engine: &Engine, hardening: Hardening) -> DockerSandbox {
    builder(engine, debian())
        .hardening(hardening)
        .start()
        .await
        .unwrap()
}

async fn text(sandbox: &DockerSandbox, line: &str) -> String {
    let output = sandbox.execute(line).await.unwrap();
    assert!(output.status.is_success(), "{line}: {}", output.output());
    output.stdout.to_text().trim().to_owned()
}

#[tokio::test]
async fn a_sandbox_has_only_the_rights_that_it_needs() {
    let engine = engine_or_skip!();
    for hardening in BOTH {
        let sandbox = sandbox(&engine, hardening).await;
        let _cleaner = Cleaner::of(&sandbox);
        let status = text(
            &sandbox,
            "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status",
        )
        .await;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let bits = |name: &str| u64::from_str_radix(&field(name), 16).unwrap();
        assert_eq!(field("NoNewPrivs"), "1");
        assert_eq!(field("Seccomp"), "2");
        // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID.
        let allowed = match hardening {
            Hardening::Strict => 0,
            _ => 0b1111_1011,
        };
        for set in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] {
            assert_eq!(bits(set) & !allowed, 0, "{hardening:?} {set}: {status}");
        }
        let user = text(&sandbox, "id -u").await;
        assert_eq!(
            user,
            if hardening == Hardening::Strict {
                "1000"
            } else {
                "0"
            }
        );
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test]
async fn changes_to_the_machine_are_refused() {
    let engine = engine_or_skip!();
    // The control: in a container with few restrictions, the same lines succeed.
    let open = "run -d --cap-add=SYS_ADMIN --security-opt=seccomp=unconfined \
                --security-opt=apparmor=unconfined";
    let image = debian();
    let open: Vec<&str> = open
        .split_whitespace()
        .chain([image.as_str(), "sleep", "600"])
        .collect();
    let open = docker(&open);
    let _open = Cleaner(open.clone());
    for attempt in [
        "mkdir -p /tmp/m",
        "mount -t tmpfs none /tmp/m",
        "mount --bind / /tmp/m",
        "unshare -m true",
        "chroot / true",
        "mknod /tmp/mem c 1 1",
        "hostname other",
        "nsenter -t 1 -m true",
    ] {
        docker(&["exec", &open, "sh", "-c", attempt]);
    }
    for hardening in BOTH {
        let sandbox = sandbox(&engine, hardening).await;
        let _cleaner = Cleaner::of(&sandbox);
        sandbox.execute("mkdir -p /tmp/m").await.unwrap();
        for attempt in [
            "mount -t tmpfs none /tmp/m",
            "mount --bind / /tmp/m",
            "mount -o remount,rw /.agent-backends",
            "unshare -m true",
            "unshare -Ur true",
            "chroot / true",
            "mknod /tmp/m/sda b 8 0 && head -c1 /tmp/m/sda",
            "mknod /tmp/m/mem c 1 1 && head -c1 /tmp/m/mem",
            "echo 1 > /proc/sys/kernel/sysrq",
            "echo x > /proc/sys/kernel/core_pattern",
            "echo b > /proc/sysrq-trigger",
            "echo 1 > /sys/kernel/profiling",
            "echo x > /sys/fs/cgroup/memory/release_agent",
            "echo 1 > /sys/fs/cgroup/pids/pids.max",
            "touch /sys/x",
            "touch /.agent-backends/x",
            "rm /.agent-backends/agent-guest",
            "cp /bin/true /.agent-backends/agent-guest",
            "hostname other",
            "date -s 2001-01-01",
            "head -c1 /proc/kcore",
            "head -c1 /dev/mem",
            "dmesg | head -1 | grep .",
            "nsenter -t 1 -m true && nsenter -t 1 -n -m -p sh -c 'cd /proc/1/root && ls var/lib/docker'",
            "ls /var/run/docker.sock /run/docker.sock",
        ] {
            let output = sandbox.execute(attempt).await.unwrap();
            assert!(
                !output.status.is_success(),
                "{hardening:?}: {attempt}: {}",
                output.output()
            );
        }
        // None of that has harmed it.
        assert_eq!(text(&sandbox, "echo fine").await, "fine");
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_program_with_the_set_user_id_bit_gains_nothing() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian())
        .user("1000:1000")
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    docker(&[
        "exec",
        "-u",
        "0",
        &crate::support::container(&sandbox),
        "sh",
        "-c",
        "cp /usr/bin/id /usr/local/bin/rootid && chmod 4755 /usr/local/bin/rootid",
    ]);
    assert_eq!(text(&sandbox, "rootid -u").await, "1000");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn it_does_not_see_the_host() {
    let engine = engine_or_skip!();
    let secret = format!("secret-{}", std::process::id());
    let mut host_process = std::process::Command::new("sleep")
        .arg("3600")
        .env("HOST_SECRET", &secret)
        .spawn()
        .unwrap();
    for hardening in BOTH {
        let sandbox = sandbox(&engine, hardening).await;
        let _cleaner = Cleaner::of(&sandbox);
        let processes = text(
            &sandbox,
            "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done",
        )
        .await;
        assert!(!processes.contains("sleep 3600"), "{processes}");
        assert!(!processes.contains("dockerd"), "{processes}");
        let environment = text(
            &sandbox,
            "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; env",
        )
        .await;
        assert!(!environment.contains(&secret));
        for variable in ["CARGO", "DOCKER_HOST=", "SSH_", "AWS_"] {
            assert!(
                !environment.lines().any(|line| line.starts_with(variable)),
                "{environment}"
            );
        }
        // No directory of the host, only the few files that the engine itself mounts.
        let mounts = text(&sandbox, "cut -d' ' -f5 /proc/self/mountinfo").await;
        for mount in mounts.lines() {
            let known = [
                "/proc",
                "/dev",
                "/sys",
                "/.agent-backends",
                "/etc/resolv.conf",
                "/etc/hostname",
                "/etc/hosts",
                "/workspace",
                "/tmp",
                "/home/agent",
            ];
            assert!(
                mount == "/" || known.iter().any(|k| mount.starts_with(k)),
                "{mount}"
            );
        }
        let devices = text(&sandbox, "find /dev -type b | wc -l").await;
        assert_eq!(devices, "0");
        sandbox.stop().await.unwrap();
    }
    host_process.kill().unwrap();
    host_process.wait().unwrap();
}

/// A line that prints `reached` if it can connect to an address, with the tools in the image.
fn knock(ip: &str, port: u16) -> String {
    format!(
        "timeout 3 bash -c 'exec 3<>/dev/tcp/{ip}/{port}' 2>/dev/null && echo reached || echo not"
    )
}

#[tokio::test]
async fn without_a_network_nothing_is_reachable_and_with_one_it_is() {
    let engine = engine_or_skip!();
    let bridge = docker(&[
        "network",
        "inspect",
        "bridge",
        "-f",
        "{{range .IPAM.Config}}{{.Gateway}}{{end}}",
    ]);
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for hardening in BOTH {
        let sandbox = sandbox(&engine, hardening).await;
        let _cleaner = Cleaner::of(&sandbox);
        let interfaces = text(&sandbox, "ls /sys/class/net").await;
        // Tunnels exist in every namespace, but are down.
        let up = text(
            &sandbox,
            "for i in /sys/class/net/*; do cat $i/operstate; done | grep -c up || true",
        )
        .await;
        assert_eq!(up, "0", "{interfaces}");
        for ip in ["127.0.0.1", &bridge, "1.1.1.1", "169.254.169.254"] {
            assert_eq!(text(&sandbox, &knock(ip, port)).await, "not", "{ip}");
        }
        let output = sandbox.execute("getent hosts example.com").await.unwrap();
        assert!(!output.status.is_success());
        sandbox.stop().await.unwrap();
    }
    // The control: the test would notice a network.
    let open = builder(&engine, debian())
        .network(Network::HostWithoutIsolation)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&open);
    assert_eq!(text(&open, &knock("127.0.0.1", port)).await, "reached");
    open.stop().await.unwrap();
}

#[tokio::test]
async fn a_read_only_mount_cannot_be_written_to() {
    let engine = engine_or_skip!();
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("a.txt"), "host").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", host.path().join("link")).unwrap();
    let sandbox = builder(&engine, debian())
        .bind(host.path(), "/data", Access::ReadOnly)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    assert_eq!(sandbox.read("/data/a.txt").await.unwrap().text, "host");
    assert!(sandbox.write("/data/a.txt", "x").await.is_err());
    assert!(
        !sandbox
            .execute("echo x > /data/a.txt || rm /data/a.txt")
            .await
            .unwrap()
            .status
            .is_success()
    );
    // A link is resolved inside, and not on the host.
    sandbox.write("/etc/passwd", "inside").await.unwrap();
    assert_eq!(text(&sandbox, "cat /data/link").await, "inside");
    assert_eq!(
        std::fs::read_to_string(host.path().join("a.txt")).unwrap(),
        "host"
    );
    sandbox.stop().await.unwrap();
}
