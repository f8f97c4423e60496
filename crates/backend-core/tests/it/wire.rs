//! The wire: the same workspace at both ends, and misbehaving or disappearing peers.

mod calls;
mod cancel;
mod conformance;
mod fake;
mod flow;
mod hostile_client;
mod hostile_server;
mod large;
mod lifetime;
mod limits;
mod raw;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use backend_core::wire::{self, Options, Remote, Server};
use tokio::io::DuplexStream;

use fake::Fake;

/// How long anything in these tests may take before it counts as hung.
const HANG: Duration = Duration::from_secs(300);

/// Connects to a fake sandbox over a pipe in memory.
async fn connected() -> (Remote, Arc<Fake>) {
    let fake = Arc::new(Fake::new());
    let remote = connected_to(Arc::clone(&fake), 64 << 10, &Options::default()).await;
    (remote, fake)
}

/// Connects to a fake sandbox over a pipe of this capacity, with the same options on both sides.
async fn connected_to(fake: Arc<Fake>, capacity: usize, options: &Options) -> Remote {
    let (near, far) = tokio::io::duplex(capacity);
    serve(fake, far, options);
    wire::connect_with(near, options).await.unwrap()
}

fn serve(fake: Arc<Fake>, io: DuplexStream, options: &Options) {
    let server = Server::sandbox(fake).options(options.clone());
    tokio::spawn(async move { server.serve(io).await });
}

/// Fails a test that hangs.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}
