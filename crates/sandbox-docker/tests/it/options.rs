//! The effect of each option in a real container.

use std::os::unix::fs::PermissionsExt;

use backend_core::{
    Backend, BackendExt, Durability, ErrorKind, Sandbox, SandboxExt, SandboxProvider, SandboxSpec,
};
use sandbox_docker::{
    Access, DockerProvider, DockerSandbox, DockerSandboxBuilder, Engine, Hardening, Network,
    PullPolicy,
};

use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip, id, namespace};

async fn text(sandbox: &DockerSandbox, line: &str) -> String {
    let output = sandbox.execute(line).await.unwrap();
    assert!(output.status.is_success(), "{line}: {}", output.output());
    output.stdout.to_text().trim().to_owned()
}

/// A volume or a network of the engine, removed on drop.
struct Named(&'static str, String);

impl Named {
    fn create(kind: &'static str, part: &str) -> Self {
        let name = format!("agent-backends-test-{part}-{}", std::process::id());
        docker(&[kind, "create", "--label", "agent-backends-test=1", &name]);
        Self(kind, name)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let mut command = std::process::Command::new("docker");
        let _ = command.args([self.0, "rm", &self.1]).output();
    }
}

#[tokio::test]
async fn limits_mounts_and_rights_are_as_requested() {
    let engine = engine_or_skip!();
    let (data, work) = (
        Named::create("volume", "data"),
        Named::create("volume", "work"),
    );
    let sandbox = builder(&engine, debian())
        .read_only_root()
        .volume(&work.1, "/workspace", Access::ReadWrite)
        .volume(&data.1, "/data", Access::ReadOnly)
        .tmpfs("/scratch", 32 << 20)
        .memory(300 << 20)
        .swap(50 << 20)
        .cpus(0.5)
        .pids(100)
        .ulimit("nofile", 777)
        .capability("NET_RAW")
        .device("/dev/loop-control")
        .label("team", "red")
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("kept.txt", "in the volume").await.unwrap();
    let error = sandbox.write("/data/x", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    let error = sandbox.write("/etc/x", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert_eq!(text(&sandbox, "ulimit -n").await, "777");
    let size = "stat -f -c '%T %b %S' /scratch";
    let size = text(&sandbox, size).await;
    let numbers: Vec<u64> = size
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(
        size.starts_with("tmpfs") && numbers[0] * numbers[1] == 32 << 20,
        "{size}"
    );
    let run = "cp /bin/true /scratch/t && /scratch/t && cp /bin/true /tmp/t && /tmp/t && echo ran";
    assert_eq!(text(&sandbox, run).await, "ran");
    let bounds = text(&sandbox, "grep CapBnd /proc/self/status | cut -f2").await;
    let bounds = u64::from_str_radix(&bounds, 16).unwrap();
    assert_eq!(bounds, 0b1111_1011 | 1 << 13, "the list, and NET_RAW");
    assert_eq!(
        text(&sandbox, "test -c /dev/loop-control && echo there").await,
        "there"
    );
    let format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.CpuQuota}} \
                  {{.HostConfig.PidsLimit}} {{.Config.Labels.team}}";
    let seen = docker(&["inspect", "-f", format, &container(&sandbox)]);
    assert_eq!(seen, format!("{} {} 50000 100 red", 300 << 20, 350 << 20));
    sandbox.stop().await.unwrap();

    // The content of a volume outlives its sandbox.
    let next = builder(&engine, debian())
        .volume(&work.1, "/mnt/volume", Access::ReadOnly)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&next);
    assert_eq!(
        next.read("/mnt/volume/kept.txt").await.unwrap().text,
        "in the volume"
    );
    next.stop().await.unwrap();
}

#[tokio::test]
async fn tools_do_not_prompt_and_git_works_in_a_directory_of_another_user() {
    let engine = engine_or_skip!();
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("a.txt"), "a\n").unwrap();
    // The control is in the same container: without the variables, git refuses.
    let _ = std::os::unix::fs::chown(host.path(), Some(4321), Some(4321));
    let sandbox = builder(&engine, debian())
        .bind(host.path(), "/workspace", Access::ReadWrite)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let commit = "git init -q . && git add . && git commit -qm first && git log --format=%an:%s";
    assert_eq!(text(&sandbox, commit).await, "Agent:first");
    let bare = sandbox.execute("env -i PATH=$PATH HOME=/root git commit --allow-empty -qm second");
    assert!(!bare.await.unwrap().status.is_success());
    let said = text(&sandbox, "echo $PAGER $LANG $NO_COLOR $PYTHONUNBUFFERED").await;
    assert_eq!(said, "cat C.UTF-8 1 1");
    let python = "python3 -c 'import locale, sys; print(\"é\", sys.stdout.encoding)'";
    assert_eq!(text(&sandbox, python).await, "é utf-8");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn the_home_of_a_user_unknown_to_the_image_is_the_work_directory() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian())
        .user("1234:1234")
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let line = "touch ~/x && git config --global a.b c && echo $HOME $(id -u)";
    assert_eq!(text(&sandbox, line).await, "/workspace 1234");
    sandbox.stop().await.unwrap();
    let own = builder(&engine, debian()).user("1234").env("HOME", "/tmp");
    let own = own.start().await.unwrap();
    let _cleaner = Cleaner::of(&own);
    assert_eq!(text(&own, "echo $HOME").await, "/tmp");
    own.stop().await.unwrap();
}

