//! Finding the container of a sandbox: by its name, or by its labels if it was renamed.
//!
//! A sandbox is reported missing only after both fail. A container never counts as a sandbox because of its image's labels, which
//! anyone may have set.

use backend_core::{Error, Result, SandboxId};
use bollard::models::ContainerInspectResponse;

use crate::container::{Container, labels_of};
use crate::{Engine, labels};

/// A container, and the engine's description of it.
pub(crate) type Found = (Container, ContainerInspectResponse);

impl Engine {
    /// Finds the container of a sandbox, if there is one and it is ours.
    ///
    /// # Errors
    ///
    /// `unavailable` where the engine does not answer, or several containers claim to be the sandbox.
    pub(crate) async fn find(
        &self,
        namespace: &SandboxId,
        id: &SandboxId,
    ) -> Result<Option<Found>> {
        let name = labels::container_name(namespace, id);
        let named = self.inspect_by_name(&name).await?;
        if let Some(found) = named.and_then(|found| self.ours(found, namespace, id)) {
            return Ok(Some(found));
        }
        self.find_renamed(namespace, id).await
    }

    async fn find_renamed(&self, namespace: &SandboxId, id: &SandboxId) -> Result<Option<Found>> {
        let wanted = [
            (labels::KIND, labels::SANDBOX),
            (labels::NAMESPACE, namespace.as_str()),
            (labels::ID, id.as_str()),
        ];
        let listed = self.list(&wanted).await?;
        let mut renamed = None;
        for key in listed.into_iter().filter_map(|container| container.id) {
            let Some(found) = self.inspect_by_name(&key).await? else {
                continue;
            };
            let Some(found) = self.ours(found, namespace, id) else {
                continue;
            };
            match self.marks(found.1.image.as_deref(), id).await? {
                Some(false) => {}
                Some(true) => continue,
                None => {
                    return Err(Error::unavailable(format!(
                        "the container of sandbox '{id}' was renamed and its image is missing, so it cannot be identified as the \
                         sandbox; give it its name back"
                    )));
                }
            }
            if renamed.is_some() {
                return Err(Error::unavailable(format!(
                    "several containers have the labels of sandbox '{id}', and none has its name"
                )));
            }
            renamed = Some(found);
        }
        Ok(renamed)
    }

    /// Asks the engine about a container, by its name or engine id.
    async fn inspect_by_name(&self, name: &str) -> Result<Option<ContainerInspectResponse>> {
        Container::new(self.clone(), name).inspect().await
    }

    fn ours(
        &self,
        found: ContainerInspectResponse,
        namespace: &SandboxId,
        id: &SandboxId,
    ) -> Option<Found> {
        let marks = labels_of(&found);
        let has = |name: &str, value: &str| marks.get(name).is_some_and(|mark| mark == value);
        let ours = labels::is(&marks, labels::SANDBOX)
            && has(labels::ID, id.as_str())
            && has(labels::NAMESPACE, namespace.as_str());
        let key = found.id.clone().filter(|_| ours)?;
        Some((Container::new(self.clone(), key), found))
    }
}
