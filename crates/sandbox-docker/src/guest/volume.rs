//! Filling the guest's volume: once, atomically, and by one process at a time.
//!
//! The guest's presence is not checked before a container starts; if it turns out to be missing, the volume is filled and the
//! container is started again. So the usual case costs nothing, and a volume that was removed or emptied is refilled.
//!
//! The engine unpacks an archive, file by file. The guest is unpacked under another name, and the archive ends with a link to it,
//! so that its own name refers to the complete guest or nothing. Filling needs a container that mounts the volume; it is never
//! started, and its name, which is unique in the engine, is the lock.

use std::collections::HashMap;
use std::time::Duration;

use backend_core::{Error, Result};
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;

use super::Guest;
use crate::engine::{LONG, SHORT, conflict, failure, gone};
use crate::layout::{DIRECTORY, FILE, PROGRAM};
use crate::owner::OwnerState;
use crate::volume::holder;
use crate::{Engine, labels};

/// The name under which the guest is unpacked.
const PARTIAL_FILE: &str = ".agent-guest.part";

/// How often to check whether another process has filled the volume, and for how long before its lock is broken.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const POLLS_UNTIL_LOCK_IS_BROKEN: u32 = 1200;
const MAX_POLLS: u32 = 2 * POLLS_UNTIL_LOCK_IS_BROKEN;

impl Guest {
    /// Returns whether the volume, as a container has it mounted, holds the whole guest.
    async fn is_in(&self, engine: &Engine, container: &str) -> Result<bool> {
        let options = ContainerArchiveInfoOptionsBuilder::default()
            .path(PROGRAM)
            .build();
        let what = "looking for the guest";
        let call = engine
            .docker()
            .get_container_archive_info(container, Some(options));
        match engine.try_call(what, SHORT, call).await? {
            Ok(info) => Ok(u64::try_from(info.size).ok() == Some(self.bytes.len() as u64)),
            Err(error) if gone(&error) => Ok(false),
            Err(error) => Err(failure(what, error)),
        }
    }

    /// Fills the volume, or waits until another process has. `image` is any image that the engine has. An existing guest is left
    /// as it is, unless it is known to be broken.
    pub(crate) async fn fill(&self, engine: &Engine, image: &str, broken: bool) -> Result<()> {
        for poll in 0..MAX_POLLS {
            if self.lock(engine, image).await? {
                let filled = self.fill_locked(engine, broken).await;
                let unlocked = remove(engine, self.volume()).await;
                return unlocked.and(filled);
            }
            // Filling never takes this long: the holder of the lock died on a host that is unknown here.
            if self
                .wait(engine, poll >= POLLS_UNTIL_LOCK_IS_BROKEN)
                .await?
            {
                return Ok(());
            }
        }
        Err(Error::unavailable(
            "another process has been putting the guest into its volume for too long",
        ))
    }

    async fn fill_locked(&self, engine: &Engine, broken: bool) -> Result<()> {
        if !broken && self.is_in(engine, self.volume()).await? {
            return Ok(());
        }
        tracing::debug!(volume = %self.volume(), "putting the guest into its volume");
        self.upload(engine).await
    }

    /// Creates the container that is the lock. Returns whether the lock was free.
    async fn lock(&self, engine: &Engine, image: &str) -> Result<bool> {
        let what = "making the volume of the guest";
        let mut marks = labels::of(labels::GUEST);
        marks.insert(labels::DIGEST.to_owned(), self.volume().to_owned());
        let volume = VolumeCreateRequest {
            name: Some(self.volume().to_owned()),
            labels: Some(marks.clone()),
            ..VolumeCreateRequest::default()
        };
        engine
            .call(what, LONG, engine.docker().create_volume(volume))
            .await?;
        let body = holder(image, self.volume(), DIRECTORY, marks);
        let options = CreateContainerOptionsBuilder::default()
            .name(self.volume())
            .build();
        let call = engine.docker().create_container(Some(options), body);
        match engine.try_call(what, LONG, call).await? {
            Ok(_) => Ok(true),
            Err(error) if conflict(&error) => Ok(false),
            Err(error) => Err(failure(what, error)),
        }
    }

    /// Waits a moment for the process that holds the lock. Returns whether it has released it.
    async fn wait(&self, engine: &Engine, long: bool) -> Result<bool> {
        let what = "waiting for the guest";
        tokio::time::sleep(POLL_INTERVAL).await;
        let call = engine.docker().inspect_container(self.volume(), None);
        let holder = match engine.try_call(what, SHORT, call).await? {
            Ok(holder) => holder,
            Err(error) if gone(&error) => return Ok(true),
            Err(error) => return Err(failure(what, error)),
        };
        let marks: HashMap<_, _> = holder.config.and_then(|c| c.labels).unwrap_or_default();
        let dead = long
            || matches!(
                labels::owner(&marks).state(),
                OwnerState::Ended | OwnerState::Rebooted
            );
        if labels::is(&marks, labels::GUEST) && dead {
            remove(engine, self.volume()).await?;
        }
        Ok(false)
    }

    async fn upload(&self, engine: &Engine) -> Result<()> {
        let archive = self.archive().map_err(|error| {
            Error::internal_from(None, "the archive with the guest cannot be made", error)
        })?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(DIRECTORY)
            .build();
        let body = bollard::body_full(Bytes::from(archive));
        let call = engine
            .docker()
            .upload_to_container(self.volume(), Some(options), body);
        engine
            .call("putting the guest into its volume", LONG, call)
            .await
    }

    fn archive(&self) -> std::io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::with_capacity(self.bytes.len() + 4096));
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o555);
        header.set_size(self.bytes.len() as u64);
        archive.append_data(&mut header, PARTIAL_FILE, &self.bytes[..])?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Link);
        header.set_mode(0o555);
        header.set_size(0);
        archive.append_link(&mut header, FILE, PARTIAL_FILE)?;
        archive.into_inner()
    }
}

async fn remove(engine: &Engine, container: &str) -> Result<()> {
    let what = "removing the container that filled the volume of the guest";
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    let call = engine.docker().remove_container(container, Some(options));
    match engine.try_call(what, LONG, call).await? {
        Ok(()) => Ok(()),
        Err(error) if gone(&error) || conflict(&error) => Ok(()),
        Err(error) => Err(failure(what, error)),
    }
}
