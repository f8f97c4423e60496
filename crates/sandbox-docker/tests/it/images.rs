//! Real image builds. Packages come over the host's network, where the machine's own proxy or mirror can be reached; `cargo xtask
//! test-image` has put its certificates into the images.

use std::process::Command;
use std::sync::Mutex;

use backend_core::{
    ErrorKind, ExecStatus, PackageManager, RuntimeBuilder, RuntimeConfig, Sandbox, SandboxExt,
};
use sandbox_docker::{
    Access, BuildFailure, BuildOptions, DockerSandboxBuilder, Engine, Hardening, ImageProgress,
    Images, PullPolicy,
};

use crate::support::{Cleaner, builder, debian, docker, engine_or_skip};

mod processes;
mod prune;
mod pull;
mod users;

/// An image with Node.js and npm.
fn node() -> String {
    std::env::var("AGENT_BACKENDS_TEST_NODE")
        .unwrap_or_else(|_| "agent-backends-test/node:latest".to_owned())
}

/// Builds over the host's network, without pulling.
fn images(engine: &Engine) -> Images {
    let options = BuildOptions::new()
        .with_network("host")
        .with_pull(PullPolicy::Never);
    Images::new(engine.clone()).with_options(options)
}

/// A runtime whose images are removed on drop.
struct Runtime(String);

impl Runtime {
    /// `name` distinguishes it from other tests, and the process number from other runs.
    fn new(name: &str) -> Self {
        Self(format!("test-{name}-{}", std::process::id()))
    }

    fn on(&self, base: &str) -> RuntimeBuilder {
        RuntimeConfig::builder(&self.0).base_image(base)
    }

    /// Returns the names of the images built for it.
    fn images(&self) -> Vec<String> {
        let label = format!("label=agent-backends.runtime={}", self.0);
        let format = "{{.Repository}}:{{.Tag}}";
        let listed = docker(&["image", "ls", "--filter", &label, "--format", format]);
        let mut names: Vec<_> = listed.lines().map(str::to_owned).collect();
        names.sort();
        names
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        for image in self.images() {
            let _ = Command::new("docker").args(["rmi", &image]).output();
        }
    }
}

/// The progress reported by a build.
#[derive(Default)]
struct Told(Mutex<Vec<ImageProgress>>);

impl Told {
    fn hear(&self, progress: ImageProgress) {
        self.0.lock().unwrap().push(progress);
    }

    fn steps(&self) -> Vec<String> {
        let told = self.0.lock().unwrap();
        let title = |progress: &ImageProgress| match progress {
            ImageProgress::Step { title, .. } => Some(title.clone()),
            _ => None,
        };
        told.iter().filter_map(title).collect()
    }

    fn output(&self) -> String {
        let told = self.0.lock().unwrap();
        let text = |progress: &ImageProgress| match progress {
            ImageProgress::Output(text) => Some(text.clone()),
            _ => None,
        };
        told.iter().filter_map(text).collect()
    }

    fn has(&self, wanted: &ImageProgress) -> bool {
        self.0.lock().unwrap().contains(wanted)
    }
}

/// Runs a command in a container of an image, without a network and in the work directory.
fn run(image: &str, options: &[&str], command: &[&str]) -> String {
    let mut arguments = vec![
        "run",
        "--rm",
        "--network",
        "none",
        "--workdir",
        "/workspace",
    ];
    arguments.extend(options);
    arguments.push(image);
    arguments.extend(command);
    docker(&arguments)
}

