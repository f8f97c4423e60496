//! What processes that are gone have left behind, and how it is removed.
//!
//! Nothing is removed on a guess: a container has to carry our labels, be ephemeral, and be made by a process of this host
//! that is known to have ended. Whatever else there is in the engine, of other hosts too, stays.

use backend_core::{Result, SandboxId};
use bollard::models::ContainerSummary;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};
use futures_util::stream::{self, StreamExt};

use crate::container::Container;
use crate::engine::{LONG, SHORT};
use crate::owner::Fate;
use crate::{Engine, found, labels};

/// How many containers are removed at once.
const AT_ONCE: usize = 8;

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reaped {
    /// The sandboxes, in order.
    pub sandboxes: Vec<SandboxId>,
    /// How many more should have been removed, and could not.
    pub failed: usize,
}

impl Engine {
    /// Removes the [ephemeral](crate::Lifetime::Ephemeral) sandboxes of a namespace whose process has ended without stopping
    /// them.
    ///
    /// That a process has ended is said only where it is certain: it was one of this host, and is not there any more; or
    /// the host has been started again since, and the container does not run. Sandboxes that are kept, those of other
    /// hosts and namespaces, and what this crate did not make stay.
    ///
    /// # Errors
    ///
    /// `unavailable` where the engine does not answer. A sandbox that cannot be removed is counted.
    pub async fn reap(&self, namespace: &SandboxId) -> Result<Reaped> {
        let wanted = [
            (labels::KIND, labels::SANDBOX),
            (labels::NAMESPACE, namespace.as_str()),
            (labels::LIFETIME, labels::EPHEMERAL),
        ];
        let found = self.list(&wanted).await?;
        let left = found.into_iter().filter_map(|container| {
            let (_, id) = found::sandbox(&container)?;
            Some((id, left_behind(container)?))
        });
        let removals = left.map(|(id, key)| async move {
            let removed = Container::new(self.clone(), key).remove().await;
            tracing::debug!(%id, ok = removed.is_ok(), "a sandbox was left behind");
            removed.map(|()| id)
        });
        let mut reaped = Reaped::default();
        let removals: Vec<_> = removals.collect();
        let mut removals = stream::iter(removals).buffer_unordered(AT_ONCE);
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

    /// Removes the containers through which volumes were being filled by processes that are gone: they are of no namespace.
    /// Returns how many could not be removed.
    async fn reap_locks(&self) -> Result<usize> {
        let found = self.list(&[(labels::KIND, labels::GUEST)]).await?;
        let mut failed = 0;
        for key in found.into_iter().filter_map(left_behind) {
            let removed = Container::new(self.clone(), key).remove().await;
            failed += usize::from(removed.is_err());
        }
        Ok(failed)
    }

    /// Removes the volumes in which guests are kept and that no container has mounted. Whoever needs one fills it again.
    /// Returns how many were removed.
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
            // One that is mounted is refused.
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

/// Returns the key of a container, if it was left behind.
fn left_behind(container: ContainerSummary) -> Option<String> {
    let marks = container.labels.unwrap_or_default();
    let runs = container
        .state
        .is_some_and(|state| state.as_ref() == "running");
    let left = match labels::owner(&marks).fate() {
        Fate::Gone => true,
        Fate::Rebooted => !runs,
        Fate::Here | Fate::Unknown => false,
    };
    container.id.filter(|_| left)
}
