//! What a model test does to both backends.

use backend_core::{
    DeleteRequest, GlobRequest, GrepRequest, LsRequest, ReadBytesRequest, ReadRequest,
    RenameRequest, Replacement, VirtualPath, WriteRequest,
};
use bytes::Bytes;

/// One operation. Whatever depends on a backend's own versions is resolved when it runs.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Stat(VirtualPath),
    Ls(LsRequest),
    Read(ReadRequest),
    ReadBytes(ReadBytesRequest),
    Write {
        path: VirtualPath,
        content: Bytes,
        mode: Mode,
    },
    Edit {
        path: VirtualPath,
        replacements: Vec<Replacement>,
        expect: Expect,
        dry_run: bool,
    },
    EditLines {
        path: VirtualPath,
        change: Change,
        /// The first line, counted from 1.
        line: u64,
        /// How many lines.
        lines: u64,
        /// Whether the hashes are those of the lines.
        right: bool,
    },
    Delete(DeleteRequest, Expect),
    Rename(RenameRequest),
    Mkdir(VirtualPath),
    Glob(GlobRequest),
    Grep(GrepRequest),
    ReadMany(Vec<ReadRequest>),
    WriteMany(Vec<WriteRequest>),
}

/// What a line edit does.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Replace(&'static str),
    Delete,
    Before(&'static str),
    After(&'static str),
}

/// The mode of a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Overwrite,
    CreateNew,
    IfVersion(Expect),
}

/// Which version a request expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// None.
    Nothing,
    /// The current one.
    Current,
    /// One of another content, or one that was never there.
    Stale,
}

impl Operation {
    /// Returns the paths that the operation would remove, move or replace.
    pub(super) fn uproots(&self) -> Vec<&VirtualPath> {
        match self {
            Self::Delete(request, _) => vec![&request.path],
            Self::Rename(request) => vec![&request.from, &request.to],
            _ => Vec::new(),
        }
    }

    /// Returns the paths that the operation is about, at most two, except the places where a search starts.
    pub(super) fn subjects(&mut self) -> Vec<&mut VirtualPath> {
        match self {
            Self::Stat(path)
            | Self::Mkdir(path)
            | Self::Write { path, .. }
            | Self::Edit { path, .. }
            | Self::EditLines { path, .. } => vec![path],
            Self::Ls(request) => vec![&mut request.path],
            Self::Read(request) => vec![&mut request.path],
            Self::ReadBytes(request) => vec![&mut request.path],
            Self::Delete(request, _) => vec![&mut request.path],
            Self::Rename(request) => vec![&mut request.from, &mut request.to],
            Self::ReadMany(requests) => requests.iter_mut().map(|one| &mut one.path).collect(),
            Self::WriteMany(requests) => requests.iter_mut().map(|one| &mut one.path).collect(),
            Self::Glob(_) | Self::Grep(_) => Vec::new(),
        }
    }

    /// Returns the files that the operation may have changed.
    pub(super) fn touches(&self) -> Vec<&VirtualPath> {
        match self {
            Self::Edit { path, .. } | Self::EditLines { path, .. } => vec![path],
            _ => self.makes(),
        }
    }

    /// Returns the paths at which the operation would put something.
    pub(super) fn makes(&self) -> Vec<&VirtualPath> {
        match self {
            Self::Write { path, .. } | Self::Mkdir(path) => vec![path],
            Self::Rename(request) => vec![&request.to],
            Self::WriteMany(requests) => requests.iter().map(|request| &request.path).collect(),
            _ => Vec::new(),
        }
    }
}
