//! The requests and outcomes of the file operations, one file per operation.

mod delete;
mod edit;
mod glob;
mod grep;
mod ls;
mod mkdir;
mod read;
mod read_bytes;
mod rename;
mod resolve;
mod stat;
mod write;

pub use delete::{DeleteRequest, Deleted};
pub use edit::{EditRequest, Edited, Edits, LineAnchor, LineEdit, Replacement};
pub use glob::{DEFAULT_GLOB_LIMIT, GlobRequest};
pub use grep::{
    Case, DEFAULT_GREP_LIMIT, DEFAULT_GREP_LINE_BYTES, FileHits, GrepLine, GrepMatch, GrepOutput,
    GrepRequest, Grepped,
};
pub use ls::{DEFAULT_LS_LIMIT, LsRequest};
pub use mkdir::{MadeDirectory, MkdirRequest};
pub use read::{
    COUNTED_FILE_BYTES, CutLine, DEFAULT_LINE_BYTES, DEFAULT_PAGE_BYTES, DEFAULT_READ_LINES,
    Encoding, LineEnding, PageEnd, ReadRequest, TextPage,
};
pub use read_bytes::{Content, DEFAULT_READ_BYTES, ReadBytesRequest};
pub use rename::{RenameMode, RenameRequest, Renamed};
pub(crate) use resolve::resolve_by_looking;
pub use resolve::{ResolveRequest, Resolved};
pub use stat::StatRequest;
pub use write::{WriteMode, WriteRequest, Written};
