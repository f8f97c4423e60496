//! The server: a toolset, and the connections over which clients use it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use backend_tools::Toolset;
use rmcp::service::{QuitReason, ServerInitializeError, serve_server_with_ct};
use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::McpServerBuilder;
use crate::connection::Connection;
use crate::eof::TellsEnd;
use crate::shared::Shared;

/// How long running calls may continue after a client has closed its input: it may still read the answers to its last
/// ones.
const AFTER_EOF: Duration = Duration::from_secs(1);

/// How long a cancelled call may take to end.
const DRAIN: Duration = Duration::from_secs(10);

/// A server of the Model Context Protocol: the tools of a workspace, and its files as resources.
///
/// It is cheap to clone; clones share the workspace. Whatever goes wrong within a call is reported in its result, as a
/// model needs it. The server prints nothing but the protocol, and logs to `tracing`.
#[derive(Clone)]
pub struct McpServer {
    shared: Arc<Shared>,
}

impl McpServer {
    /// Makes a server of these tools.
    pub fn new(toolset: Toolset) -> Self {
        Self::builder(toolset).build()
    }

    /// Sets up a server of these tools.
    pub fn builder(toolset: Toolset) -> McpServerBuilder {
        McpServerBuilder::new(toolset)
    }

    pub(crate) fn of(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Returns the tools that it serves.
    pub fn toolset(&self) -> &Toolset {
        &self.shared.toolset
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection::new(Arc::clone(&self.shared))
    }

    /// Serves one client over the standard streams of this process, until it closes the input.
    ///
    /// Nothing else may write to the standard output meanwhile.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    ///
    /// # Cancellation
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_stdio(&self) -> io::Result<()> {
        let (input, output) = stdio_pipes();
        self.serve(input, output).await
    }

    /// Serves one client over a pair of streams, one message per line, until it closes the input.
    ///
    /// Running calls then have a second to end before they are cancelled. When this returns, no call is running;
    /// started processes continue in the sandbox until it is stopped.
    ///
    /// # Errors
    ///
    /// Returns an error if the client does not begin as the protocol says, or if a call does not end when it is cancelled.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection and cancels its calls.
    pub async fn serve<R, W>(&self, input: R, output: W) -> io::Result<()>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let ended = CancellationToken::new();
        let all = CancellationToken::new();
        // Dropped with this future, which cancels everything it has started.
        let _cancels = all.clone().drop_guard();
        let transport = (TellsEnd::new(input, ended.clone()), output);
        let served = async {
            let running = serve_server_with_ct(self.connection(), transport, all.clone()).await;
            match running {
                Ok(running) => running.waiting().await.map_err(io::Error::other),
                Err(error) => begun_wrong(error),
            }
        };
        let cut = async {
            ended.cancelled().await;
            tokio::time::sleep(AFTER_EOF).await;
            all.cancel();
            std::future::pending::<io::Result<QuitReason>>().await
        };
        let quit = tokio::select! {
            quit = served => quit?,
            quit = cut => quit?,
        };
        all.cancel();
        self.drain().await?;
        match quit {
            QuitReason::JoinError(error) => Err(io::Error::other(error)),
            _ => Ok(()),
        }
    }

    /// Waits until no call is running.
    ///
    /// # Errors
    ///
    /// Returns an error if one does not end.
    pub(crate) async fn drain(&self) -> io::Result<()> {
        let all = self.shared.turns.acquire_many(self.shared.max_calls);
        match tokio::time::timeout(DRAIN, all).await {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "a cancelled call did not end",
            )),
        }
    }
}

/// A client that disconnects before initializing is not an error.
fn begun_wrong(error: ServerInitializeError) -> io::Result<QuitReason> {
    match error {
        ServerInitializeError::ConnectionClosed(_) => Ok(QuitReason::Closed),
        ServerInitializeError::Cancelled => Ok(QuitReason::Cancelled),
        ServerInitializeError::ExpectedInitializeRequest(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the client did not begin with `initialize`",
        )),
        error => Err(io::Error::other(error)),
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer")
            .field("toolset", &self.shared.toolset)
            .finish_non_exhaustive()
    }
}
