//! Whether the user of a new sandbox may write to what was mounted as its work directory.

use backend_core::wire::Remote;
use backend_core::{Backend, DeleteRequest, Error, ErrorKind, Result, VirtualPath, WriteRequest};

use crate::settings::Settings;

/// A file that is made and removed at once. No search finds a hidden one.
const FILE: &str = ".agent-backends-may-write";

/// Refuses a work directory that is mounted for writing and that the user may not write to. It belongs to whoever made the
/// directory or the volume: an agent could do nothing about it.
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
                "the user {user} may not write to what is mounted at {work_dir}: let its owner be that user, or choose \
                 its owner with `user`"
            )))
        }
        Err(error) => Err(error),
    }
}