#[tokio::test]
async fn packages_of_pip_are_built_in_and_the_image_is_used_again() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("pip"));
    let runtime = ours
        .on(&debian())
        .packages(PackageManager::Pip, ["six==1.16.0"])
        .setup("python3 -c 'import six; print(six.__version__)' | tee made-by-setup")
        .env("TOKEN", "not in the image")
        .build()
        .unwrap();
    let told = Told::default();
    let image = images
        .build(&runtime, Some(&|p| told.hear(p)))
        .await
        .unwrap();
    assert_eq!(
        told.steps()[..3],
        ["the base image", "the work directory", "pip: six==1.16.0"]
    );
    assert!(
        told.output().contains("Successfully installed six-1.16.0"),
        "{}",
        told.output()
    );
    assert!(told.has(&ImageProgress::Built {
        image: image.clone()
    }));

    assert_eq!(
        run(
            &image,
            &[],
            &["python3", "-c", "import six; print(six.__version__)"]
        ),
        "1.16.0"
    );
    assert_eq!(
        run(
            &image,
            &["--user", "1000:1000"],
            &["python3", "-c", "import six; print(1)"]
        ),
        "1"
    );
    assert_eq!(run(&image, &[], &["cat", "made-by-setup"]), "1.16.0");
    let all = docker(&["image", "inspect", &image]) + &docker(&["history", "--no-trunc", &image]);
    assert!(!all.contains("TOKEN") && !all.contains("not in the image"));

    let again = Told::default();
    let found = images
        .build(&runtime, Some(&|p| again.hear(p)))
        .await
        .unwrap();
    assert_eq!(found, image);
    assert!(again.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn packages_of_npm_can_be_required_and_imported_from_the_work_directory() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("npm"));
    let runtime = ours
        .on(&node())
        .packages(PackageManager::Npm, ["is-number@7.0.0"])
        .user("1000:1000")
        .build()
        .unwrap();
    let image = images.build(&runtime, None).await.unwrap();
    let user = &["--user", "1000:1000"];
    assert_eq!(
        run(&image, user, &["node", "-p", "require('is-number')(5)"]),
        "true"
    );
    let module = "import number from 'is-number'; console.log(number('x'))";
    assert_eq!(
        run(
            &image,
            user,
            &[
                "sh",
                "-c",
                &format!("echo \"{module}\" > a.mjs && node a.mjs")
            ]
        ),
        "false"
    );
    // The user can continue from there, because the user owns everything.
    assert_eq!(
        run(&image, user, &["sh", "-c", "find . ! -user 1000 | wc -l"]),
        "0"
    );
}

