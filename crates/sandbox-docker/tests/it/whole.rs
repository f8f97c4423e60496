//! Operations on a whole container: copies, snapshots, resource usage and logs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use backend_core::{
    Backend, BackendExt, Durability, ErrorKind, RuntimeConfig, Sandbox, SandboxExt,
    SandboxProvider, SandboxSpec,
};
use sandbox_docker::{DockerProvider, Hardening, PullPolicy};

use crate::support::{
    Cleaner, builder, container, debian, docker, engine_or_skip, id, namespace, scratch,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_copied_in_and_out_as_it_is() {
    let engine = engine_or_skip!();
    let host = tempfile::tempdir().unwrap();
    let from = host.path().join("from");
    fs::create_dir_all(from.join("sub/deep")).unwrap();
    fs::write(from.join("run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(from.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(from.join("sub/deep/üñí.bin"), [0, 255, 10, 13]).unwrap();
    fs::write(from.join("large"), vec![7; 3 << 20]).unwrap();
    symlink("sub/deep", from.join("link")).unwrap();
    let long = format!("sub/{}", "l".repeat(180));
    fs::write(from.join(&long), "long").unwrap();

    let root = builder(&engine, debian());
    let somebody = builder(&engine, debian()).user("1234:1234");
    let strict = builder(&engine, debian()).hardening(Hardening::Strict);
    for (builder, user) in [(root, "0"), (somebody, "1234"), (strict, "1000")] {
        let sandbox = builder.start().await.unwrap();
        let _cleaner = Cleaner::of(&sandbox);
        let copied = sandbox.copy_in(&from, "tree").await.unwrap();
        assert_eq!((copied.files, copied.skipped), (4, 0), "{copied:?}");
        let line = "./tree/run.sh && stat -c %u tree/run.sh tree/sub/deep && readlink tree/link && echo more > tree/link/new";
        let output = sandbox.execute(line).await.unwrap();
        assert_eq!(output.output(), format!("ran\n{user}\n{user}\nsub/deep\n"));
        let bytes = sandbox.read_bytes("tree/sub/deep/üñí.bin").await.unwrap();
        assert_eq!(&bytes[..], [0, 255, 10, 13]);

        // Entries that are not allowed outside are skipped.
        let line = "ln -s /etc/passwd tree/out; ln -s ../../.. tree/up; mkfifo tree/fifo; ln tree/large tree/twin";
        sandbox.execute(line).await.unwrap();
        let to = host.path().join(format!("to-{user}"));
        let copied = sandbox.copy_out("tree", &to, 100 << 20).await.unwrap();
        assert_eq!((copied.files, copied.skipped), (6, 3), "{copied:?}");
        assert_eq!(fs::read(to.join("twin")).unwrap(), vec![7; 3 << 20]);
        assert_eq!(fs::read_to_string(to.join("link/new")).unwrap(), "more\n");
        assert_eq!(fs::read_to_string(to.join(&long)).unwrap(), "long");
        let mode = fs::metadata(to.join("run.sh"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
        assert!(!to.join("out").exists() && !to.join("up").exists() && !to.join("fifo").exists());

        let error = sandbox
            .copy_out("tree", host.path().join("no"), 1000)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let error = sandbox
            .copy_out("missing", host.path().join("no"), 1000)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = sandbox
            .copy_out("tree/large", host.path().join("no"), 1000)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        let error = sandbox
            .copy_in(host.path().join("missing"), "x")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!error.to_string().contains("missing"), "{error}");
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copying_into_an_empty_image_works_except_in_memory() {
    let engine = engine_or_skip!();
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("a"), "a").unwrap();
    let sandbox = builder(&engine, scratch()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.copy_in(host.path(), ".").await.unwrap();
    assert_eq!(sandbox.read("a").await.unwrap().text, "a");
    sandbox.copy_in(host.path(), "/development").await.unwrap();
    let error = sandbox.copy_in(host.path(), "/dev/shm/x").await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
    sandbox.stop().await.unwrap();

    let strict = builder(&engine, scratch())
        .hardening(Hardening::Strict)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&strict);
    let error = strict.copy_in(host.path(), ".").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    strict.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_the_files_and_none_of_the_secrets_in_its_environment() {
    let engine = engine_or_skip!();
    let name = format!("agent-backends-test/snapshot-{}", std::process::id());
    let runtime = RuntimeConfig::builder("secretive")
        .image(debian())
        .env("RUNTIME_TOKEN", "s3cret-value-of-the-runtime")
        .env("PATH", "/s3cret-value:/usr/bin:/bin")
        .build()
        .unwrap();
    let sandbox = builder(&engine, debian())
        .runtime(runtime)
        .id(id("to-be-copied"))
        .env("TOKEN", "s3cret-value")
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("state.txt", "as it was\n").await.unwrap();
    sandbox
        .execute("echo installed > /usr/local/installed")
        .await
        .unwrap();
    assert!(sandbox.snapshot("Not A Name").await.is_err());
    let image = sandbox.snapshot(&name).await.unwrap();
    assert!(image.starts_with("sha256:"), "{image}");
    sandbox.write("state.txt", "later\n").await.unwrap();
    sandbox.destroy().await.unwrap();

    let configuration = docker(&["inspect", "-f", "{{json .Config}}", &name]);
    assert!(!configuration.contains("s3cret-value"), "{configuration}");
    assert!(!docker(&["history", "--no-trunc", &name]).contains("s3cret-value"));
    for from in [&name, &image] {
        let copy = builder(&engine, from).start().await.unwrap();
        let _cleaner = Cleaner::of(&copy);
        let output = copy
            .execute("cat state.txt /usr/local/installed; echo [$TOKEN$RUNTIME_TOKEN]")
            .await
            .unwrap();
        assert_eq!(output.stdout.to_text(), "as it was\ninstalled\n[]\n");
        copy.stop().await.unwrap();
    }
    docker(&["rmi", &name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_from_a_snapshot_has_none_of_the_labels_of_the_first_one() {
    let engine = engine_or_skip!();
    let name = format!("agent-backends-test/labelled-{}", std::process::id());
    let first = builder(&engine, debian())
        .id(id("labelled"))
        .durability(Durability::Full)
        .label("session-manager.session", "one")
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&first);
    assert!(first.capabilities().durable);
    first.snapshot(&name).await.unwrap();
    // As older versions left it.
    let older = format!("{name}-older");
    let label = "LABEL agent-backends.durability=full";
    docker(&["commit", "--change", label, &container(&first), &older]);
    first.destroy().await.unwrap();

    let labels = docker(&["inspect", "-f", "{{json .Config.Labels}}", &name]);
    assert!(
        labels.contains(r#""agent-backends.kind":"snapshot""#),
        "{labels}"
    );
    assert!(
        labels.contains(r#""session-manager.session":"""#),
        "{labels}"
    );
    assert!(
        !labels.contains("labelled") && !labels.contains("full"),
        "{labels}"
    );
    for (image, next) in [(&name, "from-labelled"), (&older, "from-older")] {
        let template = builder(&engine, image).pull(PullPolicy::Never);
        let provider = DockerProvider::builder(template).namespace(namespace());
        let provider = provider.connect().await.unwrap();
        let next = provider.create(&SandboxSpec::new(id(next))).await.unwrap();
        let _cleaner = Cleaner::of(&next);
        let found = provider.attach(next.id()).await.unwrap();
        assert!(!found.capabilities().durable, "{image}");
        assert_eq!(found.capabilities(), next.capabilities(), "{image}");
        if *image == name {
            let info = provider.inspect(next.id()).await;
            assert_eq!(info.labels["session-manager.session"], "");
        }
        provider.destroy(next.id()).await.unwrap();
    }
    docker(&["rmi", &name, &older]);
}

#[tokio::test]
async fn the_resource_usage_is_reported() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian())
        .memory(300 << 20)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let idle = sandbox.stats().await.unwrap();
    assert_eq!(idle.memory_limit, 300 << 20);
    assert!(idle.pids >= 2, "{idle:?}");
    sandbox
        .execute("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
        .await
        .unwrap();
    sandbox.spawn("sleep 600").await.unwrap();
    let busy = sandbox.stats().await.unwrap();
    assert!(busy.cpu > idle.cpu, "{idle:?} {busy:?}");
    assert!(busy.pids > idle.pids, "{idle:?} {busy:?}");
    assert!(busy.memory_bytes > 0 && busy.memory_bytes < busy.memory_limit);
    assert_eq!(sandbox.logs(100).await.unwrap(), "");
    sandbox
        .execute("echo said by process 1 > /proc/1/fd/2")
        .await
        .unwrap();
    while sandbox.logs(100).await.unwrap() != "said by process 1\n" {
        tokio::task::yield_now().await;
    }
    sandbox.stop().await.unwrap();
    assert!(sandbox.stats().await.is_err());
}
