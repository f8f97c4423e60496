//! Connections: how many there are, how long they may take to send a request, and how they end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;

/// Maximum number of open connections. Further ones wait until one is closed.
const MAX_OPEN: usize = 256;

/// How long a client may take to send the head of a request, including the wait for its next one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long connections may take to send pending answers when the server stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait when accepting fails, as when no descriptors are left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The connections that are open.
pub(super) struct Connections {
    gate: Arc<Gate>,
    open: JoinSet<()>,
    free: Arc<Semaphore>,
    closing: CancellationToken,
}

impl Connections {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            open: JoinSet::new(),
            free: Arc::new(Semaphore::new(MAX_OPEN)),
            closing: CancellationToken::new(),
        }
    }

    /// Accepts connections. It does not return.
    pub(super) async fn accept(&mut self, listener: &TcpListener) {
        loop {
            let Ok(turn) = Arc::clone(&self.free).acquire_owned().await else {
                return;
            };
            match self.next(listener).await {
                Ok(stream) => {
                    let serve = serve(Arc::clone(&self.gate), stream, self.closing.clone());
                    self.open.spawn(async move {
                        serve.await;
                        drop(turn);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_RETRY_DELAY).await,
            }
        }
    }

    /// Waits for a connection, and meanwhile removes those that have ended.
    async fn next(&mut self, listener: &TcpListener) -> io::Result<TcpStream> {
        loop {
            tokio::select! {
                accepted = listener.accept() => return accepted.map(|(stream, _)| stream),
                Some(_) = self.open.join_next() => {}
            }
        }
    }

    /// Lets connections end, and aborts those that do not.
    pub(super) async fn close(mut self) {
        self.closing.cancel();
        let ended = async { while self.open.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_TIMEOUT, ended).await.is_err() {
            self.open.shutdown().await;
        }
    }
}

/// Serves one connection to its end. Its failures concern only its client.
async fn serve(gate: Arc<Gate>, stream: TcpStream, closing: CancellationToken) {
    // Answers are small and must not be delayed.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let gate = Arc::clone(&gate);
        async move { Ok::<_, Infallible>(gate.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = closing.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
