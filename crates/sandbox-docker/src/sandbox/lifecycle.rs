//! Operations on the container of a sandbox as a whole.

use std::net::SocketAddr;

use backend_core::{Error, Result};

use super::DockerSandbox;
use crate::options::Lifetime;

impl DockerSandbox {
    /// Freezes everything that runs in the container until it is [resumed](Self::resume). Meanwhile it uses no CPU, and every
    /// operation is `unavailable`.
    ///
    /// # Errors
    ///
    /// `unavailable` if no container is running.
    pub async fn pause(&self) -> Result<()> {
        self.started()?.pause().await?;
        self.shared.link.pause();
        Ok(())
    }

    /// Resumes a paused container.
    ///
    /// # Errors
    ///
    /// `unavailable` if no container is paused.
    pub async fn resume(&self) -> Result<()> {
        self.started()?.unpause().await?;
        self.shared.link.resume();
        Ok(())
    }

    /// Ends everything that runs in the container, and starts it again with its files. Those in memory are lost.
    ///
    /// # Errors
    ///
    /// `unavailable` if there is no container, or it does not start.
    pub async fn restart(&self) -> Result<()> {
        let container = self.started()?;
        if let Some(remote) = self.shared.link.connected() {
            remote.close().await;
        }
        container.restart().await?;
        self.shared.link.reset();
        self.remote().await.map(drop)
    }

    /// Removes the container with everything in it. Bound directories and named volumes stay.
    ///
    /// # Errors
    ///
    /// `unavailable` if it cannot be determined whether the container is gone.
    pub async fn destroy(&self) -> Result<()> {
        self.shared
            .link
            .mark_gone(Error::unavailable("the sandbox was destroyed"));
        match self.shared.container.get() {
            Some(container) => container.remove().await,
            None => Ok(()),
        }
    }

    /// Returns the address on the engine's host at which a port of the container is reachable.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a port that was not published; `unavailable`.
    pub async fn port(&self, inside: u16) -> Result<SocketAddr> {
        let container = self.container().await?;
        let found = container.inspect().await?;
        found
            .and_then(|found| {
                found
                    .network_settings?
                    .ports?
                    .remove(&format!("{inside}/tcp"))?
            })
            .and_then(|bindings| {
                bindings.into_iter().find_map(|binding| {
                    let ip = binding.host_ip?.parse().ok()?;
                    Some(SocketAddr::new(ip, binding.host_port?.parse().ok()?))
                })
            })
            .ok_or_else(|| {
                Error::invalid_request(format!("port {inside} of the sandbox is not reachable"))
            })
    }

    /// Ends the container: removes it, or leaves it stopped if it is kept.
    pub(super) async fn end(&self) -> Result<()> {
        let connected = self.shared.link.connected();
        self.shared
            .link
            .mark_gone(Error::unavailable("the sandbox was stopped"));
        if let Some(remote) = connected {
            // Everything that runs for this connection is killed, so that the guest has nothing to wait for.
            remote.close().await;
        }
        let Some(container) = self.shared.container.get() else {
            return Ok(());
        };
        match self.shared.lifetime {
            Lifetime::Ephemeral => container.remove().await,
            Lifetime::Kept => container.stop().await,
        }
    }
}
