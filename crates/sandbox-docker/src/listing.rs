//! Sandboxes as the engine lists them, in every namespace.

use backend_core::{Result, SandboxId};
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::engine::{SHORT, failure, gone};
use crate::{Engine, labels};

impl Engine {
    /// Returns every sandbox of this crate that the engine has, whether it runs or not: its namespace and its id, in order.
    ///
    /// # Errors
    ///
    /// `unavailable` where the engine does not answer.
    pub async fn sandboxes(&self) -> Result<Vec<(SandboxId, SandboxId)>> {
        self.sandboxes_of(&[(labels::KIND, labels::SANDBOX)]).await
    }

    /// Returns the namespace and id of the sandboxes whose containers have labels with these values, in order.
    ///
    /// A container also has the labels of its image, and anyone can give an image any label. A container whose name matches its
    /// labels is ours; a renamed one is ours unless the labels come from its image.
    pub(crate) async fn sandboxes_of(
        &self,
        wanted: &[(&str, &str)],
    ) -> Result<Vec<(SandboxId, SandboxId)>> {
        let mut sandboxes = Vec::new();
        for container in self.list(wanted).await? {
            let Some((namespace, id)) = marked(&container) else {
                continue;
            };
            let image = container.image_id.as_deref();
            if sandbox(&container).is_some() || self.marks(image, &id).await? != Some(true) {
                sandboxes.push((namespace, id));
            }
        }
        sandboxes.sort();
        sandboxes.dedup();
        Ok(sandboxes)
    }

    /// Returns whether an image itself has the label of a sandbox; `None` if the image is missing or unknown.
    pub(crate) async fn marks(&self, image: Option<&str>, id: &SandboxId) -> Result<Option<bool>> {
        let what = "looking at the image of the sandbox";
        let Some(image) = image else { return Ok(None) };
        let call = self.docker().inspect_image(image);
        match self.try_call(what, SHORT, call).await? {
            Ok(image) => {
                let marks = image.config.and_then(|config| config.labels);
                let mark = marks.as_ref().and_then(|marks| marks.get(labels::ID));
                Ok(Some(mark.is_some_and(|mark| mark == id.as_str())))
            }
            Err(error) if gone(&error) => Ok(None),
            Err(error) => Err(failure(what, error)),
        }
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

/// Returns the namespace and id of a container's sandbox, if its name matches its labels.
pub(crate) fn sandbox(container: &ContainerSummary) -> Option<(SandboxId, SandboxId)> {
    let (namespace, id) = marked(container)?;
    let name = labels::container_name(&namespace, &id);
    let mut names = container.names.iter().flatten();
    let ours = names.any(|found| found.trim_start_matches('/') == name);
    ours.then_some((namespace, id))
}

/// Returns the namespace and id of the sandbox in a container's labels.
fn marked(container: &ContainerSummary) -> Option<(SandboxId, SandboxId)> {
    let marks = container.labels.as_ref()?;
    let part = |name: &str| SandboxId::parse(marks.get(name)?).ok();
    Some((part(labels::NAMESPACE)?, part(labels::ID)?))
}
