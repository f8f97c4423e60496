//! The laws about links and messages, on composites over the file system: what a wrapper does to links, and to paths
//! in errors.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_conformance::{Below, Subject, areas};
use backend_core::{Backend, VirtualPath};
use backend_fs::FsBackend;
use backend_state::StateBackend;

/// Makes a subject in which `place` shows the file system as its root.
fn linked(place: fn(FsBackend) -> Subject) -> Subject {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_path_buf();
    place(FsBackend::open(&root).unwrap())
        .host_path(root.display().to_string())
        .links(move |path, target| symlink(target, root.join(path.relative())))
        .keep(directory)
}

fn as_the_default(backend: FsBackend) -> Subject {
    let default: Arc<dyn Backend> = Arc::new(backend);
    Subject::new(CompositeBackend::builder(default).build().unwrap())
}

fn in_a_mount(backend: FsBackend) -> Subject {
    let default: Arc<dyn Backend> = Arc::new(StateBackend::new());
    let composite = CompositeBackend::builder(default).mount("/deep/mount", Arc::new(backend));
    let base = VirtualPath::parse("/deep/mount").unwrap();
    Subject::new(Below::new(composite.build().unwrap(), base))
}

fn check(place: fn(FsBackend) -> Subject, named: &[&str]) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for area in areas().iter().filter(|area| named.contains(&area.name)) {
        for law in area.laws {
            let subject = linked(place);
            assert_eq!(law.lacks(&subject), None, "{law:?}");
            println!("{law:?}");
            runtime.block_on(law.check(subject));
        }
    }
}

#[test]
fn links_in_a_mount_keep_the_laws() {
    check(in_a_mount, &["links", "errors"]);
}

#[test]
fn links_in_a_default_keep_the_laws() {
    check(as_the_default, &["links", "errors"]);
}
