//! The Dockerfiles of runtimes, word for word, and input that must not get into one.

use std::collections::BTreeSet;
use std::io::Read as _;
#[cfg(target_os = "linux")]
use std::{path::Path, process::Command};

use backend_core::{PackageManager, RuntimeBuilder, RuntimeConfig, VirtualPath};

use super::{APT, BuildOptions, CARGO, GIVE, ImageInfo, LINK, NPM, Recipe, SETUP, UV};

fn found(id: &str) -> ImageInfo {
    ImageInfo {
        id: id.to_owned(),
        ..ImageInfo::default()
    }
}

/// The base image of most of these tests.
fn without_user() -> ImageInfo {
    found("sha256:0123")
}

fn base() -> RuntimeBuilder {
    RuntimeConfig::builder("x").base_image("python:3.12-slim")
}

fn recipe_with(builder: RuntimeBuilder, options: &BuildOptions) -> Recipe {
    Recipe::new(&builder.build().unwrap(), &without_user(), options)
        .unwrap()
        .unwrap()
}

fn recipe(builder: RuntimeBuilder) -> Recipe {
    recipe_with(builder, &BuildOptions::new())
}

#[track_caller]
fn golden(builder: RuntimeBuilder, want: &str) {
    assert_eq!(recipe(builder).dockerfile, want);
}

/// Reads a Dockerfile of ours back: the commands that its `RUN` lines run.
#[track_caller]
fn commands(dockerfile: &str) -> Vec<Vec<String>> {
    let mut lines = dockerfile.lines();
    assert_eq!(lines.next(), Some("FROM sha256:0123"));
    lines
        .map(|line| {
            let json = line
                .strip_prefix("RUN ")
                .unwrap_or_else(|| panic!("{line}"));
            serde_json::from_str(json).unwrap_or_else(|_| panic!("{json}"))
        })
        .collect()
}

#[test]
fn pip_packages_go_into_the_python_of_the_image() {
    golden(
        base().packages(
            PackageManager::Pip,
            ["pandas", "numpy>=2", "uvicorn[standard]"],
        ),
        r#"FROM sha256:0123
RUN ["mkdir","-p","/workspace"]
RUN ["env","PIP_BREAK_SYSTEM_PACKAGES=1","PIP_DISABLE_PIP_VERSION_CHECK=1","PIP_NO_INPUT=1","PIP_ROOT_USER_ACTION=ignore","python3","-m","pip","install","--no-cache-dir","--","pandas","numpy>=2","uvicorn[standard]"]
"#,
    );
}

#[test]
fn npm_packages_are_linked_into_the_work_directory_of_the_user() {
    golden(
        base()
            .user("node")
            .work_dir("/srv/app")
            .packages(PackageManager::Npm, ["react", "@types/react@^18"]),
        r#"FROM sha256:0123
RUN ["mkdir","-p","/srv/app"]
RUN ["/bin/sh","-c","set -e\nmkdir -p /usr/local/lib/agent-backends/npm\ncd /usr/local/lib/agent-backends/npm\nnpm install --no-audit --no-fund --no-update-notifier --cache=/tmp/agent-backends-npm -- \"$@\"\nrm -rf /tmp/agent-backends-npm","sh","react","@types/react@^18"]
RUN ["/bin/sh","-c","set -e\nfrom=/usr/local/lib/agent-backends/npm\ncd \"$1\"\nif [ -d $from/node_modules ] && [ ! -e node_modules ] && [ ! -L node_modules ]; then\n    ln -s $from/node_modules node_modules\n    if [ ! -e package.json ]; then cp $from/package.json .; fi\nfi","sh","/srv/app"]
RUN ["/bin/sh","-c","set -e\nchown \"$2\" \"$1\"\nif command -v find >/dev/null; then exec find \"$1\" -xdev -user 0 -exec chown -h \"$2\" {} +; fi\nexec chown -R -h \"$2\" \"$1\"","sh","/srv/app","node"]
"#,
    );
}

