//! Checks that the user of a new sandbox may write to a mounted work directory.

use backend_core::wire::Remote;
use backend_core::{Backend, DeleteRequest, Error, ErrorKind, Result, VirtualPath, WriteRequest};

use crate::settings::Settings;

/// A file that is created and removed at once. It is hidden, so that searches do not find it.
const FILE: &str = ".agent-backends-may-write";

/// Rejects a work directory that is mounted for writing but not writable by the user. It belongs to the creator of the directory
/// or volume, and an agent could not fix that.
pub(super) async fn check(settings: &Settings, remote: &Remote) -> Result<()> {
    let work_dir = settings.work_dir()?;
    if !settings.is_mounted_to_write(&work_dir) {
        return Ok(());
    }
    let file = VirtualPath::parse(format!("{work_dir}/{FILE}"))?;
    let write = WriteRequest::new(file.clone(), "");
    match remote.write_with(&write).await {
        Ok(_) => remote
            .delete_with(&DeleteRequest::new(file))
            .await
            .map(drop),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let user = settings.user().unwrap_or("of the image");
            Err(Error::invalid_request(format!(
                "the user {user} may not write to the mount at {work_dir}: change its owner to that user, or select its \
                 owner with `user`"
            )))
        }
        Err(error) => Err(error),
    }
}
