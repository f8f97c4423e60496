//! Removing images that were built here and are no longer used.

use backend_core::Result;
use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};

use super::tag;
use crate::engine::{self, LONG};
use crate::owner::{Owner, OwnerState};
use crate::{Engine, labels};

/// Removes the images of a runtime except the current one, and returns their names.
pub(super) async fn superseded(
    engine: &Engine,
    runtime: &str,
    current: Option<&str>,
) -> Result<Vec<String>> {
    remove(engine, runtime, |image, name| {
        let current = current.is_some_and(|current| name.ends_with(current));
        !current && (is_kept(image) || is_abandoned(image))
    })
    .await
}

/// Removes the images of a runtime that are not kept and whose sandboxes are gone.
pub(super) async fn unused(engine: &Engine, runtime: &str) -> Result<Vec<String>> {
    remove(engine, runtime, |image, _| {
        !is_kept(image) && is_abandoned(image)
    })
    .await
}

/// Whether other processes may use the image.
fn is_kept(image: &ImageSummary) -> bool {
    image
        .labels
        .get(tag::KEEP)
        .is_some_and(|keep| keep == "yes")
}

/// Whether no container will be created from an image that is not kept: its process is gone, or built it long ago.
fn is_abandoned(image: &ImageSummary) -> bool {
    const MAX_AGE_SECONDS: i64 = 3600;
    let owner = labels::owner(&image.labels);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    owner != *Owner::this() && matches!(owner.state(), OwnerState::Ended | OwnerState::Rebooted)
        || now.is_some_and(|now| now.saturating_sub(image.created) > MAX_AGE_SECONDS)
}

/// Removes the names of a runtime's images that `which` selects. An image used by a container keeps its name.
async fn remove(
    engine: &Engine,
    runtime: &str,
    which: impl Fn(&ImageSummary, &str) -> bool + Send + Sync,
) -> Result<Vec<String>> {
    let filter = labels::filter(&[(labels::KIND, tag::RUNTIME_IMAGE), (tag::RUNTIME, runtime)]);
    let options = ListImagesOptionsBuilder::default().filters(&filter).build();
    let images = engine
        .call(
            "listing images",
            LONG,
            engine.docker().list_images(Some(options)),
        )
        .await?;
    let mut removed = Vec::new();
    for image in &images {
        // An image built on one of ours has our labels too, but not one of our names.
        let digest = image.labels.get(tag::RECIPE).map_or("", String::as_str);
        let ours = |name: &&String| {
            !digest.is_empty() && tag::is_of(name, runtime, digest) && which(image, name)
        };
        for name in image.repo_tags.iter().filter(ours) {
            if remove_name(engine, name).await? {
                removed.push(name.clone());
            }
        }
    }
    removed.sort_unstable();
    Ok(removed)
}

/// Removes a name, and the image with its last one. Returns whether it was removed here.
async fn remove_name(engine: &Engine, name: &str) -> Result<bool> {
    let what = "removing an image";
    let options = RemoveImageOptionsBuilder::default()
        .force(false)
        .noprune(false)
        .build();
    let call = engine.docker().remove_image(name, Some(options), None);
    match engine.try_call(what, LONG, call).await? {
        Ok(_) => Ok(true),
        // In use, or removed meanwhile.
        Err(error) if engine::conflict(&error) || engine::gone(&error) => Ok(false),
        Err(error) => Err(engine::failure(what, error)),
    }
}
