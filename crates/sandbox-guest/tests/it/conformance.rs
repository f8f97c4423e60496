//! The laws, on the real guest: over its streams, and through its socket and `connect`.

use backend_conformance::{Subject, Suite};
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
    Subject::sandbox(remote)
        .host_path(path.display().to_string())
        .links(move |at, text| std::os::unix::fs::symlink(text, path.join(at.relative())))
        .keep(child)
        .keep(root)
}

async fn spliced() -> Subject {
    let init = Init::start().await;
    let (remote, child) = init.splice().await;
    let host_path = init.root.path().display().to_string();
    Subject::sandbox(remote)
        .host_path(host_path)
        .keep(child)
        .keep(init.child)
        .keep(init.root)
}

backend_conformance::file_laws!(stdio, || async { served().await });
backend_conformance::file_laws!(socket, || async { spliced().await });

backend_conformance::sandbox_laws!(commands_over_stdio, || async { served().await });
backend_conformance::sandbox_laws!(commands_over_a_socket, || async { spliced().await });

/// As in a container: the whole file system, one connection for all laws, and each of them in a directory of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_laws_hold_over_one_connection_at_the_root() {
    let place = tempfile::tempdir().unwrap();
    let base = place.path().canonicalize().unwrap();
    let base = VirtualPath::parse(base.to_str().unwrap()).unwrap();
    let (remote, _child) = over_stdio(Command::new(guest()).arg("serve")).await;
    let mut count = 0;
    let mut subject = || {
        count += 1;
        let directory = base.child(&count.to_string()).unwrap();
        let subject = Subject::sandbox(remote.clone()).directory(directory);
        std::future::ready(subject.one_root().others_use_it())
    };
    Suite::Files.check_all(4, &mut subject).await;
    Suite::Commands.check_all(4, &mut subject).await;
}
