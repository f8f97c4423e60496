//! Images with their own user or a health check.

use std::io::Write as _;
use std::process::Stdio;

use backend_core::{BackendExt, PackageManager, Sandbox, SandboxExt};
use sandbox_docker::{BuildOptions, DockerSandbox, PullPolicy};

use super::{Runtime, images};
use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip};

/// An image that these tests build, and remove on drop.
struct Image(String);

impl Image {
    fn build(name: &str, lines: &str) -> Self {
        let name = format!("agent-backends-test/{name}-{}", std::process::id());
        let mut build = std::process::Command::new("docker")
            .args(["build", "--network=none", "--quiet", "--tag", &name, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let dockerfile = format!("FROM {}\n{lines}\n", debian());
        let mut input = build.stdin.take().unwrap();
        input.write_all(dockerfile.as_bytes()).unwrap();
        drop(input);
        assert!(build.wait().unwrap().success(), "{dockerfile}");
        Self(name)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut rmi = std::process::Command::new("docker");
        let _ = rmi.args(["rmi", "--force", &self.0]).output();
    }
}

async fn text(sandbox: &DockerSandbox, line: &str) -> String {
    let output = sandbox.execute(line).await.unwrap();
    assert!(output.status.is_success(), "{line}: {}", output.output());
    output.stdout.to_text().trim().to_owned()
}

const JO: &str = "RUN useradd --uid 1234 --create-home jo\nUSER jo";

#[tokio::test]
async fn a_runtime_on_an_image_with_a_user_is_built_as_root_and_runs_as_that_user() {
    let engine = engine_or_skip!();
    let (base, ours) = (Image::build("user", JO), Runtime::new("user"));
    let runtime = ours
        .on(&base.0)
        .packages(PackageManager::Apt, ["tree"])
        .packages(PackageManager::Pip, ["six==1.16.0"])
        .setup("id -un > built-by && echo x > /etc/made-by-setup")
        .build()
        .unwrap();
    let image = images(&engine).build(&runtime, None).await.unwrap();
    let user = docker(&["image", "inspect", "-f", "{{.Config.User}}", &image]);
    assert_eq!(user, "jo");
    let options = BuildOptions::new()
        .with_network("host")
        .with_pull(PullPolicy::Never);
    let sandbox = builder(&engine, "")
        .runtime(runtime)
        .build_options(options)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    assert_eq!(text(&sandbox, "id -un; cat built-by").await, "jo\nroot");
    let line = "tree --version > a && python3 -c 'import six; print(six.__version__)'";
    assert_eq!(text(&sandbox, line).await, "1.16.0");
    // The files created by the steps in the work directory belong to the user, too.
    sandbox.write("built-by", "jo").await.unwrap();
    sandbox.write("new/file", "x").await.unwrap();
    assert_eq!(text(&sandbox, "stat -c %U . new/file | uniq").await, "jo");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_image_with_a_user_and_without_find_can_be_built_on() {
    let engine = engine_or_skip!();
    let without = format!("RUN rm \"$(command -v find)\"\n{JO}");
    let (base, ours) = (Image::build("findless", &without), Runtime::new("findless"));
    let runtime = ours
        .on(&base.0)
        .setup("! command -v find && mkdir deep && echo x > deep/file");
    let image = images(&engine)
        .build(&runtime.build().unwrap(), None)
        .await
        .unwrap();
    let sandbox = builder(&engine, &image).pull(PullPolicy::Never);
    let sandbox = sandbox.start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let owners = text(&sandbox, "stat -c %U . deep deep/file | uniq").await;
    assert_eq!(owners, "jo");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_user_of_an_image_has_a_work_directory_to_write_to() {
    let engine = engine_or_skip!();
    let base = Image::build("plain-user", JO);
    let number = Image::build("number", "USER 4321:4322");
    let there = "RUN mkdir /workspace && echo x > /workspace/of-the-image\n";
    let there = Image::build("there", &format!("{there}{JO}"));
    for (image, in_memory, want) in [
        (&base.0, false, "1234 1234"),
        (&number.0, false, "4321 4322"),
        (&number.0, true, "4321 4322"),
        (&there.0, false, "1234 1234"),
    ] {
        let mut sandbox = builder(&engine, image).pull(PullPolicy::Never);
        if in_memory {
            sandbox = sandbox.tmpfs("/workspace", 8 << 20);
        }
        let sandbox = sandbox.start().await.unwrap();
        let _cleaner = Cleaner::of(&sandbox);
        let written = sandbox.write("a", "x").await;
        assert!(written.is_ok(), "{image} {in_memory}: {written:?}");
        let line = "echo $(id -u) $(id -g) && touch b && mkdir c";
        assert_eq!(text(&sandbox, line).await, want, "{image} {in_memory}");
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test]
async fn no_health_check_runs_in_a_sandbox() {
    let engine = engine_or_skip!();
    let check = "HEALTHCHECK --interval=1s --retries=1 CMD touch /dev/shm/checked && false";
    let (base, ours) = (Image::build("health", check), Runtime::new("health"));
    let runtime = ours.on(&base.0).setup("true").build().unwrap();
    let built = images(&engine).build(&runtime, None).await.unwrap();
    let found = docker(&[
        "image",
        "inspect",
        "-f",
        "{{json .Config.Healthcheck.Test}}",
        &built,
    ]);
    assert_eq!(found, r#"["NONE"]"#);
    let sandbox = builder(&engine, &base.0).pull(PullPolicy::Never);
    let sandbox = sandbox.start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let format = "{{json .Config.Healthcheck.Test}} {{json .State.Health}}";
    let seen = docker(&["inspect", "-f", format, &container(&sandbox)]);
    // The engine has no health check, and no result of one.
    assert_eq!(seen, r#"["NONE"] null"#);
    sandbox.stop().await.unwrap();
}
