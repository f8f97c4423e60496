//! The life cycle of a sandbox.

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, ExecStatus, Sandbox, SandboxExt, SandboxProvider,
    SandboxSpec,
};
use sandbox_docker::{DockerProvider, Hardening};

use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip, id, namespace};

#[tokio::test]
async fn files_and_commands_are_in_a_container_that_is_removed_on_stop() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("notes.txt", "one\ntwo\n").await.unwrap();
    let output = sandbox
        .execute("pwd; wc -l < notes.txt; echo oops >&2")
        .await
        .unwrap();
    assert_eq!(output.stdout.to_text(), "/workspace\n2\n");
    assert_eq!(output.stderr.to_text(), "oops\n");
    assert_eq!(
        sandbox.read("/workspace/notes.txt").await.unwrap().text,
        "one\ntwo\n"
    );
    assert!(sandbox.read("/etc/debian_version").await.is_ok());
    assert_eq!(sandbox.work_dir().as_str(), "/workspace");
    assert!(sandbox.liveness().await.is_alive());

    let name = container(&sandbox);
    sandbox.stop().await.unwrap();
    sandbox.stop().await.unwrap();
    assert!(!sandbox.liveness().await.is_alive());
    let error = sandbox.execute("true").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("stopped"), "{error}");
    assert_eq!(
        docker(&["ps", "-aq", "--filter", &format!("name={name}")]),
        ""
    );
}

#[tokio::test]
async fn the_capabilities_are_those_of_the_guest() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian()).build().unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let before = sandbox.capabilities();
    assert!(sandbox.liveness().await.is_alive());
    assert_eq!(
        docker(&[
            "ps",
            "-aq",
            "--filter",
            &format!("name={}", container(&sandbox))
        ]),
        ""
    );
    let request = ExecRequest::argv(["tty"]);
    assert_eq!(
        sandbox.execute_with(&request).await.unwrap().status,
        ExecStatus::Exited(1)
    );
    assert_eq!(before, sandbox.guest_capabilities().await.unwrap());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_strict_sandbox_has_an_unprivileged_user_and_a_read_only_root() {
    let engine = engine_or_skip!();
    let strict = builder(&engine, debian()).hardening(Hardening::Strict);
    let sandbox = strict.start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("a.txt", "x").await.unwrap();
    let output = sandbox
        .execute("id -u; echo $HOME; touch ~/x /tmp/x && ls -ln a.txt | cut -d' ' -f3; touch /x")
        .await;
    let output = output.unwrap();
    assert_eq!(output.stdout.to_text(), "1000\n/home/agent\n1000\n");
    assert!(output.stderr.to_text().contains("Read-only"), "{output:?}");
    let error = sandbox.write("/etc/x", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_non_root_user_owns_the_work_directory() {
    let engine = engine_or_skip!();
    for user in ["1234:1234", "nobody"] {
        let sandbox = builder(&engine, debian())
            .user(user)
            .work_dir("/srv/deep/er");
        let sandbox = sandbox.start().await.unwrap();
        let _cleaner = Cleaner::of(&sandbox);
        sandbox.write("a.txt", "x").await.unwrap();
        let output = sandbox.execute("touch b.txt && pwd").await.unwrap();
        assert_eq!(output.stdout.to_text(), "/srv/deep/er\n", "{output:?}");
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_provider_finds_its_sandboxes_again_and_no_others() {
    let engine = engine_or_skip!();
    let provider = || {
        DockerProvider::builder(builder(&engine, debian()))
            .namespace(id(&format!("{}-p", namespace())))
            .connect()
    };
    let first = provider().await.unwrap();
    let name = id("kept-1");
    let made = first.create(&SandboxSpec::new(name.clone())).await.unwrap();
    let _cleaner = Cleaner(format!("agent-backends.{}-p.kept-1", namespace()));
    made.write("a.txt", "x").await.unwrap();
    let error = first
        .create(&SandboxSpec::new(name.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    drop(made);

    let second = provider().await.unwrap();
    assert_eq!(second.list().await.unwrap(), std::slice::from_ref(&name));
    let found = second.attach(&name).await.unwrap();
    assert_eq!(found.read("a.txt").await.unwrap().text, "x");
    assert_eq!(found.work_dir().as_str(), "/workspace");

    second.suspend(&name).await.unwrap();
    second.suspend(&name).await.unwrap();
    assert_eq!(
        found.read("a.txt").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        second.attach(&name).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    let again = second.resume(&name).await.unwrap();
    assert_eq!(again.read("a.txt").await.unwrap().text, "x");

    let error = second.attach(&id("other")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    second.destroy(&name).await.unwrap();
    second.destroy(&name).await.unwrap();
    assert!(second.list().await.unwrap().is_empty());
    assert_eq!(
        again.read("a.txt").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}
