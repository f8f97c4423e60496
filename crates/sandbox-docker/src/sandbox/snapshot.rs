//! A container as an image, from which others start.

use std::collections::HashMap;

use backend_core::{Error, Result};
use bollard::models::ContainerConfig;
use bollard::query_parameters::CommitContainerOptionsBuilder;
use std::time::Duration;

use super::DockerSandbox;
use crate::container::labels_of;
use crate::labels;
use crate::link::unavailable;

/// How long the engine may take to make an image of a container.
const COMMIT: Duration = Duration::from_secs(600);

impl DockerSandbox {
    /// Makes an image of the container's files as they are now, and returns its id. [`DockerSandbox::builder`] starts from it
    /// by that id, or by `name`.
    ///
    /// The container is paused meanwhile. What is mounted into it, or in memory, is not part of the image, so that there is
    /// little in one of a sandbox under [`Hardening::Strict`](crate::Hardening::Strict).
    ///
    /// # Errors
    ///
    /// `invalid_request` for a name that cannot be one, such as that of a registry's image with a digest; `unavailable`.
    ///
    /// # Security
    ///
    /// The values of variables that the sandbox was given are not in the environment of the image. What commands wrote into
    /// files is. Older engines, 20.10 for one, keep the configuration of the container beside that of the image, with its
    /// variables: do not hand such an image on.
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
        let found = found.ok_or_else(|| unavailable("the container is gone"))?;
        let marks = labels_of(&found);
        let variables = marks.get(labels::VARIABLES).map_or("", String::as_str);
        let mut changes: Vec<String> = variables
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(|name| format!("ENV {name}="))
            .collect();
        changes.push("ENTRYPOINT []".to_owned());
        changes.push("CMD [\"/bin/sh\"]".to_owned());
        let options = CommitContainerOptionsBuilder::default()
            .container(&container.key)
            .repo(repository)
            .tag(tag)
            .pause(true)
            .changes(&changes.join("\n"))
            .build();
        let mut own = labels::of(labels::SNAPSHOT);
        own.extend(without_owner(&marks));
        let config = ContainerConfig {
            labels: Some(own),
            ..ContainerConfig::default()
        };
        let docker = container.engine.docker();
        let call = docker.commit_container(options, config);
        let made = container
            .engine
            .call("making an image of the container", COMMIT, call)
            .await?;
        Ok(made.id)
    }
}

/// A label of the container that an image must not have is set to nothing: an image has those of its container otherwise.
fn without_owner(marks: &HashMap<String, String>) -> HashMap<String, String> {
    [labels::ID, labels::LIFETIME, labels::VARIABLES]
        .into_iter()
        .filter(|name| marks.contains_key(*name))
        .map(|name| (name.to_owned(), String::new()))
        .collect()
}