#[tokio::test]
async fn packages_of_npm_are_found_despite_a_mount_over_the_work_directory() {
    let engine = engine_or_skip!();
    let ours = Runtime::new("npm-mount");
    let runtime = ours
        .on(&node())
        .packages(PackageManager::Npm, ["is-number@7.0.0"])
        .build()
        .unwrap();
    let options = BuildOptions::new().with_network("host");
    let directory = tempfile::tempdir().unwrap();
    let over = |sandbox: DockerSandboxBuilder| {
        sandbox.bind(directory.path(), "/workspace", Access::ReadWrite)
    };
    let strict = |sandbox: DockerSandboxBuilder| sandbox.hardening(Hardening::Strict);
    let plain = |sandbox: DockerSandboxBuilder| sandbox;
    let how: [&dyn Fn(DockerSandboxBuilder) -> DockerSandboxBuilder; 3] = [&plain, &strict, &over];
    for how in how {
        let sandbox = builder(&engine, node())
            .runtime(runtime.clone())
            .build_options(options.clone());
        let sandbox = how(sandbox).start().await.unwrap();
        let _cleaner = Cleaner::of(&sandbox);
        let line =
            "echo \"import n from 'is-number'; console.log(n(5))\" > a.mjs && node a.mjs && ls";
        let output = sandbox.execute(line).await.unwrap();
        assert_eq!(
            output.stdout.to_text(),
            "true\na.mjs\nnode_modules\npackage.json\n",
            "{output:?}"
        );
        sandbox.stop().await.unwrap();
    }
    // An existing `node_modules` is left alone.
    let own = directory.path().join("node_modules");
    std::fs::remove_file(&own).unwrap();
    std::fs::create_dir(&own).unwrap();
    let sandbox = builder(&engine, node())
        .runtime(runtime)
        .build_options(options);
    let sandbox = over(sandbox).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let output = sandbox.execute("node a.mjs").await.unwrap();
    assert_ne!(output.status, ExecStatus::Exited(0));
    assert!(own.is_dir() && !own.is_symlink());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn packages_of_uv_and_apt_are_built_in() {
    let engine = engine_or_skip!();
    let ours = Runtime::new("uv");
    let runtime = ours
        .on(&debian())
        .packages(PackageManager::Apt, ["tree"])
        .packages(PackageManager::Uv, ["six==1.17.0"])
        .build()
        .unwrap();
    // uv uses its own certificates unless it is configured otherwise.
    let options = BuildOptions::new()
        .with_network("host")
        .with_arg("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    let images = Images::new(engine.clone()).with_options(options);
    let image = images.build(&runtime, None).await.unwrap();
    assert_eq!(
        run(
            &image,
            &[],
            &["python3", "-c", "import six; print(six.__version__)"]
        ),
        "1.17.0"
    );
    assert!(run(&image, &[], &["tree", "--version"]).starts_with("tree v"));
    assert_eq!(run(&image, &[], &["sh", "-c", "ls /var/lib/apt/lists"]), "");
}

#[tokio::test]
async fn a_step_that_fails_is_named_with_the_end_of_what_it_printed() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("fails"));
    let runtime = ours
        .on(&debian())
        .setup("seq 100000; echo 'the reason'; exit 3")
        .setup("echo never")
        .build()
        .unwrap();
    let told = Told::default();
    let error = images
        .build(&runtime, Some(&|p| told.hear(p)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let message = error.to_string();
    assert!(
        message.contains("ended with code 3") && message.contains("the reason"),
        "{message}"
    );
    assert!(
        message.contains(&ours.0) && message.len() < 1200 && !message.contains('\n'),
        "{message}"
    );
    let failure = BuildFailure::of(&error).unwrap();
    assert_eq!(failure.code(), Some(3));
    assert!(
        failure.step().starts_with("setup: seq 100000"),
        "{}",
        failure.step()
    );
    assert!(failure.log().ends_with("the reason\n"), "{}", failure.log());
    assert!(failure.log().len() <= 16 << 10 && failure.log().contains("\n99999\n"));
    assert!(!told.has(&ImageProgress::Retry));
    assert!(!told.output().contains("never"));
    assert!(ours.images().is_empty());
}

#[tokio::test]
async fn a_missing_package_fails_at_its_step() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("missing"));
    let runtime = ours
        .on(&debian())
        .packages(PackageManager::Pip, ["six==99.99"])
        .build()
        .unwrap();
    let message = images.build(&runtime, None).await.unwrap_err().to_string();
    assert!(message.contains("the step 'pip: six==99.99'"), "{message}");
    assert!(message.contains("No matching distribution"), "{message}");
}

#[tokio::test]
async fn a_name_that_apt_could_treat_as_a_pattern_is_not_one() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("pattern"));
    // As a regular expression it is `tree`, and parts of many other names.
    let runtime = ours
        .on(&debian())
        .packages(PackageManager::Apt, ["tr.e"])
        .build()
        .unwrap();
    let message = images.build(&runtime, None).await.unwrap_err().to_string();
    assert!(message.contains("the step 'apt: tr.e'"), "{message}");
    assert!(message.contains("Unable to locate package"), "{message}");
}

#[tokio::test]
async fn files_and_arguments_of_the_options_are_available_to_the_build() {
    let engine = engine_or_skip!();
    let ours = Runtime::new("options");
    let runtime = ours
        .on(&debian())
        .setup("cat /etc/some/deep/file && echo \"$SOME_ARG\" && stat -c '%u %a' /etc/some /etc/some/deep/file")
        .build()
        .unwrap();
    let path = backend_core::VirtualPath::parse("/etc/some/deep/file").unwrap();
    let options = BuildOptions::new()
        .with_network("none")
        .with_arg("SOME_ARG", "a b\nRUN evil")
        .with_file(path, "content\n");
    let images = Images::new(engine.clone()).with_options(options);
    let told = Told::default();
    let image = images
        .build(&runtime, Some(&|p| told.hear(p)))
        .await
        .unwrap();
    assert_eq!(told.output(), "content\na b\nRUN evil\n0 755\n0 644\n");
    assert_eq!(run(&image, &[], &["sh", "-c", "echo \"$SOME_ARG\""]), "");
}

