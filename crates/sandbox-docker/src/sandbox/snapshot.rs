//! A container as an image, from which others start.

use std::collections::HashMap;

use backend_core::{Error, Result};
use bollard::models::ContainerConfig;
use bollard::query_parameters::{CommitContainerOptionsBuilder, RemoveImageOptionsBuilder};
use std::time::Duration;

use super::DockerSandbox;
use crate::container::{Container, labels_of};
use crate::engine::{SHORT, failure, gone};
use crate::labels;
use crate::link::unavailable;

/// How long the engine may take to make an image of a container.
const COMMIT: Duration = Duration::from_secs(600);

/// What engines set in a container whose image says nothing of it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl DockerSandbox {
    /// Makes an image of the container's files as they are now, and returns its id. [`DockerSandbox::builder`] starts from it
    /// by that id, or by `name`.
    ///
    /// The container is paused meanwhile. What is mounted into it, or in memory, is not part of the image, so that there is
    /// little in one of a sandbox under [`Hardening::Strict`](crate::Hardening::Strict).
    ///
    /// # Errors
    ///
    /// `invalid_request` for a name that cannot be one, such as that of a registry's image with a digest; `unsupported` by an
    /// engine, such as Podman's, that would keep the values of the sandbox's variables in the image; `unavailable`.
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
        let names = marks.get(labels::VARIABLES).map_or("", String::as_str);
        let before = variables_of_image(container, found.image.as_deref()).await?;
        let wanted = as_before(names, &before);
        let options = CommitContainerOptionsBuilder::default()
            .container(&container.key)
            .repo(repository)
            .tag(tag)
            .pause(true)
            .changes("ENTRYPOINT []\nCMD [\"/bin/sh\"]")
            .build();
        let mut own = labels::of(labels::SNAPSHOT);
        own.extend(without_owner(&marks));
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
        // Not every engine does what it is told here, and says so.
        let env = variables_of_image(container, Some(&image)).await?;
        if wanted.iter().all(|line| env.contains(line)) {
            return Ok(image);
        }
        remove_image(container, &image).await?;
        Err(Error::unsupported(
            "a snapshot of a sandbox that was given variables: this engine would keep their values in the image",
        ))
    }
}

/// Removes an image that was just made.
async fn remove_image(container: &Container, image: &str) -> Result<()> {
    let options = RemoveImageOptionsBuilder::default().force(true).build();
    let docker = container.engine.docker();
    let call = docker.remove_image(image, Some(options), None);
    let what = "removing an image that must not be kept";
    container.engine.call(what, SHORT, call).await.map(drop)
}

/// Returns an image's own digest as Docker says it. Podman leaves out what kind of digest it is.
fn as_digest(id: String) -> String {
    if id.contains(':') {
        id
    } else {
        format!("sha256:{id}")
    }
}

/// Returns the variables that the container's own image has.
async fn variables_of_image(container: &Container, image: Option<&str>) -> Result<Vec<String>> {
    let what = "looking at the image of the container";
    let docker = container.engine.docker();
    let call = docker.inspect_image(image.unwrap_or_default());
    match container.engine.try_call(what, SHORT, call).await? {
        Ok(found) => Ok(found
            .config
            .and_then(|config| config.env)
            .unwrap_or_default()),
        // An image can be removed under a container.
        Err(error) if gone(&error) => Ok(Vec::new()),
        Err(error) => Err(failure(what, error)),
    }
}

/// Returns the variables that the container was given, each as it was in the image, or empty: a variable of a container
/// cannot be taken out of its image, but replaced.
fn as_before(names: &str, before: &[String]) -> Vec<String> {
    let names = names.split(' ').filter(|name| !name.is_empty());
    let line = |name: &str| {
        let start = format!("{name}=");
        let known = before.iter().find(|line| line.starts_with(&start));
        match known {
            Some(line) => line.clone(),
            // An engine has one for an image without, but not for one in which it is empty.
            None if name == "PATH" => start + PATH,
            None => start,
        }
    };
    names.map(line).collect()
}

/// A label of the container that an image must not have is set to nothing: an image has those of its container otherwise.
fn without_owner(marks: &HashMap<String, String>) -> HashMap<String, String> {
    [
        labels::ID,
        labels::LIFETIME,
        labels::LEASE,
        labels::IDLE,
        labels::VARIABLES,
    ]
    .into_iter()
    .filter(|name| marks.contains_key(*name))
    .map(|name| (name.to_owned(), String::new()))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{as_before, as_digest};

    #[test]
    fn the_name_of_a_snapshot_is_a_digest_whatever_engine_made_it() {
        for id in ["12ab", "sha256:12ab"] {
            assert_eq!(as_digest(id.to_owned()), "sha256:12ab");
        }
    }

    #[test]
    fn what_was_given_is_taken_back_and_what_the_image_had_is_restored() {
        let before = ["PATH=/usr/bin", "AB=c"].map(str::to_owned);
        assert_eq!(as_before("A PATH", &before), ["A=", "PATH=/usr/bin"]);
        assert!(as_before("", &before).is_empty());
        assert!(as_before("PATH", &[])[0].ends_with("/sbin:/bin"));
    }
}
