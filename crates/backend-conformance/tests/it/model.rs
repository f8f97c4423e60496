//! Random operations on two backends side by side.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_conformance::{Model, Subject};
use backend_core::{BackendExt, VirtualPath};
use backend_fs::FsBackend;
use backend_state::StateBackend;
use tempfile::TempDir;

fn directory() -> (FsBackend, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (FsBackend::open(directory.path()).unwrap(), directory)
}

/// A composite with both kinds of backend, and mounts that sequences run into.
fn composite(
    default: impl backend_core::Backend,
    mounted: impl backend_core::Backend,
) -> CompositeBackend {
    let default: Arc<dyn backend_core::Backend> = Arc::new(default);
    CompositeBackend::builder(default)
        .mount("/m", Arc::new(mounted))
        .build()
        .unwrap()
}

/// The peer of a composite: one store with a directory where the mount is.
async fn store_with_directory() -> StateBackend {
    let store = StateBackend::new();
    store.mkdir("/m").await.unwrap();
    store
}

fn mount() -> VirtualPath {
    VirtualPath::parse("/m").unwrap()
}

#[test]
fn memory_agrees_with_itself() {
    let make = || async { StateBackend::new() };
    Model::new("state and state").agree(make, make);
}

#[test]
fn memory_and_file_system_agree() {
    Model::new("state and fs").agree(
        || async { StateBackend::new() },
        || async {
            let (backend, directory) = directory();
            Subject::new(backend)
                .host_path(directory.path().display().to_string())
                .keep(directory)
        },
    );
}

#[test]
fn a_composite_agrees_with_one_store() {
    Model::new("state and composite of states")
        .fixed(mount())
        .agree(store_with_directory, || async {
            composite(StateBackend::new(), StateBackend::new())
        });
}

#[test]
fn a_composite_of_both_agrees_with_one_store() {
    Model::new("state and composite of state and fs")
        .fixed(mount())
        .agree(store_with_directory, || async {
            let (backend, directory) = directory();
            Subject::new(composite(StateBackend::new(), backend)).keep(directory)
        });
    Model::new("state and composite of fs and state")
        .fixed(mount())
        .agree(store_with_directory, || async {
            let (backend, directory) = directory();
            Subject::new(composite(backend, StateBackend::new())).keep(directory)
        });
}
