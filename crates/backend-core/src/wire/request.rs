//! The requests to a server: one variant for each operation of a backend and of a sandbox.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    DeleteRequest, EditRequest, ExecRequest, GlobRequest, GrepRequest, LsRequest, MkdirRequest,
    OutputRequest, ProcessId, ReadBytesRequest, ReadRequest, RenameRequest, ResolveRequest, Signal,
    StatRequest, StdinRequest, TerminalSize, WriteRequest,
};

/// A request. Its name on the wire is the variant's in snake case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Stat(StatRequest),
    Resolve(ResolveRequest),
    Ls(LsRequest),
    Read(ReadRequest),
    ReadMany(Vec<ReadRequest>),
    ReadBytes(ReadBytesRequest),
    Write(WriteRequest),
    WriteMany(Vec<WriteRequest>),
    Edit(EditRequest),
    Delete(DeleteRequest),
    Rename(RenameRequest),
    Mkdir(MkdirRequest),
    Glob(GlobRequest),
    Grep(GrepRequest),
    Liveness,
    Execute(ExecRequest),
    Spawn(ExecRequest),
    Processes,
    ReadOutput(OutputRequest),
    WriteStdin(StdinRequest),
    Signal {
        process: ProcessId,
        signal: Signal,
    },
    Resize {
        process: ProcessId,
        size: TerminalSize,
    },
    Stop,
}

impl Request {
    /// Returns the name of the operation.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Stat(_) => "stat",
            Self::Resolve(_) => "resolve",
            Self::Ls(_) => "ls",
            Self::Read(_) => "read",
            Self::ReadMany(_) => "read_many",
            Self::ReadBytes(_) => "read_bytes",
            Self::Write(_) => "write",
            Self::WriteMany(_) => "write_many",
            Self::Edit(_) => "edit",
            Self::Delete(_) => "delete",
            Self::Rename(_) => "rename",
            Self::Mkdir(_) => "mkdir",
            Self::Glob(_) => "glob",
            Self::Grep(_) => "grep",
            Self::Liveness => "liveness",
            Self::Execute(_) => "execute",
            Self::Spawn(_) => "spawn",
            Self::Processes => "processes",
            Self::ReadOutput(_) => "read_output",
            Self::WriteStdin(_) => "write_stdin",
            Self::Signal { .. } => "signal",
            Self::Resize { .. } => "resize",
            Self::Stop => "stop",
        }
    }

    /// Returns the raw bytes in the request, in the order in which they travel.
    pub(super) fn bytes_mut(&mut self) -> Vec<&mut Bytes> {
        match self {
            Self::Write(request) => vec![&mut request.content],
            Self::WriteMany(requests) => requests
                .iter_mut()
                .map(|request| &mut request.content)
                .collect(),
            Self::Execute(request) | Self::Spawn(request) => vec![&mut request.stdin],
            Self::WriteStdin(request) => vec![&mut request.bytes],
            _ => Vec::new(),
        }
    }
}