#[tokio::test]
async fn a_work_directory_and_a_setup_line_are_used_literally() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("odd"));
    let dir = "/w/it's \"$HOME\" \\ `x` <<EOF é\\";
    let line =
        "printf '%s|' \"$PWD\" 'a\\tb' \"it's\" '$HOME' '\"]' && cat <<'EOF'\n#\\\nRUN evil\nEOF\n";
    let runtime = ours
        .on(&debian())
        .work_dir(dir)
        .setup(line)
        .build()
        .unwrap();
    let told = Told::default();
    let image = images
        .build(&runtime, Some(&|p| told.hear(p)))
        .await
        .unwrap();
    assert_eq!(
        told.output(),
        format!("{dir}|a\\tb|it's|$HOME|\"]|#\\\nRUN evil\n")
    );
    assert_eq!(docker(&["run", "--rm", &image, "ls", "-d", "--", dir]), dir);
}

#[tokio::test]
async fn a_runtime_without_packages_is_not_built() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("ready"));
    let ready = RuntimeConfig::builder(&ours.0)
        .image(debian())
        .build()
        .unwrap();
    assert_eq!(images.build(&ready, None).await.unwrap(), debian());
    let plain = ours.on(&debian()).env("A", "b").build().unwrap();
    assert_eq!(images.build(&plain, None).await.unwrap(), debian());
    assert!(ours.images().is_empty());
}

#[tokio::test]
async fn missing_and_unreachable_images_are_distinguished() {
    let engine = engine_or_skip!();
    let images = images(&engine);
    let never = images
        .pull("agent-backends-test/no-such-image", PullPolicy::Never, None)
        .await
        .unwrap_err();
    assert_eq!(never.kind(), ErrorKind::InvalidRequest);
    assert!(never.to_string().contains("may not pull it"), "{never}");
    let id = format!("sha256:{}", "0".repeat(64));
    let by_id = images
        .pull(&id, PullPolicy::Missing, None)
        .await
        .unwrap_err();
    assert_eq!(by_id.kind(), ErrorKind::InvalidRequest);
    // Nothing listens there, so the result is the same with and without a network.
    let unreachable = images
        .pull("localhost:9/nothing:here", PullPolicy::Missing, None)
        .await
        .unwrap_err();
    assert_eq!(unreachable.kind(), ErrorKind::Unavailable, "{unreachable}");
    assert!(
        unreachable
            .to_string()
            .contains("cannot reach its registry"),
        "{unreachable}"
    );
    for name in ["", "-x", "a b", "a\nb", "/etc/passwd"] {
        let error = images
            .pull(name, PullPolicy::Missing, None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
    }
    let there = images
        .pull(&debian(), PullPolicy::Missing, None)
        .await
        .unwrap();
    assert_eq!(there, debian());
}

#[tokio::test]
async fn a_build_that_takes_too_long_ends_in_the_engine_too() {
    let engine = engine_or_skip!();
    let ours = Runtime::new("slow");
    // The number identifies the command.
    let line = format!("sleep 1{:08}", std::process::id());
    let setup = format!("echo unpacking; echo compiling; echo 'slow machine' >&2; exec {line}");
    let runtime = ours.on(&debian()).setup(&setup).build().unwrap();
    let options = BuildOptions::new().with_timeout(std::time::Duration::from_secs(5));
    let images = Images::new(engine.clone()).with_options(options);
    let error = images.build(&runtime, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    let message = error.to_string();
    let step = format!("in the step 'setup: {setup}'");
    assert!(message.contains(&step), "{message}");
    // What goes to one stream comes in its order; where the line of the other stream is between them is left to the engine.
    let printed = message.split_once("printed last: ").unwrap().1;
    let (unpacking, compiling) = (printed.find("unpacking"), printed.find("compiling"));
    assert!(unpacking.is_some() && unpacking < compiling, "{message}");
    assert!(printed.contains("slow machine"), "{message}");
    gone(&line).await;
}

/// Waits until no container runs a command containing this.
async fn gone(command: &str) {
    for _ in 0..300 {
        let running = docker(&["ps", "--no-trunc", "--format", "{{.Command}}"]);
        if !running.contains(command) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it still runs: {command}");
}
