//! The connection to a Docker engine, and how long each call to it may take.
//!
//! Everything of this crate that asks the engine for something does it through here, so that no call is without a bound and
//! every failure is told in the same words.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backend_core::Result;
use bollard::Docker;
use tokio::sync::OnceCell;

use crate::guest::Guest;

mod failure;
mod said;

pub(crate) use failure::{conflict, gone, no_container, of as failure, refused};
pub(crate) use said::{is_about_request, shown};

/// How long a call may take that the engine answers from memory.
pub(crate) const SHORT: Duration = Duration::from_secs(15);

/// How long a call may take that makes, starts, ends or changes something.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The client's own bound, which is above all of ours, but for those of transfers.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// A connection to a Docker engine. Clones share it, and so should all sandboxes of an application.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    docker: Docker,
    address: String,
    guest: OnceCell<Guest>,
}

impl Engine {
    /// Connects to the engine that `DOCKER_HOST` names, or else to the one of this machine, and makes sure that it answers.
    ///
    /// # Errors
    ///
    /// `unavailable` where no engine answers; `invalid_request` for an address that this build cannot reach.
    pub async fn connect() -> Result<Self> {
        match std::env::var("DOCKER_HOST") {
            Ok(address) if !address.is_empty() => Self::connect_to(&address).await,
            _ => Self::connect_to("unix:///var/run/docker.sock").await,
        }
    }

    /// Connects to the engine at an address: `unix:///path/to.sock`, or `tcp://host:port` for one that is reached without
    /// encryption, through a tunnel for example.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Security
    ///
    /// Whoever can speak to an engine is root on its machine.
    pub async fn connect_to(address: &str) -> Result<Self> {
        let docker = Docker::connect_with_host(address)
            .map_err(failure::address)?
            .with_timeout(CLIENT_TIMEOUT);
        let docker = within(
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
                guest: OnceCell::new(),
            }),
        })
    }

    /// Returns the client, for calls that are made within [`call`](Self::call) or have a bound of another kind.
    pub(crate) fn docker(&self) -> &Docker {
        &self.shared.docker
    }

    /// Returns the guest that is embedded for the engine's machine.
    pub(crate) async fn embedded_guest(&self) -> Result<Guest> {
        let choose = || async {
            let what = "asking the engine for its machine";
            let version = self.call(what, SHORT, self.docker().version()).await?;
            Guest::embedded(&version.arch.unwrap_or_default())
        };
        self.shared.guest.get_or_try_init(choose).await.cloned()
    }

    /// Returns where it was reached.
    pub(crate) fn address(&self) -> &str {
        &self.shared.address
    }

    /// Makes a call with a deadline. Every error of it is one of ours.
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

    /// Makes a call with a deadline, and leaves it to the caller what an error of the engine means.
    pub(crate) async fn try_call<T>(
        &self,
        what: &str,
        limit: Duration,
        call: impl Future<Output = Result<T, bollard::errors::Error>> + Send,
    ) -> Result<Result<T, bollard::errors::Error>> {
        within(what, limit, call).await
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("address", &self.shared.address)
            .finish_non_exhaustive()
    }
}

async fn within<T>(what: &str, limit: Duration, call: impl Future<Output = T> + Send) -> Result<T> {
    tokio::time::timeout(limit, call)
        .await
        .map_err(|_| failure::late(what, limit))
}
