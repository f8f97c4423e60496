//! The operations that are requested and refused.

use backend_core::text::line_hash;
use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, LineAnchor, LineEdit, RenameRequest,
    Replacement, Result, WriteMode, WriteRequest,
};
use backend_fs::FsBackend;

use crate::support::p;

/// More than a full disk takes.
pub(super) const LARGE: usize = 300_000;

/// An operation with what it is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Write(&'static str),
    WriteLittle(&'static str),
    CreateNew(&'static str),
    Edit(&'static str),
    Patch(&'static str),
    Mkdir(&'static str),
    Rename(&'static str, &'static str),
    RenameOver(&'static str, &'static str),
    Delete(&'static str),
    DeleteAll(&'static str),
}

impl Ask {
    /// Asks a backend.
    pub(super) async fn of(self, backend: &FsBackend) -> Result<()> {
        let text = || "new line\n".repeat(LARGE / 9);
        use Ask::*;
        match self {
            Write(path) => backend.write(path, text()).await.map(drop),
            WriteLittle(path) => backend.write(path, "new").await.map(drop),
            CreateNew(path) => {
                let request = WriteRequest::new(p(path), text()).mode(WriteMode::CreateNew);
                backend.write_with(&request).await.map(drop)
            }
            Edit(path) => {
                let change = Replacement::new("first line", text());
                let request = EditRequest::exact(p(path), vec![change]);
                backend.edit_with(&request).await.map(drop)
            }
            Patch(path) => {
                let line = LineAnchor::new(1, line_hash("first line"));
                let edit = LineEdit::Replace {
                    first: line.clone(),
                    last: line,
                    text: text(),
                };
                let request = EditRequest::lines(p(path), vec![edit]);
                backend.edit_with(&request).await.map(drop)
            }
            Mkdir(path) => backend.mkdir(path).await.map(drop),
            Rename(from, to) => backend.rename(from, to).await.map(drop),
            RenameOver(from, to) => {
                let request = RenameRequest::new(p(from), p(to)).overwrite();
                backend.rename_with(&request).await.map(drop)
            }
            Delete(path) => backend.delete(path).await.map(drop),
            DeleteAll(path) => {
                let request = DeleteRequest::new(p(path)).recursive();
                backend.delete_with(&request).await.map(drop)
            }
        }
    }
}
