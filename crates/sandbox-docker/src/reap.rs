//! Removing what dead processes have left behind.
//!
//! Nothing is removed on a guess: a container must have our labels, be ephemeral, and be created by a process of this host that
//! is known to have ended. Everything else in the engine stays, including containers of other hosts.

use backend_core::{Result, SandboxId};
use bollard::models::ContainerSummary;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};
use futures_util::stream::{self, StreamExt};

use crate::container::Container;
use crate::engine::{LONG, SHORT};
use crate::owner::OwnerState;
use crate::{Engine, labels, listing};

/// How many containers are removed concurrently.
const CONCURRENCY: usize = 8;

/// The outcome of a reap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reaped {
    /// The removed sandboxes, in order.
    pub sandboxes: Vec<SandboxId>,
    /// How many others could not be removed.
    pub failed: usize,
}

impl Engine {
    /// Removes the [ephemeral](crate::Lifetime::Ephemeral) sandboxes of a namespace whose process has ended without stopping
    /// them.
    ///
    /// A process counts as ended only if that is certain: it ran on this host and no longer exists; or the host has rebooted
    /// since, and the container does not run. Kept sandboxes, those of other hosts and namespaces, and containers that this crate
    /// did not create stay.
    ///
    /// # Errors
    ///
    /// `unavailable` where the engine does not answer. A sandbox that cannot be removed is only counted.
    pub async fn reap(&self, namespace: &SandboxId) -> Result<Reaped> {
        let wanted = [
            (labels::KIND, labels::SANDBOX),
            (labels::NAMESPACE, namespace.as_str()),
            (labels::LIFETIME, labels::EPHEMERAL),
        ];
        let found = self.list(&wanted).await?;
        let left = found.into_iter().filter_map(|container| {
            let (_, id) = listing::sandbox(&container)?;
            Some((id, left_behind(container)?))
        });
        let removals = left.map(|(id, key)| async move {
            let removed = Container::new(self.clone(), key).remove().await;
            tracing::debug!(%id, ok = removed.is_ok(), "a sandbox was left behind");
            removed.map(|()| id)
        });
        let mut reaped = Reaped::default();
        let removals: Vec<_> = removals.collect();
        let mut removals = stream::iter(removals).buffer_unordered(CONCURRENCY);
        while let Some(removed) = removals.next().await {
            match removed {
                Ok(id) => reaped.sandboxes.push(id),
                Err(_) => reaped.failed += 1,
            }
        }
        reaped.sandboxes.sort();
        reaped.failed += self.reap_locks().await?;
        Ok(reaped)
    }

    /// Removes the containers that dead processes used to fill or set up volumes; these have no namespace. Returns how many could
    /// not be removed.
    async fn reap_locks(&self) -> Result<usize> {
        let mut found = self.list(&[(labels::KIND, labels::GUEST)]).await?;
        found.extend(self.list(&[(labels::KIND, labels::WORKSPACE)]).await?);
        let mut failed = 0;
        for key in found.into_iter().filter_map(left_behind) {
            let removed = Container::new(self.clone(), key).remove().await;
            failed += usize::from(removed.is_err());
        }
        Ok(failed)
    }

    /// Removes the guest volumes that no container has mounted. They are refilled when needed. Returns how many were removed.
    ///
    /// # Errors
    ///
    /// `unavailable` where the engine does not answer.
    pub async fn remove_unused_guests(&self) -> Result<usize> {
        let filters = labels::filter(&[(labels::KIND, labels::GUEST)]);
        let options = ListVolumesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let what = "listing volumes";
        let call = self.docker().list_volumes(Some(options));
        let volumes = self.call(what, SHORT, call).await?.volumes;
        let mut removed = 0;
        for volume in volumes.unwrap_or_default() {
            let call = self
                .docker()
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>);
            // The engine refuses to remove a mounted one.
            if self
                .try_call("removing a volume", LONG, call)
                .await?
                .is_ok()
            {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Returns the engine's id of a container, if it was left behind.
fn left_behind(container: ContainerSummary) -> Option<String> {
    let marks = container.labels.unwrap_or_default();
    let runs = container
        .state
        .is_some_and(|state| state.as_ref() == "running");
    let left = match labels::owner(&marks).state() {
        OwnerState::Ended => true,
        OwnerState::Rebooted => !runs,
        OwnerState::Running | OwnerState::Unknown => false,
    };
    container.id.filter(|_| left)
}
