#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod backend_ext;
mod capabilities;
mod delegate;
mod durability;
mod entry;
mod environment;
mod error;
mod exec;
mod forward;
mod liveness;
mod name;
mod ops;
mod page;
mod path;
mod process;
mod provider;
mod read_only;
mod runtime;
mod sandbox;
#[cfg(feature = "glob")]
pub mod search;
mod slice;
pub mod text;
mod version;
#[cfg(feature = "wire")]
pub mod wire;
mod workspace;

pub use backend::Backend;
pub use backend_ext::{BackendExt, IntoPath};
pub use capabilities::Capabilities;
#[doc(hidden)]
pub use delegate::OperationFuture as __OperationFuture;
pub use durability::Durability;
pub use entry::{Entry, EntryKind};
pub use environment::{
    MAX_ENVIRONMENT_BYTES, MAX_VARIABLE_BYTES, check_environment, check_variable,
};
pub use error::{Difference, Error, ErrorKind, NearMatch, Result, Source};
pub use exec::{
    Captured, Command, DEFAULT_EXEC_TIMEOUT, DEFAULT_OUTPUT_BYTES, ExecOutput, ExecRequest,
    ExecStatus, TerminalSize,
};
pub use liveness::{Liveness, Owner, SandboxInfo};
pub use ops::{
    COUNTED_FILE_BYTES, Case, Content, CutLine, DEFAULT_GLOB_LIMIT, DEFAULT_GREP_LIMIT,
    DEFAULT_GREP_LINE_BYTES, DEFAULT_LINE_BYTES, DEFAULT_LS_LIMIT, DEFAULT_PAGE_BYTES,
    DEFAULT_READ_BYTES, DEFAULT_READ_LINES, DeleteRequest, Deleted, EditRequest, Edited, Edits,
    Encoding, FileHits, GlobRequest, GrepLine, GrepMatch, GrepOutput, GrepRequest, Grepped,
    LineAnchor, LineEdit, LineEnding, LsRequest, MadeDirectory, MkdirRequest, PageEnd,
    ReadBytesRequest, ReadRequest, RenameMode, RenameRequest, Renamed, Replacement, ResolveRequest,
    Resolved, StatRequest, TextPage, WriteMode, WriteRequest, Written,
};
pub use page::{Page, Skipped, Truncation};
pub use path::{MAX_PATH_BYTES, MAX_SEGMENT_BYTES, PathError, PathReason, VirtualPath};
pub use process::{
    OutputChunk, OutputRequest, OutputStream, ProcessId, ProcessInfo, ProcessOutput, Signal,
    StdinRequest,
};
pub use provider::{MAX_ID_BYTES, ProviderFeatures, SandboxId, SandboxSpec};
pub use read_only::ReadOnly;
pub use runtime::{
    DEFAULT_WORK_DIR, PackageManager, PackageSet, RuntimeBuilder, RuntimeConfig, RuntimeImage,
};
pub use sandbox::{Sandbox, SandboxExt, SandboxProvider};
pub use version::{ParseVersionError, Version};
pub use workspace::{MAX_VOLUME_NAME_BYTES, VolumeName, Workspace};
