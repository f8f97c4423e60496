//! Where commands run: the part that the laws cannot cover, because it is about the host.

use std::fs;
use std::os::unix::fs::symlink;

use backend_core::{BackendExt, ErrorKind, ExecRequest, Sandbox, VirtualPath};
use backend_fs::FsBackend;
use backend_state::StateBackend;
use sandbox_local::LocalSandbox;

use crate::support::{printed, sandbox};

fn p(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

async fn pwd(sandbox: &dyn Sandbox, cwd: &str) -> String {
    let request = ExecRequest::argv(["pwd", "-P"]).cwd(p(cwd));
    let output = sandbox.execute_with(&request).await.unwrap();
    output.stdout.to_text().trim_end().to_owned()
}

#[tokio::test]
async fn a_loop_of_links_is_not_a_directory() {
    let (sandbox, dir) = sandbox();
    symlink("loop", dir.path().join("loop")).unwrap();
    let request = ExecRequest::shell("true").cwd(p("/loop"));
    let error = sandbox.execute_with(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.path(), Some(&p("/loop")));
}

#[tokio::test]
async fn with_the_host_root_as_root_directories_are_those_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().canonicalize().unwrap();
    fs::create_dir(real.join("d")).unwrap();
    symlink(real.join("d"), real.join("link")).unwrap();
    let sandbox = LocalSandbox::without_isolation(FsBackend::open("/").unwrap(), "/").unwrap();
    let link = real.join("link").display().to_string();
    assert_eq!(
        pwd(&sandbox, &link).await,
        real.join("d").display().to_string()
    );
    assert_eq!(printed(&sandbox, "pwd").await, "/\n");
}

#[tokio::test]
async fn without_a_root_commands_have_a_private_directory_removed_with_the_sandbox() {
    let sandbox = LocalSandbox::builder_without_isolation(StateBackend::new())
        .build()
        .unwrap();
    let line = "test \"$(stat -c %a .)\" = 700 && ls -A && echo x > left && pwd -P";
    let path = printed(&sandbox, line).await;
    // Every command gets the same one.
    assert_eq!(
        printed(&sandbox, "cat left; pwd -P").await,
        format!("x\n{path}")
    );
    assert!(!sandbox.exists("/left").await.unwrap());
    for cwd in ["/", "/x"] {
        let request = ExecRequest::shell("true").cwd(p(cwd));
        let error = sandbox.execute_with(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let path = fs::canonicalize(path.trim_end()).unwrap();
    sandbox.stop().await.unwrap();
    assert!(!path.exists());
    drop(sandbox);
}

#[tokio::test]
async fn a_dropped_sandbox_removes_its_private_directory() {
    let sandbox = LocalSandbox::builder_without_isolation(StateBackend::new())
        .build()
        .unwrap();
    let path = printed(&sandbox, "(while :; do date > x; done) > y 2>&1 & pwd -P").await;
    drop(sandbox);
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while fs::exists(path.trim_end()).unwrap() {
        assert!(std::time::Instant::now() < limit, "{path} is still there");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[test]
fn a_root_that_is_not_a_directory_is_refused_without_naming_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    for name in ["file", "none"] {
        let error = LocalSandbox::without_isolation(StateBackend::new(), dir.path().join(name))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!error.to_string().contains(name), "{error}");
    }
    for (name, value) in [("", "x"), ("a=b", "x"), ("a\0", "x"), ("a", "\0")] {
        let builder = LocalSandbox::builder_without_isolation(StateBackend::new()).env(name, value);
        assert_eq!(
            builder.build().unwrap_err().kind(),
            ErrorKind::InvalidRequest
        );
    }
}

#[tokio::test]
async fn a_work_directory_is_where_commands_and_relative_paths_start() {
    let dir = tempfile::tempdir().unwrap();
    let build = |builder: sandbox_local::LocalSandboxBuilder<FsBackend>| builder.work_dir(p("/w"));
    let files = || FsBackend::open(dir.path()).unwrap();
    let builder = LocalSandbox::builder_without_isolation(files()).host_root(dir.path());
    let sandbox = build(builder).build().unwrap();
    let missing = sandbox.execute_with(&ExecRequest::shell("pwd")).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    sandbox.write("a.txt", "here").await.unwrap();
    assert_eq!(printed(&sandbox, "cat a.txt").await, "here");
    assert_eq!(sandbox.read_bytes("/w/a.txt").await.unwrap(), "here");
    assert_eq!(
        pwd(&sandbox, "/").await,
        dir.path().canonicalize().unwrap().display().to_string()
    );
    let nowhere = build(LocalSandbox::builder_without_isolation(files())).build();
    assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::InvalidRequest);
}
