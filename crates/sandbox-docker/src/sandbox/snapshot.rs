//! Saving a container as an image, from which others start.

use std::collections::HashMap;

use backend_core::{Error, Result};
use bollard::models::{ContainerConfig, ImageConfig};
use bollard::query_parameters::{CommitContainerOptionsBuilder, RemoveImageOptionsBuilder};
use std::time::Duration;

use super::DockerSandbox;
use crate::container::{Container, labels_of};
use crate::engine::{SHORT, failure, gone};
use crate::labels;

/// How long the engine may take to create an image of a container.
const COMMIT: Duration = Duration::from_secs(600);

/// The `PATH` that engines set in a container whose image has none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl DockerSandbox {
    /// Creates an image of the container's current files, and returns its id. [`DockerSandbox::builder`] starts from it by that
    /// id, or by `name`.
    ///
    /// The container is paused meanwhile. Mounts and files in memory are not part of the image, so it contains little of a
    /// sandbox under [`Hardening::Strict`](crate::Hardening::Strict).
    ///
    /// # Errors
    ///
    /// `invalid_request` for an invalid name, such as that of a registry's image with a digest; `unsupported` by an engine, such
    /// as Podman's, that would keep the values of the sandbox's variables in the image; `unavailable`.
    ///
    /// # Security
    ///
    /// The values of the sandbox's variables are not in the environment of the image, but files written by commands are in the
    /// image. Older engines, such as 20.10, store the container's configuration with its variables next to that of the image: do
    /// not share such an image.
    pub async fn snapshot(&self, name: &str) -> Result<String> {
        let container = self.started()?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-/:".contains(c);
        let first = name
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric());
        if !first || name.len() > 255 || !name.chars().all(plain) {
            return Err(Error::invalid_request(
                "the name of an image is lower-case letters, digits, '_', '.', '-' and '/', and a tag after ':'",
            ));
        }
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (name, "latest"),
        };
        let found = container.inspect().await?;
        let found = found.ok_or_else(|| Error::unavailable("the container is gone"))?;
        let marks = labels_of(&found);
        let names = marks.get(labels::VARIABLES).map_or("", String::as_str);
        let before = configuration_of_image(container, found.image.as_deref()).await?;
        let wanted = as_before(names, &before.env.unwrap_or_default());
        let options = CommitContainerOptionsBuilder::default()
            .container(&container.key)
            .repo(repository)
            .tag(tag)
            .pause(true)
            .changes("ENTRYPOINT []\nCMD [\"/bin/sh\"]")
            .build();
        let mut own = emptied(&marks, &before.labels.unwrap_or_default());
        own.extend(labels::of(labels::SNAPSHOT));
        let config = ContainerConfig {
            labels: Some(own),
            env: Some(wanted.clone()),
            ..ContainerConfig::default()
        };
        let docker = container.engine.docker();
        let call = docker.commit_container(options, config);
        let made = container
            .engine
            .call("making an image of the container", COMMIT, call)
            .await?;
        let image = as_digest(made.id);
        // Some engines ignore this without an error.
        let made = configuration_of_image(container, Some(&image)).await?;
        let env = made.env.unwrap_or_default();
        if wanted.iter().all(|line| env.contains(line)) {
            return Ok(image);
        }
        remove_image(container, &image).await?;
        Err(Error::unsupported(
            "a snapshot of a sandbox that was given variables: this engine would keep their values in the image",
        ))
    }
}

/// Removes an image that was just created.
async fn remove_image(container: &Container, image: &str) -> Result<()> {
    let options = RemoveImageOptionsBuilder::default().force(true).build();
    let docker = container.engine.docker();
    let call = docker.remove_image(image, Some(options), None);
    let what = "removing an image that must not be kept";
    container.engine.call(what, SHORT, call).await.map(drop)
}

/// Returns an image's own digest in Docker's form. Podman omits the kind of digest.
fn as_digest(id: String) -> String {
    if id.contains(':') {
        id
    } else {
        format!("sha256:{id}")
    }
}

/// Returns the configuration of an image, such as the container's own.
async fn configuration_of_image(container: &Container, image: Option<&str>) -> Result<ImageConfig> {
    let what = "looking at the image of the container";
    let docker = container.engine.docker();
    let call = docker.inspect_image(image.unwrap_or_default());
    match container.engine.try_call(what, SHORT, call).await? {
        Ok(found) => Ok(found.config.unwrap_or_default()),
        // An image can be removed while a container uses it.
        Err(error) if gone(&error) => Ok(ImageConfig::default()),
        Err(error) => Err(failure(what, error)),
    }
}

/// Returns the container's variables, each with its value from the image, or empty: a variable of a container cannot be removed
/// from its image, only replaced.
fn as_before(names: &str, before: &[String]) -> Vec<String> {
    let names = names.split(' ').filter(|name| !name.is_empty());
    let line = |name: &str| {
        let start = format!("{name}=");
        let known = before.iter().find(|line| line.starts_with(&start));
        match known {
            Some(line) => line.clone(),
            // An engine supplies a default for an image without one, but not for one in which it is empty.
            None if name == "PATH" => start + PATH,
            None => start,
        }
    };
    names.map(line).collect()
}

/// Returns the labels of the container, empty: an image inherits them, and so would every sandbox that starts from it. Those of
/// the container's own image stay, except ours.
fn emptied(
    marks: &HashMap<String, String>,
    before: &HashMap<String, String>,
) -> HashMap<String, String> {
    marks
        .iter()
        .filter(|(name, value)| {
            name.starts_with(labels::PREFIX) || before.get(*name) != Some(*value)
        })
        .map(|(name, _)| (name.clone(), String::new()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{as_before, as_digest, emptied};

    #[test]
    fn the_name_of_a_snapshot_is_a_digest_on_every_engine() {
        for id in ["12ab", "sha256:12ab"] {
            assert_eq!(as_digest(id.to_owned()), "sha256:12ab");
        }
    }

    #[test]
    fn given_variables_are_cleared_and_those_of_the_image_are_restored() {
        let before = ["PATH=/usr/bin", "AB=c"].map(str::to_owned);
        assert_eq!(as_before("A PATH", &before), ["A=", "PATH=/usr/bin"]);
        assert!(as_before("", &before).is_empty());
        assert!(as_before("PATH", &[])[0].ends_with("/sbin:/bin"));
    }
    #[test]
    fn labels_of_the_sandbox_are_emptied_and_those_of_its_image_stay() {
        let labels = |list: &[(&str, &str)]| -> HashMap<String, String> {
            let pairs = list.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let marks = labels(&[
            ("agent-backends.kind", "sandbox"),
            ("agent-backends.durability", "full"),
            ("session-manager.session", "one"),
            ("vendor", "someone"),
            ("version", "2"),
        ]);
        let of_image = [
            ("agent-backends.durability", "full"),
            ("vendor", "someone"),
            ("version", "1"),
        ];
        assert_eq!(
            emptied(&marks, &labels(&of_image)),
            labels(&[
                ("agent-backends.kind", ""),
                ("agent-backends.durability", ""),
                ("session-manager.session", ""),
                ("version", ""),
            ])
        );
    }
}
