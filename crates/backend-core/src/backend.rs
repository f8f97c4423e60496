//! The trait that every workspace implements.

use std::fmt;

use async_trait::async_trait;

use crate::{
    Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, GlobRequest,
    GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page, ReadBytesRequest,
    ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result, StatRequest, TextPage,
    VirtualPath, WriteRequest, Written,
};

/// A place where an agent's files are.
///
/// Each method is the full form of an operation: one request in, one outcome out. [`BackendExt`](crate::BackendExt)
/// has the short forms, and most callers want those.
///
/// # The contract
///
/// What the operations mean is the same everywhere, and is written as numbered laws in the crate `backend-conformance`,
/// which an implementation runs as its tests. In short:
///
/// 1. A path means the same in every operation; what is listed can be opened by the path in the listing.
/// 2. A read is of one state of the file; a write or an edit is done whole or not at all.
/// 3. Every list is bounded and ordered, and says what it left out and why.
/// 4. A failure is an [`Error`](crate::Error) with a kind. It is never content, and never names a host path.
///
/// # Cancellation
///
/// Dropping a future cancels the operation. A read or a search then has no effect, and a search stops soon. A write, an
/// edit, a delete or a rename has either happened or not; a recursive delete may have removed a part.
///
/// # Implementing
///
/// A wrapper should forward every method, the provided ones too, or it loses what the inner backend does better;
/// `#[deny(clippy::missing_trait_methods)]` on the `impl` makes forgetting one an error.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Returns what this backend can do. It does not change while the backend lives.
    fn capabilities(&self) -> Capabilities;

    /// Returns the directory from which relative paths start, and in which commands run where there are any. It does not
    /// change while the backend lives.
    ///
    /// The paths of requests and outcomes are whole ones; it is the short forms of
    /// [`BackendExt`](crate::BackendExt), and whatever else takes text from a person or a model, that put it in front.
    /// The provided form is the root.
    fn work_dir(&self) -> VirtualPath {
        VirtualPath::root()
    }

    /// Returns the entry at a path. The root is always there.
    ///
    /// # Errors
    ///
    /// `not_found`; `not_a_directory` where a part of the path above it is no directory.
    async fn stat_with(&self, request: &StatRequest) -> Result<Entry>;

    /// Returns the path without links that leads to the same place, for those who decide by what a path is called.
    ///
    /// Something need not be there: what is not is named as it was asked for. The provided form returns the path itself
    /// where there are no links in it, and refuses where there are.
    ///
    /// # Errors
    ///
    /// `permission_denied` for a path that leads out of the workspace, in a circle, or where a path cannot name.
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
    /// `not_found`; `is_a_directory`; `too_large`; `permission_denied` for what is not a regular file.
    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content>;

    /// Gives a file its content, atomically, with all directories above it.
    ///
    /// # Errors
    ///
    /// `already_exists` and `conflict` by the request's mode; `is_a_directory`; `not_a_directory`; `permission_denied`;
    /// `quota_exceeded`.
    async fn write_with(&self, request: &WriteRequest) -> Result<Written>;

    /// Replaces parts of a text file: all of them, or none.
    ///
    /// The provided form reads, edits, and writes if the version is still the one that was read; it tries again when
    /// another writer was faster, and gives up with a `conflict` after 16 tries.
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
    /// `not_found`; `invalid_request` for the root, and for a directory with something in it unless the request is
    /// recursive; `conflict`; `permission_denied`.
    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted>;

    /// Moves an entry. Directories above the target are created.
    ///
    /// # Errors
    ///
    /// `not_found`; `already_exists` and `is_a_directory` as [`RenameMode`](crate::RenameMode) says; `invalid_request` for
    /// the root and for a directory into itself; `not_a_directory`; `permission_denied`.
    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed>;

    /// Makes a directory, with all directories above it. One that is there is left as it is.
    ///
    /// # Errors
    ///
    /// `already_exists` where something else is there; `not_a_directory` where a part of the path above it is no
    /// directory; `permission_denied`.
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

    /// Reads several files, and returns an outcome for each, in order. One that fails does not stop the others.
    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(self.read_with(request).await);
        }
        outcomes
    }

    /// Writes several files in order, and returns an outcome for each. One that fails does not stop the others.
    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(self.write_with(request).await);
        }
        outcomes
    }
}
