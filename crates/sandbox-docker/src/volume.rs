//! The volume that a workspace is: created with our labels before its first container, and never removed.

use std::collections::HashMap;

use backend_core::{Error, Result, VolumeName};
use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptions, RemoveVolumeOptions, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;

use crate::container::Container;
use crate::engine::{LONG, SHORT, failure, gone};
use crate::{Engine, labels, work_dir_owner};

/// Where the container that sets it up has it.
const PLACE: &str = "agent-backends-workspace";

/// Makes sure that a volume exists. One that already does is used as it is. `image` is any image that the engine has.
pub(crate) async fn ensure(engine: &Engine, name: &VolumeName, image: &str) -> Result<()> {
    let what = "looking for the volume of the workspace";
    let call = engine.docker().inspect_volume(name.as_str());
    match engine.try_call(what, SHORT, call).await? {
        Ok(_) => return Ok(()),
        Err(error) if gone(&error) => {}
        Err(error) => return Err(failure(what, error)),
    }
    let (engine, name, image) = (engine.clone(), name.clone(), image.to_owned());
    // It is finished even if the caller stops waiting: a volume that only root can use would be left.
    let made = tokio::spawn(async move { make(&engine, &name, &image).await });
    made.await.unwrap_or_else(|_| {
        Err(Error::unavailable(
            "the runtime ended while the volume of the workspace was made",
        ))
    })
}

async fn make(engine: &Engine, name: &VolumeName, image: &str) -> Result<()> {
    // If another process creates it at the same time, the engine keeps one of them, and setting it up twice is the same as once.
    let volume = VolumeCreateRequest {
        name: Some(name.as_str().to_owned()),
        labels: Some(labels::of(labels::WORKSPACE)),
        ..VolumeCreateRequest::default()
    };
    let call = engine.docker().create_volume(volume);
    engine
        .call("making the volume of the workspace", LONG, call)
        .await?;
    tracing::debug!(volume = %name, "made the volume of a workspace");
    let open = open_to_all(engine, name, image).await;
    if open.is_err() {
        // The next one would find a volume that only root can use. The engine refuses to remove one that has a container.
        let call = engine
            .docker()
            .remove_volume(name.as_str(), None::<RemoveVolumeOptions>);
        let _ = engine.try_call("removing a volume", LONG, call).await;
    }
    open
}

/// Makes a new volume writable to every user, so to any user of a sandbox. No user of the host can reach it, except root. A
/// volume can be changed only through a container that has it; this one is never started.
async fn open_to_all(engine: &Engine, name: &VolumeName, image: &str) -> Result<()> {
    let what = "setting up the volume of the workspace";
    let place = format!("/{PLACE}");
    let body = holder(image, name.as_str(), &place, labels::of(labels::WORKSPACE));
    let call = engine
        .docker()
        .create_container(None::<CreateContainerOptions>, body);
    let made = engine.call(what, LONG, call).await?;
    let container = Container::new(engine.clone(), made.id);
    let archive = work_dir_owner::directory(PLACE, 0o777, 0, 0).map_err(|error| {
        Error::internal_from(None, "the archive with the workspace cannot be made", error)
    });
    let done = match archive {
        Ok(archive) => {
            let options = UploadToContainerOptionsBuilder::default().path("/").build();
            let body = bollard::body_full(Bytes::from(archive));
            let docker = engine.docker();
            let call = docker.upload_to_container(&container.key, Some(options), body);
            engine.call(what, LONG, call).await
        }
        Err(error) => Err(error),
    };
    let removed = container.remove().await;
    done.and(removed)
}

/// Describes a container that has a volume at a path, for putting something into the volume: it is never started. Nothing of the
/// image is copied into the volume.
pub(crate) fn holder(
    image: &str,
    volume: &str,
    path: &str,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
        // An image without a command is refused without one.
        entrypoint: Some(vec![path.to_owned()]),
        labels: Some(labels),
        host_config: Some(HostConfig {
            mounts: Some(vec![Mount {
                target: Some(path.to_owned()),
                source: Some(volume.to_owned()),
                typ: Some(MountType::VOLUME),
                volume_options: Some(MountVolumeOptions {
                    no_copy: Some(true),
                    ..MountVolumeOptions::default()
                }),
                ..Mount::default()
            }]),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
