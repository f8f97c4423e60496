//! Valid package names, and the many spellings of something else.

use proptest::prelude::*;

use super::super::PackageManager::{self, Apt, Cargo, Npm, Pip, Uv};
use super::{ARCHIVES, check, is_tar_of_npm};
use crate::RuntimeConfig;

/// Returns why a runtime with this package is rejected, if it is.
fn refusal(manager: PackageManager, name: &str) -> Option<String> {
    let runtime = RuntimeConfig::builder("x")
        .base_image("debian")
        .packages(manager, [name]);
    runtime.build().err().map(|error| error.to_string())
}

#[track_caller]
fn taken(manager: PackageManager, names: &[&str]) {
    for name in names {
        assert_eq!(refusal(manager, name), None, "{manager:?} {name}");
    }
}

#[track_caller]
fn refused(manager: PackageManager, names: &[&str]) {
    for name in names {
        assert!(refusal(manager, name).is_some(), "{manager:?} {name}");
    }
}

#[test]
fn names_and_versions_of_python() {
    for manager in [Pip, Uv] {
        taken(
            manager,
            &[
                "six",
                "A_b.c-d",
                "web.py",
                "numpy>=2",
                "numpy>=1.26,<3,!=2.0.*",
                "a==1.0.*",
                "a===1.0-custom",
                "a~=1.4.2",
                "torch==2.3.0+cpu",
                "a==1!2.0",
                "a<2",
                "uvicorn[standard]",
                "uvicorn[standard,dev-x]>=0.20",
                "zope.interface",
                "backports.lzma2",
                "x",
            ],
        );
        refused(
            manager,
            &[
                "x.txz",
                "x.tar.lzma",
                "x.tar.lz",
                "x.TLZ",
                "x.tbz",
                "x.tar.bz2",
                "six-1.0-py3-none-any.whl",
                "six-1.0.tar.gz",
                "SIX.ZIP",
                "six.zip[extra]",
                "six==1.0.zip",
                "six>=1.tgz",
                "six.tar.zst",
                "six.egg",
                "./six",
                "six/",
                "..",
                "a..b",
                ".six",
                "six.",
                "-six",
                "six-",
                "git+https://example.org/x",
                "https://example.org/x",
                "file:six",
                "six@https://example.org/x",
                "six @ file:///x",
                "six;python_version>'3'",
                "six==",
                "six>",
                "six=1",
                "six=>1",
                "==1",
                "six[",
                "six[]",
                "six[a]b",
                "[a]",
                "six,attrs",
                "six==1,attrs",
                "six*",
                "six?",
                "~six",
                "+six",
                "*",
                "six==/x",
                "six==.",
                "six==..",
                "${HOME}",
            ],
        );
    }
}

#[test]
fn names_and_versions_of_npm() {
    taken(
        Npm,
        &[
            "react",
            "left-pad",
            "lodash.get",
            "@types/react",
            "@types/react@^18.0.0",
            "vite@5",
            "vite@latest",
            "vite@~5.1",
            "vite@>=5",
            "vite@5.x",
            "vite@*",
            "vite@5.0.0-beta.1+build",
            "is-number@=7.0.0",
            "socket.io",
            "tar-gz",
            "x-tar-gz",
            "x.target-gz",
            "x.targz",
            "x.tar-xgz",
            "x.tar-gz@1",
        ],
    );
    refused(
        Npm,
        &[
            "is-number-7.0.0.tgz",
            "x.TGZ",
            "x.tar",
            "x.tar.gz",
            "x.tar-gz",
            "x.TAR_gZ",
            "x.tar1gz",
            "@a/x.tar-gz",
            "x@y.tar-gz",
            "x@1.tgz",
            "x@y.tar.gz",
            "user/repo",
            "user/repo#main",
            "x@user/repo",
            "@a/b/c",
            "@a/../../b",
            "@a/b@c/d",
            "@a",
            "@a/",
            "@/a",
            "github:user/repo",
            "git+ssh://git@example.org/x",
            "git@example.org:user/x",
            "x@git+https://example.org/x",
            "x@npm:y",
            "x@npm:y@1",
            "x@file:y",
            "x@./y",
            "x@.",
            "x@..",
            "x@~",
            "x@~/y",
            "x@",
            "x@1@2",
            ".",
            "..",
            "./x",
            "~/x",
            "~x",
            "/x",
            "C:x",
            "x*",
            "_x",
            "https://example.org/x",
            "x@link:y",
            "x@workspace:y",
        ],
    );
}

