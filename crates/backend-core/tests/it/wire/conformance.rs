//! The laws, on a backend and a sandbox behind the wire: over an in-memory pipe, and over a pair of sockets.

use backend_core::wire;
use backend_state::StateBackend;

async fn over_a_pipe() -> wire::Remote {
    let (near, far) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move { wire::serve_backend(StateBackend::new(), far).await });
    wire::connect(near).await.unwrap()
}

/// Small frames and windows, so that even short messages are cut.
async fn in_small_frames() -> wire::Remote {
    let limits = wire::Limits::default()
        .frame(4 << 10)
        .window(8 << 10)
        .in_flight(2);
    let options = wire::Options::default().limits(limits);
    let (near, far) = tokio::io::duplex(777);
    let server = wire::Server::backend(StateBackend::new()).options(options.clone());
    tokio::spawn(async move { server.serve(far).await });
    wire::connect_with(near, &options).await.unwrap()
}

#[cfg(unix)]
async fn over_sockets() -> wire::Remote {
    let (near, far) = tokio::net::UnixStream::pair().unwrap();
    tokio::spawn(async move { wire::serve_backend(StateBackend::new(), far).await });
    wire::connect(near).await.unwrap()
}

backend_conformance::file_laws!(pipe, || async { over_a_pipe().await });
backend_conformance::file_laws!(small_frames, || async { in_small_frames().await });
#[cfg(unix)]
backend_conformance::file_laws!(sockets, || async { over_sockets().await });

/// A sandbox behind the wire: its files in a directory, and its commands as local processes.
#[cfg(target_os = "linux")]
mod sandbox {
    use backend_conformance::Subject;
    use backend_core::wire::{self, Options, Server};
    use backend_fs::FsBackend;
    use sandbox_local::LocalSandbox;
    use tempfile::TempDir;
    use tokio::io::{AsyncRead, AsyncWrite};

    fn served() -> (LocalSandbox<FsBackend>, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let backend = FsBackend::open(directory.path()).unwrap();
        let sandbox = LocalSandbox::without_isolation(backend, directory.path()).unwrap();
        (sandbox, directory)
    }

    async fn over<S>(near: S, far: S, options: Options) -> Subject
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sandbox, directory) = served();
        let path = directory.path().to_owned();
        let server = Server::sandbox(sandbox).options(options.clone());
        tokio::spawn(async move { server.serve(far).await });
        Subject::sandbox(wire::connect_with(near, &options).await.unwrap())
            .host_path(path.display().to_string())
            .links(move |at, text| std::os::unix::fs::symlink(text, path.join(at.relative())))
            .keep(directory)
    }

    async fn over_a_pipe() -> Subject {
        let (near, far) = tokio::io::duplex(64 << 10);
        over(near, far, Options::default()).await
    }

    async fn over_sockets() -> Subject {
        let (near, far) = tokio::net::UnixStream::pair().unwrap();
        over(near, far, Options::default()).await
    }

    backend_conformance::file_laws!(files_over_a_pipe, || async { over_a_pipe().await });
    backend_conformance::file_laws!(files_over_sockets, || async { over_sockets().await });
    backend_conformance::sandbox_laws!(commands_over_a_pipe, || async { over_a_pipe().await });
    backend_conformance::sandbox_laws!(commands_over_sockets, || async { over_sockets().await });
}
