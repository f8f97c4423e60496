//! Files as resources: listed in pages and read whole, through the same backend as the tools.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{
    Backend, EntryKind, Error, ErrorKind, GlobRequest, ReadBytesRequest, VirtualPath,
};
use backend_tools::{Tool, Toolset};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::ErrorData;
use rmcp::model::{
    ErrorCode, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::uri;

/// Maximum number of files listed as resources, over all pages. The tools find the others.
pub const LISTED_RESOURCES: usize = 1000;

/// Number of files per page.
const PAGE: usize = 200;

/// Time limit of a list or a read.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The files that are exposed as resources.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    files: Arc<dyn Backend>,
    bytes: u64,
    /// Whether files are listed: only if searching for them is allowed.
    is_listed: bool,
}

impl Settings {
    /// Returns `None` if no tool reads whole files: files are not resources then.
    pub(crate) fn of(toolset: &Toolset, bytes: u64) -> Option<Self> {
        toolset.definition(Tool::ReadFile)?;
        Some(Self {
            files: Arc::clone(toolset.files()),
            bytes,
            is_listed: toolset.definition(Tool::Glob).is_some(),
        })
    }

    /// Returns a page of the files below the work directory, without hidden and ignored ones.
    ///
    /// # Errors
    ///
    /// Returns invalid parameters for an invalid cursor; otherwise as a search of the backend.
    ///
    /// # Cancellation
    ///
    /// It stops when the request is cancelled.
    pub(crate) async fn list(
        &self,
        cursor: Option<&str>,
        cancelled: &CancellationToken,
    ) -> Result<ListResourcesResult, ErrorData> {
        let offset = match cursor {
            None => 0,
            Some(cursor) => cursor
                .parse()
                .ok()
                .filter(|offset| *offset < LISTED_RESOURCES)
                .ok_or_else(|| {
                    ErrorData::invalid_params("this cursor does not belong to this list", None)
                })?,
        };
        if !self.is_listed {
            return Ok(ListResourcesResult::default());
        }
        let end = (offset + PAGE).min(LISTED_RESOURCES);
        let work_dir = self.files.work_dir();
        // One more shows whether there is a next page.
        let request = GlobRequest::new("**")
            .path(work_dir.clone())
            .limit(end + 1)
            .timeout(TIMEOUT);
        let found = within(self.files.glob_with(&request), cancelled).await?;
        let has_more = found.items.len() > end && end < LISTED_RESOURCES;
        let entries = found.items.iter().take(end).skip(offset);
        let resources =
            entries.filter(|entry| entry.target.unwrap_or(entry.kind) == EntryKind::File);
        let resources = resources.map(|entry| {
            Resource::new(uri::of(&entry.path), name(&entry.path, &work_dir)).with_size(entry.size)
        });
        Ok(ListResourcesResult {
            resources: resources.collect(),
            next_cursor: has_more.then(|| end.to_string()),
            ..ListResourcesResult::default()
        })
    }

    /// Returns the template of the URIs of all files.
    pub(crate) fn templates(&self) -> ListResourceTemplatesResult {
        let limit = self.bytes;
        let template = ResourceTemplate::new(uri::TEMPLATE, "file")
            .with_title("A file of the workspace")
            .with_description(format!(
                "A whole file of up to {limit} bytes, by its percent-encoded absolute path: text if it is UTF-8, bytes \
                 otherwise. For part of a longer file, use the tool read_file."
            ));
        ListResourceTemplatesResult {
            resource_templates: vec![template],
            ..ListResourceTemplatesResult::default()
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As a read of the backend; a file that is too long is refused, not cut.
    ///
    /// # Cancellation
    ///
    /// It stops when the request is cancelled.
    pub(crate) async fn read(
        &self,
        asked: &str,
        cancelled: &CancellationToken,
    ) -> Result<ReadResourceResult, ErrorData> {
        let path = uri::parse(asked).map_err(|error| told(&error))?;
        let request = ReadBytesRequest::new(path).limit(self.bytes);
        let content = within(self.files.read_bytes_with(&request), cancelled).await?;
        let contents = match std::str::from_utf8(&content.bytes) {
            Ok(text) => ResourceContents::text(text, asked),
            Err(_) => ResourceContents::blob(STANDARD.encode(&content.bytes), asked)
                .with_mime_type("application/octet-stream"),
        };
        Ok(ReadResourceResult::new(vec![contents]))
    }
}

/// Returns the path relative to the work directory, if it is below it.
fn name(path: &VirtualPath, work_dir: &VirtualPath) -> String {
    let inner = path.strip_prefix(work_dir);
    inner.map_or_else(|| path.to_string(), |inner| inner.relative().to_owned())
}

async fn within<T>(
    operation: impl Future<Output = Result<T, Error>> + Send,
    cancelled: &CancellationToken,
) -> Result<T, ErrorData> {
    tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(ErrorData::internal_error("the request was cancelled", None)),
        () = tokio::time::sleep(TIMEOUT) => {
            Err(ErrorData::internal_error("the request timed out", None))
        }
        outcome = operation => outcome.map_err(|error| told(&error)),
    }
}

/// Returns an error of the workspace as one of the protocol: resources have no other way to report one.
fn told(error: &Error) -> ErrorData {
    let kind = error.kind();
    let code = match kind {
        ErrorKind::NotFound => ErrorCode::RESOURCE_NOT_FOUND,
        ErrorKind::TimedOut | ErrorKind::Unavailable | ErrorKind::Internal => {
            ErrorCode::INTERNAL_ERROR
        }
        _ => ErrorCode::INVALID_PARAMS,
    };
    let data = json!({ "kind": kind.as_str() });
    ErrorData::new(code, error.to_string(), Some(data))
}