#[test]
#[cfg(target_os = "linux")]
fn the_work_directory_is_given_to_the_user_with_and_without_find() {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    let here = tempfile::tempdir().unwrap();
    let own = here.path().metadata().unwrap().uid();
    // Only root can give files away; another user gives them to itself.
    let user = if own == 0 { 4321 } else { own };
    for programs in [&["chown", "find"][..], &["chown"]] {
        let bin = here.path().join(format!("bin-{}", programs.len()));
        let work = here.path().join(format!("work-{}", programs.len()));
        std::fs::create_dir(&bin).unwrap();
        std::fs::create_dir_all(work.join("deep")).unwrap();
        std::fs::write(work.join("deep/file"), "x").unwrap();
        symlink("/etc/passwd", work.join("link")).unwrap();
        for program in programs {
            symlink(Path::new("/usr/bin").join(program), bin.join(program)).unwrap();
        }
        let given = Command::new("/bin/sh")
            .args(["-c", GIVE, "sh"])
            .arg(&work)
            .arg(user.to_string())
            .env("PATH", &bin)
            .output()
            .unwrap();
        assert!(given.status.success(), "{programs:?}: {given:?}");
        for path in ["", "deep", "deep/file", "link"] {
            let found = work.join(path).symlink_metadata().unwrap();
            assert_eq!(found.uid(), user, "{programs:?}: {path}");
        }
        let outside = Path::new("/etc/passwd").metadata().unwrap();
        assert_ne!(outside.uid(), 4321);
    }
}

#[test]
fn apt_packages_leave_no_lists() {
    golden(
        base().packages(PackageManager::Apt, ["ripgrep", "libstdc++6"]),
        r#"FROM sha256:0123
RUN ["mkdir","-p","/workspace"]
RUN ["/bin/sh","-c","set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update\napt-get install --yes --no-install-recommends -o APT::Cmd::Pattern-Only=true -- \"$@\"\napt-get clean\nrm -rf /var/lib/apt/lists/*","sh","ripgrep","libstdc++6"]
"#,
    );
}

#[test]
fn uv_and_cargo_packages_are_arguments_of_fixed_scripts() {
    let built = recipe(
        base()
            .packages(PackageManager::Uv, ["six==1.*"])
            .packages(PackageManager::Cargo, ["ripgrep@14"]),
    );
    let commands = commands(&built.dockerfile);
    assert_eq!(commands[1], ["/bin/sh", "-c", UV, "sh", "six==1.*"]);
    assert_eq!(commands[2], ["/bin/sh", "-c", CARGO, "sh", "ripgrep@14"]);
    assert_eq!(
        built.titles(),
        [
            "the base image",
            "the work directory",
            "uv: six==1.*",
            "cargo: ripgrep@14"
        ]
    );
}

#[test]
fn setup_lines_run_in_the_work_directory_after_the_packages() {
    let line = "echo \"$HOME\" 'two' > a && cat <<EOF\nRUN evil\nEOF\n";
    let built = recipe(
        base()
            .setup(line)
            .setup("true")
            .packages(PackageManager::Apt, ["git"]),
    );
    let commands = commands(&built.dockerfile);
    assert_eq!(commands[1][..3], ["/bin/sh", "-c", APT]);
    assert_eq!(
        commands[2],
        ["/bin/sh", "-c", SETUP, "sh", "/workspace", line]
    );
    assert_eq!(
        commands[3],
        ["/bin/sh", "-c", SETUP, "sh", "/workspace", "true"]
    );
    assert_eq!(built.dockerfile.lines().count(), 5);
}

#[test]
fn options_are_arguments_and_files_with_fixed_names() {
    let options = BuildOptions::new()
        .with_arg("PIP_INDEX_URL", "https://example.org\nRUN evil")
        .with_arg("https_proxy", "http://proxy")
        .with_file(VirtualPath::parse("/etc/a $b\\").unwrap(), "certificate");
    let built = recipe_with(base(), &options);
    assert_eq!(
        built.dockerfile,
        "FROM sha256:0123\nARG PIP_INDEX_URL\nARG https_proxy\nADD files.tar /\nRUN [\"mkdir\",\"-p\",\"/workspace\"]\n"
    );
    let context = built.context().unwrap();
    let mut context = tar::Archive::new(&*context);
    let mut names = Vec::new();
    let mut packed = Vec::new();
    for entry in context.entries().unwrap() {
        let mut entry = entry.unwrap();
        names.push(entry.path().unwrap().into_owned());
        packed.clear();
        entry.read_to_end(&mut packed).unwrap();
    }
    assert_eq!(
        names
            .iter()
            .map(|name| name.to_str().unwrap())
            .collect::<Vec<_>>(),
        ["Dockerfile", "files.tar"]
    );
    let mut files = tar::Archive::new(&*packed);
    let mut entries = files.entries().unwrap();
    let entry = entries.next().unwrap().unwrap();
    assert_eq!(entry.path().unwrap().to_str(), Some("etc/a $b\\"));
    assert_eq!(
        (
            entry.header().uid().unwrap(),
            entry.header().mode().unwrap()
        ),
        (0, 0o644)
    );
}

