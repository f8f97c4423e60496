//! The laws about files, on a backend behind the wire: over a pipe in memory, and over a pair of sockets.

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
