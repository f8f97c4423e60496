//! The trait that every workspace implements.

use std::fmt;

use async_trait::async_trait;

use crate::{
    Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, GlobRequest,
    GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page, ReadBytesRequest,
    ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result, StatRequest, TextPage,
    VirtualPath, WriteRequest, Written,
};

/// A workspace that holds an agent's files.
///
/// Each method is the full form of an operation: one request in, one outcome out. Most callers want the short forms of
/// [`BackendExt`](crate::BackendExt).
///
/// # The contract
///
/// Operations mean the same in every backend. Their meaning is written as numbered laws in the crate `backend-conformance`,
/// which an implementation runs as its tests. In short:
///
/// 1. A path means the same in every operation; a listed entry can be opened by the path in the listing.
/// 2. A read shows one state of the file; a write or an edit is done completely or not at all.
/// 3. Every list is bounded and ordered, and says what it left out and why.
/// 4. A failure is an [`Error`](crate::Error) with a kind. It is never content, and never names a host path.
///
/// # Cancellation
///
/// Dropping a future cancels the operation. A cancelled read or search has no effect, and a search stops soon. A write,
/// edit, delete or rename has either happened or not; a recursive delete may have removed a part.
///
/// # Implementing
///
/// A wrapper should forward every method, including the provided ones, or it loses the inner backend's optimisations:
/// [`delegate!`](crate::delegate!) forwards those that do not differ, and `#[deny(clippy::missing_trait_methods)]` on the `impl`
/// turns a forgotten one into an error.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Returns what this backend can do. It never changes for a given backend.
    fn capabilities(&self) -> Capabilities;

    /// Returns the directory from which relative paths start, and in which commands run if there are any. It never changes
    /// for a given backend.
    ///
    /// Requests and outcomes use absolute paths. This directory is prepended by the short forms of
    /// [`BackendExt`](crate::BackendExt) and by any other code that takes text from a person or a model. The provided form
    /// returns the root.
    fn work_dir(&self) -> VirtualPath {
        VirtualPath::root()
    }

    /// Returns the entry at a path. The root always exists.
    ///
    /// # Errors
    ///
    /// `not_found`; `not_a_directory` where an ancestor is not a directory.
    async fn stat_with(&self, request: &StatRequest) -> Result<Entry>;

    /// Returns the link-free path that leads to the same place, for callers that decide by the name of a path.
    ///
    /// The path need not exist: missing parts are returned as given. The provided form returns the path itself where it
    /// contains no links, and fails where it does.
    ///
    /// # Errors
    ///
    /// `permission_denied` for a path that leads out of the workspace, in a circle, or to a place that no path can name.
    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        crate::ops::resolve_by_looking(self, request).await
    }

    /// Returns the entries of a directory: directories first, then everything else, each in byte order of names.
    ///
    /// # Errors
    ///
    /// `not_found`; `not_a_directory`.
    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>>;

    /// Returns a window of a text file's lines, in memory proportional to the window.
    ///
    /// The provided form scans what [`read_bytes_with`](Self::read_bytes_with) returns, piece by piece.
    ///
    /// # Errors
    ///
    /// `not_found`; `is_a_directory`; `not_text`; `invalid_request` for an offset past the end or a limit of 0.
    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        crate::text::read_by_pieces(self, request).await
    }

    /// Returns the bytes of a file, or of a range of it.
    ///
    /// # Errors
    ///
    /// `not_found`; `is_a_directory`; `too_large`; `permission_denied` for anything that is not a regular file.
    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content>;

    /// Replaces the content of a file atomically, creating it and its parent directories as needed.
    ///
    /// # Errors
    ///
    /// `already_exists` and `conflict` by the request's mode; `is_a_directory`; `not_a_directory`; `permission_denied`;
    /// `quota_exceeded`.
    async fn write_with(&self, request: &WriteRequest) -> Result<Written>;

    /// Replaces parts of a text file: all of them, or none.
    ///
    /// The provided form reads, edits, and writes if the version is still the one it read. If another writer was faster it
    /// tries again, and fails with a `conflict` after 16 tries.
    ///
    /// # Errors
    ///
    /// `no_match`; `ambiguous_match`; `conflict`; `not_text`; `too_large` over
    /// [`MAX_EDIT_BYTES`](crate::text::MAX_EDIT_BYTES); `invalid_request`; and those of a read and a write.
    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        crate::text::edit_by_versions(self, request).await
    }

    /// Removes a file, a link or a directory.
    ///
    /// # Errors
    ///
    /// `not_found`; `invalid_request` for the root, and for a non-empty directory unless the request is recursive;
    /// `conflict`; `permission_denied`.
    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted>;

    /// Moves an entry. Missing parent directories of the target are created.
    ///
    /// # Errors
    ///
    /// `not_found`; `already_exists` and `is_a_directory` as [`RenameMode`](crate::RenameMode) says; `invalid_request` for
    /// the root and for a directory into itself; `not_a_directory`; `permission_denied`.
    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed>;

    /// Creates a directory and its parents. An existing directory is left as it is.
    ///
    /// # Errors
    ///
    /// `already_exists` where something else exists; `not_a_directory` where an ancestor is not a directory;
    /// `permission_denied`.
    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory>;

    /// Returns the entries whose path matches a pattern, in path order.
    ///
    /// # Errors
    ///
    /// `invalid_pattern`; `not_found` and `not_a_directory` for the directory to search.
    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>>;

    /// Returns the lines that match a regular expression, in path order, then by line.
    ///
    /// # Errors
    ///
    /// `invalid_pattern`; `invalid_request` for an unknown file type; `not_found` for the directory or file to search.
    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped>;

    /// Reads several files, and returns an outcome for each, in order. A failure does not stop the others.
    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(self.read_with(request).await);
        }
        outcomes
    }

    /// Writes several files in order, and returns an outcome for each. A failure does not stop the others.
    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(self.write_with(request).await);
        }
        outcomes
    }
}