#[test]
fn names_and_versions_of_apt() {
    taken(
        Apt,
        &[
            "git",
            "libstdc++6",
            "g++",
            "g++-12",
            "libdb5.3++",
            "python3.11",
            "libc6:amd64",
            "git=1:2.39~x",
            "libc6:arm64=2.36-9+deb12u7",
            "dvd+rw-tools",
            "0ad",
            "php8.2-cli",
        ],
    );
    refused(
        Apt,
        &[
            "~n.",
            "~ngit",
            "a.+",
            "a.",
            ".a",
            "a..b",
            "a.-b",
            "lib.+dev",
            "lib.*dev",
            "+",
            "++",
            "git+",
            "git-",
            "git:amd64-",
            "git=1.0-",
            "git=1.0+",
            "libc6-",
            "git^",
            "lamp-server^",
            "git*",
            "git?",
            "^git$",
            "[a-z]",
            "git|hg",
            "?name(git)",
            "!git",
            "git/stable",
            "./git.deb",
            "/tmp/git.deb",
            "git=",
            "git=~",
            "git:",
            "git:=1",
            "=1",
            ":amd64",
            "git=1=2",
            "git=1.*",
        ],
    );
}

#[test]
fn names_and_versions_of_cargo() {
    taken(
        Cargo,
        &[
            "ripgrep",
            "cargo-edit",
            "wasm_pack",
            "ripgrep@14",
            "ripgrep@14.1.0",
            "x@1.0.0-rc.1+build",
        ],
    );
    refused(
        Cargo,
        &[
            "./x",
            "x/y",
            "../x",
            ".",
            "x.y",
            "x.crate",
            "+nightly",
            "@1",
            "x@",
            "x@.",
            "x@../y",
            "x@y/z",
            "x@1@2",
            "x@*",
            "1x",
            "x+",
            "https://example.org/x",
            "--git=x",
        ],
    );
}

#[test]
fn a_refusal_says_why() {
    for (manager, name, want) in [
        (Pip, "x.txz", "taken for a file"),
        (Npm, "user/repo", "a repository"),
        (Apt, "libc6-", "apt would remove"),
        (Apt, "git+", "an instruction"),
        (Apt, "a.+", "an instruction"),
        (Apt, "lib.+dev", "a pattern"),
        (Pip, "six==", "a version"),
    ] {
        let said = refusal(manager, name).unwrap();
        assert!(said.contains(want) && said.contains(name), "{said}");
    }
}

proptest! {
    /// A name stays valid with any version; with an archive extension it is a file.
    #[test]
    fn a_name_with_a_version_is_accepted_and_an_archive_is_not(
        name in "[a-z][a-z0-9]{0,8}([._-][a-z0-9]{1,8}){0,3}",
        version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}(rc[0-9])?",
        archive in prop::sample::select(&ARCHIVES[..]),
        upper in any::<bool>(),
    ) {
        let archive = if upper { archive.to_uppercase() } else { archive.to_owned() };
        prop_assume!(!ARCHIVES.iter().any(|end| name.ends_with(end)) && !is_tar_of_npm(&name));
        for (manager, join) in [(Pip, "=="), (Pip, ">="), (Uv, "~="), (Npm, "@"), (Npm, "@^")] {
            let spec = format!("{name}{join}{version}");
            prop_assert_eq!(refusal(manager, &spec), None);
            for file in [format!("{name}{archive}"), format!("{spec}{archive}")] {
                prop_assert!(refusal(manager, &file).is_some(), "{}", file);
            }
        }
    }

    /// No accepted text contains a path, an address, an option or a pattern.
    #[test]
    fn an_accepted_name_leads_nowhere_else(text in "[a-z0-9@/.:~+*?^$=<>\\[\\]_-]{1,12}") {
        for manager in [Pip, Uv, Npm, Apt, Cargo] {
            if check(manager, &text).is_err() {
                continue;
            }
            prop_assert!(!text.contains("..") && !text.contains('$') && !text.contains('?'));
            prop_assert!(!text.starts_with(['-', '.', '/', '~', '*', '+', '^']));
            let scoped = manager == Npm && text.starts_with('@') && text.matches('/').count() == 1;
            prop_assert!(scoped || !text.contains('/'));
            prop_assert!(manager == Apt || !text.contains(':'));
            prop_assert!(manager != Apt || !text.ends_with('-'));
        }
    }
}
