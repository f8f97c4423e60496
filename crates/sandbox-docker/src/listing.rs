//! Sandboxes as the engine lists them, in every namespace.

use backend_core::{Result, SandboxId};
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::engine::SHORT;
use crate::{Engine, labels};

impl Engine {
    /// Returns every sandbox of this crate that the engine has, whether it runs or not: its namespace and its id, in order.
    ///
    /// # Errors
    ///
    /// `unavailable` where the engine does not answer.
    pub async fn sandboxes(&self) -> Result<Vec<(SandboxId, SandboxId)>> {
        let found = self.list(&[(labels::KIND, labels::SANDBOX)]).await?;
        let mut sandboxes: Vec<_> = found.iter().filter_map(sandbox).collect();
        sandboxes.sort();
        sandboxes.dedup();
        Ok(sandboxes)
    }

    /// Returns all containers that have labels with these values.
    pub(crate) async fn list(&self, wanted: &[(&str, &str)]) -> Result<Vec<ContainerSummary>> {
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&labels::filter(wanted))
            .build();
        let call = self.docker().list_containers(Some(options));
        self.call("listing containers", SHORT, call).await
    }
}

/// Returns the namespace and the id of a sandbox by its container.
///
/// A container has the labels of its image too, and anybody can give an image any label. But it has the name that belongs to
/// them only if we made it.
pub(crate) fn sandbox(container: &ContainerSummary) -> Option<(SandboxId, SandboxId)> {
    let marks = container.labels.as_ref()?;
    let part = |name: &str| SandboxId::parse(marks.get(name)?).ok();
    let (namespace, id) = (part(labels::NAMESPACE)?, part(labels::ID)?);
    let name = labels::container_name(&namespace, &id);
    let mut names = container.names.iter().flatten();
    let ours = names.any(|found| found.trim_start_matches('/') == name);
    ours.then_some((namespace, id))
}