#[test]
fn steps_run_as_root_and_the_user_of_the_base_image_comes_back_with_a_work_directory() {
    let base_image = ImageInfo {
        user: Some("jo:staff".to_owned()),
        checks_health: true,
        ..without_user()
    };
    let make = |builder: RuntimeBuilder| {
        let runtime = builder.build().unwrap();
        Recipe::new(&runtime, &base_image, &BuildOptions::new())
    };
    let built = make(base().setup("true")).unwrap().unwrap();
    let lines: Vec<_> = built.dockerfile.lines().collect();
    assert_eq!(lines[..2], ["FROM sha256:0123", "USER 0"]);
    let count = lines.len();
    assert!(lines[count - 3].ends_with(r#","/workspace","jo:staff"]"#));
    assert_eq!(lines[count - 2..], ["HEALTHCHECK NONE", "USER jo:staff"]);
    assert_eq!(built.titles().len(), count);
    // A user of the runtime has the work directory, and the image keeps its own.
    let built = make(base().setup("true").user("1000")).unwrap().unwrap();
    assert!(built.dockerfile.contains(r#","/workspace","1000"]"#));
    assert!(built.dockerfile.ends_with("USER jo:staff\n"));
}

#[test]
fn a_base_image_of_root_gets_no_user_and_an_odd_user_cannot_break_out_of_its_line() {
    let with = |user: &str| {
        let base_image = ImageInfo {
            user: Some(user.to_owned()),
            ..without_user()
        };
        let runtime = base().setup("true").build().unwrap();
        Recipe::new(&runtime, &base_image, &BuildOptions::new())
    };
    for root in ["0", "root", "0:0", "root:root"] {
        let dockerfile = with(root).unwrap().unwrap().dockerfile;
        assert_eq!(dockerfile, recipe(base().setup("true")).dockerfile);
    }
    for odd in ["$HOME", "a b", "a\nRUN evil", "-x", "a\\", "${USER}"] {
        let error = with(odd).unwrap_err();
        assert_eq!(
            error.kind(),
            backend_core::ErrorKind::InvalidRequest,
            "{odd}"
        );
    }
}

#[test]
fn without_anything_to_install_there_is_nothing_to_build() {
    let runtime = base()
        .env("A", "b")
        .user("1000")
        .packages(PackageManager::Pip, [""; 0])
        .build()
        .unwrap();
    assert!(
        Recipe::new(&runtime, &without_user(), &BuildOptions::new())
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_tag_depends_on_everything_that_affects_the_image() {
    let some = || base().packages(PackageManager::Pip, ["six"]);
    let tag = recipe(some()).tag();
    assert!(
        tag.starts_with("agent-backends/runtime:x-")
            && tag.len() == "agent-backends/runtime:x-".len() + 32,
        "{tag}"
    );
    // Does not affect the image.
    assert_eq!(recipe(some().description("other")).tag(), tag);
    assert_eq!(recipe(some().env("SECRET", "other")).tag(), tag);
    assert_eq!(recipe(some().no_cache()).tag(), tag);
    let options = BuildOptions::new()
        .with_network("host")
        .with_timeout(std::time::Duration::from_secs(1));
    assert_eq!(recipe_with(some(), &options).tag(), tag);
    // Affects the image.
    let runtime = some().build().unwrap();
    let rebased = Recipe::new(&runtime, &found("sha256:4567"), &BuildOptions::new())
        .unwrap()
        .unwrap();
    let option = |options: BuildOptions| recipe_with(some(), &options).tag();
    let path = VirtualPath::parse("/a").unwrap();
    let others = [
        tag,
        rebased.tag(),
        recipe(base().packages(PackageManager::Pip, ["six", "attrs"])).tag(),
        recipe(base().packages(PackageManager::Uv, ["six"])).tag(),
        recipe(some().setup("true")).tag(),
        recipe(some().work_dir("/srv")).tag(),
        recipe(some().user("1000")).tag(),
        option(BuildOptions::new().with_arg("A", "1")),
        option(BuildOptions::new().with_arg("A", "2")),
        option(BuildOptions::new().with_file(path.clone(), "1")),
        option(BuildOptions::new().with_file(path, "2")),
    ];
    assert_eq!(others.iter().collect::<BTreeSet<_>>().len(), others.len());
}

#[test]
fn variables_of_the_runtime_are_not_in_the_image() {
    let built = recipe(base().env("TOKEN", "secret value").setup("true"));
    let context = built.context().unwrap();
    let context = String::from_utf8_lossy(&context);
    assert!(!context.contains("TOKEN") && !context.contains("secret"));
}

/// Inputs that have broken out of some kind of quoting.
const ATTACKS: [&str; 24] = [
    "x\nRUN evil",
    "x\r\nRUN evil",
    "x\u{2028}RUN evil",
    "x\u{85}RUN evil",
    "x\\\nRUN evil",
    "x\\",
    "x\" ] \nRUN [\"evil",
    "\"]\nRUN evil",
    "x' ; evil",
    "x; evil",
    "x && evil",
    "x | evil",
    "x $(evil)",
    "`evil`",
    "${HOME}",
    "$HOME",
    "<<EOF\nevil\nEOF",
    "x <<-'EOF'",
    "# escape=`",
    "--mount=type=bind,source=/,target=/host",
    "--network=host",
    "\u{202e}live",
    "x\0y",
    "\u{1b}[2J",
];

/// Wherever an attack is placed, it is refused, or is exactly one argument of a command.
#[test]
fn no_field_of_a_runtime_escapes_its_place() {
    let fields: [fn(RuntimeBuilder, &str) -> RuntimeBuilder; 10] = [
        |b, text| b.packages(PackageManager::Pip, [text]),
        |b, text| b.packages(PackageManager::Uv, [text]),
        |b, text| b.packages(PackageManager::Npm, [text]),
        |b, text| b.packages(PackageManager::Apt, [text]),
        |b, text| b.packages(PackageManager::Cargo, [text]),
        |b, text| b.setup(text),
        |b, text| b.work_dir(format!("/w/{text}")),
        |b, text| b.user(text),
        |b, text| b.env("A", text),
        |b, text| b.description(text),
    ];
    let plain = ["x".to_owned(), "/w/x".to_owned()];
    let plain_lines = |field: &fn(RuntimeBuilder, &str) -> RuntimeBuilder| {
        recipe(field(base(), "x").setup("last"))
            .dockerfile
            .lines()
            .count()
    };
    let (mut refused, mut quoted) = (0, 0);
    for (index, field) in fields.iter().enumerate() {
        let lines = plain_lines(field);
        for attack in ATTACKS {
            let Ok(runtime) = field(base(), attack).setup("last").build() else {
                refused += 1;
                continue;
            };
            quoted += 1;
            let built = Recipe::new(&runtime, &without_user(), &BuildOptions::new())
                .unwrap()
                .unwrap();
            assert_eq!(
                built.dockerfile.lines().count(),
                lines,
                "{index} {attack:?}"
            );
            // Every line is a list of strings, and the attack is one entire string: it is never part of a script.
            let args: Vec<_> = commands(&built.dockerfile).into_iter().flatten().collect();
            let whole = [attack.to_owned(), format!("/w/{attack}")];
            for arg in &args {
                let fixed = [UV, NPM, LINK, APT, CARGO, SETUP, GIVE].contains(&arg.as_str());
                let part = arg.contains(attack) && !whole.contains(arg);
                assert!(fixed || !part, "{index} {attack:?} in {arg:?}");
            }
            if (5..=7).contains(&index) {
                assert!(
                    args.iter().any(|arg| whole.contains(arg)),
                    "{index} {attack:?}"
                );
            }
        }
    }
    assert!(
        plain.len() == 2 && refused > 120 && quoted > 40,
        "{refused} refused, {quoted} quoted"
    );
    // Names and base images reject all of these.
    for attack in ATTACKS {
        assert!(
            RuntimeConfig::builder(attack)
                .base_image("a")
                .build()
                .is_err(),
            "{attack:?}"
        );
        assert!(
            RuntimeConfig::builder("a")
                .base_image(attack)
                .build()
                .is_err(),
            "{attack:?}"
        );
        assert!(base().env(attack, "a").build().is_err(), "{attack:?}");
    }
}

#[test]
fn a_line_too_long_for_builders_is_refused() {
    let runtime = base().setup("x".repeat(70_000)).build().unwrap();
    let error = Recipe::new(&runtime, &without_user(), &BuildOptions::new()).unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
    assert!(error.to_string().len() < 300);
}

#[test]
fn every_builtin_has_a_recipe_or_needs_none() {
    for runtime in RuntimeConfig::builtins() {
        let recipe = Recipe::new(&runtime, &without_user(), &BuildOptions::new()).unwrap();
        assert_eq!(
            recipe.is_none(),
            runtime.packages().is_empty(),
            "{}",
            runtime.name()
        );
    }
}
