//! The connection to a Docker engine, and how long each call to it may take.
//!
//! Every request of this crate to the engine goes through here, so that each call has a time limit and failures are reported
//! consistently.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{Error, Result};
use bollard::Docker;
use tokio::sync::OnceCell;

mod failure;
mod message;

pub(crate) use failure::{conflict, gone, no_container, of as failure, refused};
pub(crate) use message::{is_about_request, shown};

/// Time limit of a call that the engine answers from memory.
pub(crate) const SHORT: Duration = Duration::from_secs(15);

/// Time limit of a call that creates, starts, ends or changes something.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The client's own time limit, above all of ours except those of transfers.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// A connection to a Docker engine. Clones share it, and so should all sandboxes of an application.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    docker: Docker,
    address: String,
    architecture: OnceCell<String>,
}

impl Engine {
    /// Connects to the engine named by `DOCKER_HOST`, or else to the one on this machine, and makes sure that it answers.
    ///
    /// # Errors
    ///
    /// `unavailable` if no engine answers; `invalid_request` for an address that this build cannot reach.
    pub async fn connect() -> Result<Self> {
        match std::env::var("DOCKER_HOST") {
            Ok(address) if !address.is_empty() => Self::connect_to(&address).await,
            _ => Self::connect_to("unix:///var/run/docker.sock").await,
        }
    }

    /// Connects to the engine at an address: `unix:///path/to.sock`, or `tcp://host:port` for an unencrypted connection, for
    /// example through a tunnel.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Security
    ///
    /// Anyone who can talk to an engine is root on its machine.
    pub async fn connect_to(address: &str) -> Result<Self> {
        let docker = Docker::connect_with_host(address)
            .map_err(failure::address)?
            .with_timeout(CLIENT_TIMEOUT);
        let docker = with_timeout(
            "connecting to the engine",
            SHORT,
            docker.negotiate_version(),
        )
        .await?
        .map_err(|error| failure::of("connecting to the engine", error))?;
        Ok(Self {
            shared: Arc::new(Shared {
                docker,
                address: address.to_owned(),
                architecture: OnceCell::new(),
            }),
        })
    }

    /// Returns the client, for calls made within [`call`](Self::call) or with another time limit.
    pub(crate) fn docker(&self) -> &Docker {
        &self.shared.docker
    }

    /// Returns the architecture of the engine's machine, as the engine names it.
    pub(crate) async fn architecture(&self) -> Result<&str> {
        let ask = || async {
            let what = "asking the engine for its machine";
            let version = self.call(what, SHORT, self.docker().version()).await?;
            Ok::<_, Error>(version.arch.unwrap_or_default())
        };
        let architecture = self.shared.architecture.get_or_try_init(ask).await?;
        Ok(architecture)
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> &str {
        &self.shared.address
    }

    /// Makes a call with a deadline, and converts its errors to ours.
    pub(crate) async fn call<T>(
        &self,
        what: &str,
        limit: Duration,
        call: impl Future<Output = Result<T, bollard::errors::Error>> + Send,
    ) -> Result<T> {
        self.try_call(what, limit, call)
            .await?
            .map_err(|error| failure::of(what, error))
    }

    /// Makes a call with a deadline, and leaves errors of the engine to the caller.
    pub(crate) async fn try_call<T>(
        &self,
        what: &str,
        limit: Duration,
        call: impl Future<Output = Result<T, bollard::errors::Error>> + Send,
    ) -> Result<Result<T, bollard::errors::Error>> {
        with_timeout(what, limit, call).await
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("address", &self.shared.address)
            .finish_non_exhaustive()
    }
}

async fn with_timeout<T>(
    what: &str,
    limit: Duration,
    call: impl Future<Output = T> + Send,
) -> Result<T> {
    tokio::time::timeout(limit, call)
        .await
        .map_err(|_| failure::timed_out(what, limit))
}
