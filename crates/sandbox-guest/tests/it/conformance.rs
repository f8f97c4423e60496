//! The laws about files, on the real guest: over its streams, and through its socket and `connect`.

use backend_conformance::{Below, Subject};
use backend_core::VirtualPath;
use tokio::process::Command;

use crate::host::{Init, Served, guest, over_stdio};

async fn served() -> Subject {
    let Served {
        remote,
        child,
        root,
    } = Served::start().await;
    let path = root.path().to_owned();
    Subject::new(remote)
        .host_path(path.display().to_string())
        .links(move |at, text| std::os::unix::fs::symlink(text, path.join(at.relative())))
        .keep(child)
        .keep(root)
}

/// The whole file system of the guest, of which the laws get a directory.
async fn below_the_root() -> Subject {
    let directory = tempfile::tempdir().unwrap();
    let (remote, child) = over_stdio(Command::new(guest()).arg("serve")).await;
    let path = VirtualPath::parse(directory.path().to_str().unwrap()).unwrap();
    Subject::new(Below::new(remote, path))
        .keep(child)
        .keep(directory)
}

async fn spliced() -> Subject {
    let init = Init::start().await;
    let (remote, child) = init.splice().await;
    let host_path = init.root.path().display().to_string();
    Subject::new(remote)
        .host_path(host_path)
        .keep(child)
        .keep(init.child)
        .keep(init.root)
}

backend_conformance::file_laws!(stdio, || async { served().await });
backend_conformance::file_laws!(root, || async { below_the_root().await });
backend_conformance::file_laws!(socket, || async { spliced().await });
