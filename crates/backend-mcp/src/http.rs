//! Streamable HTTP: the same server for clients that are not the parent process.
//!
//! A client with the token may do everything that the tools may. Requests without it do not reach the protocol.

mod connections;
mod gate;
mod token;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio_util::sync::CancellationToken;

use crate::McpServer;
use connections::Connections;
use gate::Gate;
pub use token::{MIN_TOKEN_BYTES, Token, TokenError};

/// The path of the endpoint.
const PATH: &str = "/mcp";

/// Maximum size of a request in bytes, as for a message over standard streams.
const BODY_BYTES: usize = 16 << 20;

/// How long a session is kept without a message: longer than any command may run.
const SESSION_IDLE: Duration = Duration::from_secs(60 * 60);

/// The names of this machine for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Builds an [`HttpServer`] with options. It is made by [`McpServer::http`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `bind` is called"]
pub struct HttpServerBuilder {
    server: McpServer,
    token: Token,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl McpServer {
    /// Sets up a server over HTTP, for clients that have the token.
    pub fn http(&self, token: Token) -> HttpServerBuilder {
        HttpServerBuilder {
            server: self.clone(),
            token,
            hosts: Vec::new(),
            origins: Vec::new(),
        }
    }
}

impl HttpServerBuilder {
    /// Accepts requests to this host name, with or without a port; `localhost`, `127.0.0.1` and `::1` are always
    /// accepted. This keeps out a page in a browser whose own name resolves to this machine.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Accepts requests from pages of this origin, such as `https://app.example.com:443`. By default every request with
    /// an origin is refused: it was sent by a browser.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Opens the address. Port 0 selects a free port.
    ///
    /// There is no encryption: beyond this machine, use a proxy that adds it.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be opened; `InvalidInput` for an address beyond this machine if no
    /// [host](Self::allow_host) was named.
    pub async fn bind(self, address: impl ToSocketAddrs) -> io::Result<HttpServer> {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        if !local.ip().is_loopback() && self.hosts.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "an address that others can reach needs the host names by which they reach it",
            ));
        }
        Ok(HttpServer {
            listener,
            local,
            settings: self,
        })
    }
}

/// A server that listens, and serves once [`serve`](Self::serve) is called.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    local: SocketAddr,
    settings: HttpServerBuilder,
}

impl HttpServer {
    /// Returns the address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Returns the URL for clients on this machine.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.local)
    }

    /// Serves clients until `stop` completes.
    ///
    /// It then accepts no more connections and cancels all calls; when it returns, no call is running.
    ///
    /// # Errors
    ///
    /// Returns an error if a call does not end when it is cancelled.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes all connections and cancels all calls.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let HttpServerBuilder {
            server,
            token,
            hosts,
            origins,
        } = self.settings;
        let all = CancellationToken::new();
        let _cancels = all.clone().drop_guard();
        let names = LOOPBACK.into_iter().map(str::to_owned).chain(hosts);
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(names)
            .with_allowed_origins(origins)
            .enforce_origin_validation()
            .with_max_request_body_bytes(BODY_BYTES)
            .with_cancellation_token(all.clone());
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(SESSION_IDLE);
        let connections = server.clone();
        let service = StreamableHttpService::new(
            move || Ok(connections.connection()),
            Arc::new(sessions),
            config,
        );
        let gate = Arc::new(Gate::new(PATH, token, service));
        let mut open = Connections::new(gate);
        tokio::select! {
            () = open.accept(&self.listener) => {}
            () = stop => {}
        }
        drop(self.listener);
        all.cancel();
        open.close().await;
        server.drain().await
    }
}
