//! Creates the work directory for a non-root user and chowns it before anything runs.

use std::io::Read;

use backend_core::{Error, Result};
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::container::Container;
use crate::engine::{LONG, SHORT, failure, gone};
use crate::settings::{Settings, numbers};

/// Maximum size of the list of users that is read.
const LIST_BYTES: usize = 1 << 20;

/// Creates the work directory of a container that has not been started, owned by the container's user.
///
/// Nothing is done for root, for a mounted work directory or on a read-only root file system.
pub(crate) async fn give(container: &Container, settings: &Settings) -> Result<()> {
    let work_dir = settings.work_dir()?;
    let Some(user) = settings.user_or_of_image() else {
        return Ok(());
    };
    if settings.has_read_only_root() || settings.is_mount(&work_dir) {
        return Ok(());
    }
    let (user, group) = uid_and_gid(container, user).await?;
    if user == 0 {
        return Ok(());
    }
    let archive = directory(work_dir.relative(), 0o755, user, group).map_err(|error| {
        Error::internal_from(
            None,
            "the archive with the work directory cannot be made",
            error,
        )
    })?;
    let options = UploadToContainerOptionsBuilder::default().path("/").build();
    let body = bollard::body_full(Bytes::from(archive));
    let call = container
        .engine
        .docker()
        .upload_to_container(&container.key, Some(options), body);
    container
        .engine
        .call("making the work directory", LONG, call)
        .await
}

/// Returns an archive with a directory of this mode and owner.
pub(crate) fn directory(path: &str, mode: u32, user: u32, group: u32) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(mode);
    header.set_uid(u64::from(user));
    header.set_gid(u64::from(group));
    header.set_size(0);
    archive.append_data(&mut header, format!("{path}/"), std::io::empty())?;
    archive.into_inner()
}

/// Returns the numbers of a user. An empty name means root.
pub(crate) async fn uid_and_gid(container: &Container, user: &str) -> Result<(u32, u32)> {
    match numbers(user) {
        _ if user.is_empty() => Ok((0, 0)),
        Some(numbers) => Ok(numbers),
        None => look_up(container, user).await,
    }
}

/// Returns the numbers of a user named in the image.
async fn look_up(container: &Container, user: &str) -> Result<(u32, u32)> {
    let (name, group) = user.split_once(':').unwrap_or((user, ""));
    let users = text_of(container, "/etc/passwd").await?;
    let found = field(&users, name, 2).zip(field(&users, name, 3));
    let Some((user, own_group)) = found.or_else(|| Some((name.parse().ok()?, 0))) else {
        return Err(Error::invalid_request(format!(
            "the image has no user '{name}'"
        )));
    };
    if group.is_empty() {
        return Ok((user, own_group));
    }
    let group_number = match group.parse() {
        Ok(number) => Some(number),
        Err(_) => field(&text_of(container, "/etc/group").await?, group, 2),
    };
    match group_number {
        Some(group) => Ok((user, group)),
        None => Err(Error::invalid_request(format!(
            "the image has no group '{group}'"
        ))),
    }
}

/// Returns a numeric field of the line that starts with a name.
fn field(list: &str, name: &str, index: usize) -> Option<u32> {
    let mut fields = list
        .lines()
        .map(|line| line.split(':'))
        .find(|fields| fields.clone().next() == Some(name))?;
    fields.nth(index)?.parse().ok()
}

/// Returns a small file of a container, which need not run. A missing file is empty.
async fn text_of(container: &Container, path: &str) -> Result<String> {
    let what = "looking up the user";
    let options = DownloadFromContainerOptionsBuilder::default()
        .path(path)
        .build();
    let docker = container.engine.docker();
    let chunks = docker.download_from_container(&container.key, Some(options));
    let archive = match container
        .engine
        .try_call(what, SHORT, collect(chunks))
        .await?
    {
        Ok(archive) => archive,
        Err(error) if gone(&error) => return Ok(String::new()),
        Err(error) => return Err(failure(what, error)),
    };
    let mut archive = tar::Archive::new(&archive[..]);
    let mut text = Vec::new();
    if let Some(Ok(entry)) = archive
        .entries()
        .ok()
        .and_then(|mut entries| entries.next())
    {
        let _ = entry.take(LIST_BYTES as u64).read_to_end(&mut text);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

async fn collect(
    mut chunks: impl Stream<Item = Result<Bytes, bollard::errors::Error>> + Unpin,
) -> Result<Vec<u8>, bollard::errors::Error> {
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        all.extend_from_slice(&chunk?);
        if all.len() > LIST_BYTES {
            break;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let list =
            "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\nbad:x:y:z\n";
        assert_eq!(field(list, "node", 2), Some(1000));
        assert_eq!(field(list, "node", 3), Some(1001));
        for missing in ["nod", "x", "", "bad"] {
            assert_eq!(field(list, missing, 2), None, "{missing}");
        }
    }
}