#[tokio::test]
async fn a_work_directory_that_the_user_may_not_write_to_is_refused_at_the_start() {
    let engine = engine_or_skip!();
    let host = tempfile::tempdir().unwrap();
    let somebody = |access| {
        let builder = builder(&engine, debian()).user("12345:12345");
        builder.bind(host.path(), "/workspace", access)
    };
    std::fs::set_permissions(host.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = refused(somebody(Access::ReadWrite)).await;
    assert!(
        error.contains("12345") && error.contains("/workspace"),
        "{error}"
    );
    assert!(!error.contains(host.path().to_str().unwrap()), "{error}");
    let reader = somebody(Access::ReadOnly).start().await.unwrap();
    let _cleaner = Cleaner::of(&reader);
    reader.stop().await.unwrap();
    std::fs::set_permissions(host.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let writer = somebody(Access::ReadWrite).start().await.unwrap();
    let _cleaner = Cleaner::of(&writer);
    assert!(
        writer.ls(".").await.unwrap().items.is_empty(),
        "nothing is left of the check"
    );
    writer.stop().await.unwrap();
}

/// Makes sure that a sandbox does not start, and leaves nothing behind. Returns the error message.
async fn refused(builder: DockerSandboxBuilder) -> String {
    let sandbox = builder.build().unwrap();
    let error = sandbox.ensure_started().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    let name = format!("name={}", container(&sandbox));
    assert_eq!(docker(&["ps", "-aq", "--filter", &name]), "", "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_start_that_the_engine_refuses_has_its_reason_and_leaves_nothing() {
    let engine = engine_or_skip!();
    let plain = || builder(&engine, debian());
    let error = refused(plain().oci_runtime("no-such-runtime")).await;
    assert!(error.contains("no-such-runtime"), "{error}");
    let by_name = plain().oci_runtime("runc").start().await.unwrap();
    let _cleaner = Cleaner::of(&by_name);
    by_name.stop().await.unwrap();
    let missing = "/nowhere/at-all";
    let error = refused(plain().bind(missing, "/data", Access::ReadOnly)).await;
    assert!(
        error.contains("does not exist") && !error.contains(missing),
        "{error}"
    );
    let error = refused(plain().user("nobody-of-this-name")).await;
    assert!(error.contains("nobody-of-this-name"), "{error}");
    refused(plain().network(Network::Named("no-such-network".to_owned()))).await;
    refused(plain().device("/dev/no-such-device")).await;
    let error =
        refused(builder(&engine, "agent-backends-test/no-such:image").pull(PullPolicy::Never))
            .await;
    assert!(error.contains("may not pull it"), "{error}");
    let error = refused(plain().guest(b"#!/bin/sh\n".to_vec())).await;
    assert!(error.contains("not a Linux program"), "{error}");
}

#[tokio::test]
async fn variables_that_no_program_takes_are_refused_before_there_is_a_container() {
    let engine = engine_or_skip!();
    let most = (128 << 10) - "LONG=".len() - 1;
    let with = |bytes: usize| builder(&engine, debian()).env("LONG", "x".repeat(bytes));
    let error = with(most + 1).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(error.to_string().contains("'LONG'"), "{error}");
    let mut many = builder(&engine, debian());
    for number in 0..20 {
        many = many.env(format!("N{number}"), "x".repeat(100_000));
    }
    let error = many.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    // Through a provider, too.
    let provider = DockerProvider::builder(builder(&engine, debian()))
        .namespace(namespace())
        .connect()
        .await
        .unwrap();
    let mut spec = SandboxSpec::new(id("long"));
    spec.env.insert("LONG".to_owned(), "x".repeat(most + 1));
    let error = provider.create(&spec).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(!provider.list().await.unwrap().contains(&id("long")));

    // A command with such a variable does not create a container, either.
    let sandbox = with(most).build().unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let request = backend_core::ExecRequest::shell("echo ${#LONG} ${#MORE}");
    let long = request.clone().env("MORE", "y".repeat(most + 1));
    for error in [
        sandbox.execute_with(&long).await.unwrap_err(),
        sandbox.spawn_with(&long).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    }
    let name = format!("name={}", container(&sandbox));
    assert_eq!(docker(&["ps", "-aq", "--filter", &name]), "");
    // The longest allowed one works end to end.
    let request = request.env("MORE", "y".repeat(most));
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.output(), format!("{most} {most}\n"));
    sandbox.stop().await.unwrap();
}

/// Serves files by HTTP in the background.
async fn serve(sandbox: &DockerSandbox) {
    sandbox.write("index.html", "served").await.unwrap();
    sandbox
        .spawn("exec python3 -m http.server 8080")
        .await
        .unwrap();
    let get = "python3 -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:8080')\"";
    while !sandbox.execute(get).await.unwrap().status.is_success() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_reachable_only_from_this_machine() {
    let engine = engine_or_skip!();
    let error = builder(&engine, debian()).port(80).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let sandbox = builder(&engine, debian())
        .network(Network::Bridge)
        .port(8080);
    let sandbox = match sandbox.start().await {
        Ok(sandbox) => sandbox,
        // An engine without a bridge has no ports.
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let _cleaner = Cleaner::of(&sandbox);
    let address = sandbox.port(8080).await.unwrap();
    assert!(address.ip().is_loopback() && address.port() != 0);
    serve(&sandbox).await;
    assert!(fetch(address).await.ends_with("served"));
    assert_eq!(
        sandbox.port(81).await.unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
    sandbox.stop().await.unwrap();
}

async fn fetch(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_on_a_network_by_name_reach_each_other_and_one_without_does_not() {
    let engine = engine_or_skip!();
    let network = Named::create("network", "net");
    let on = |engine: &Engine| builder(engine, debian()).network(Network::Named(network.1.clone()));
    let server = on(&engine).start().await.unwrap();
    let _cleaner = Cleaner::of(&server);
    serve(&server).await;
    let ip = text(&server, "hostname -i").await;
    let get = format!(
        "python3 -c \"import urllib.request as r; print(r.urlopen('http://{ip}:8080', timeout=5).read())\""
    );
    let client = on(&engine).start().await.unwrap();
    let _cleaner = Cleaner::of(&client);
    assert_eq!(text(&client, &get).await, "b'served'");
    let lonely = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&lonely);
    assert!(!lonely.execute(&get).await.unwrap().status.is_success());
    for sandbox in [server, client, lonely] {
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test]
async fn files_in_memory_are_not_durable() {
    let engine = engine_or_skip!();
    let full = || builder(&engine, debian()).durability(Durability::Full);
    let size = 8 << 20;
    for (name, template, durable) in [
        ("on-disk", full(), true),
        ("durable-strict", full().hardening(Hardening::Strict), false),
        ("chosen", full().tmpfs("/workspace", size), false),
        ("elsewhere", full().tmpfs("/other", size), true),
    ] {
        let provider = DockerProvider::builder(template).namespace(namespace());
        let provider = provider.connect().await.unwrap();
        let made = provider.create(&SandboxSpec::new(id(name))).await.unwrap();
        let _cleaner = Cleaner::of(&made);
        assert_eq!(made.capabilities().durable, durable, "{name}");
        let found = provider.attach(&id(name)).await.unwrap();
        assert_eq!(found.capabilities().durable, durable, "{name}");
        provider.destroy(&id(name)).await.unwrap();
    }
}

#[tokio::test]
async fn the_settings_for_a_manager_are_stored_on_the_container() {
    let engine = engine_or_skip!();
    let (lease, idle) = (
        std::time::Duration::from_secs(3600),
        std::time::Duration::from_secs(90),
    );
    let template = builder(&engine, debian()).lease(lease).idle_timeout(idle);
    let provider = DockerProvider::builder(template)
        .namespace(namespace())
        .connect()
        .await
        .unwrap();
    let made = provider
        .create(&SandboxSpec::new(id("hints")))
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&made);
    assert_eq!(made.idle_timeout(), Some(idle));
    let found = provider.attach(&id("hints")).await.unwrap();
    assert_eq!(found.idle_timeout(), Some(idle));
    let labels = docker(&[
        "inspect",
        "-f",
        "{{json .Config.Labels}}",
        &container(&made),
    ]);
    for label in [
        "\"agent-backends.lease\":\"3600\"",
        "\"agent-backends.idle-timeout\":\"90\"",
        "\"agent-backends.lifetime\":\"kept\"",
        "\"agent-backends.host\":\"",
        "\"agent-backends.boot\":\"",
        "\"agent-backends.started\":\"",
        &format!("\"agent-backends.pid\":\"{}\"", std::process::id()),
    ] {
        assert!(labels.contains(label), "{label}: {labels}");
    }
    provider.destroy(&id("hints")).await.unwrap();
}
