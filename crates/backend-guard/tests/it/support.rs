//! Shared by several tests: paths, rules, directories with links in them.

use std::os::unix::fs::symlink;
use std::path::Path;

use backend_conformance::Subject;
use backend_core::{Backend, VirtualPath};
use backend_fs::FsBackend;
use backend_guard::{Action, Guarded, Permissions, Rule};
use tempfile::TempDir;

pub(crate) fn p(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

/// Everything is allowed, except these paths.
pub(crate) fn all_but(patterns: &[&str]) -> Permissions {
    Permissions::all(Action::Allow).with_rule(Rule::new(Action::Deny).paths(patterns).unwrap())
}

/// Rules that affect no law, but that every operation has to check.
pub(crate) fn far_away() -> Permissions {
    all_but(&["/never/**", "**/never-[0-9]*.secret", "never"])
}

pub(crate) fn fs() -> (TempDir, FsBackend) {
    let dir = tempfile::tempdir().unwrap();
    let backend = FsBackend::open(dir.path()).unwrap();
    (dir, backend)
}

pub(crate) fn link(dir: &Path, path: &str, target: &str) {
    symlink(target, dir.join(path.trim_start_matches('/'))).unwrap();
}

/// A guarded directory for the laws, links included.
pub(crate) fn subject_of<B: Backend>(dir: TempDir, backend: Guarded<B>) -> Subject {
    let root = dir.path().to_path_buf();
    Subject::new(backend)
        .host_path(root.display().to_string())
        .links(move |path, target| symlink(target, root.join(path.relative())))
        .keep(dir)
}
