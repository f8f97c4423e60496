//! The tools by name, and what each of them does to a workspace.
//!
//! Every decision about a tool is an exhaustive match on [`Tool`], so a new one cannot be forgotten.

use std::fmt;
use std::str::FromStr;

/// A tool that a [`Toolset`](crate::Toolset) may offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tool {
    /// `ls`: the entries of a directory.
    Ls,
    /// `read_file`: lines of a text file, or an image.
    ReadFile,
    /// `read_many`: the first lines of several files.
    ReadMany,
    /// `write_file`: replaces the whole content of a file.
    WriteFile,
    /// `edit_file`: replaces exact texts in a file.
    EditFile,
    /// `hashline_edit`: changes lines, each named by its number and a hash of its content.
    HashlineEdit,
    /// `apply_patch`: changes several files, all or none.
    ApplyPatch,
    /// `glob`: files whose path matches a pattern.
    Glob,
    /// `grep`: lines that match a regular expression.
    Grep,
    /// `delete`: removes a file or directory.
    Delete,
    /// `move`: moves a file or directory to another path.
    Move,
    /// `execute`: runs a command to its end.
    Execute,
    /// `start_process`: starts a command in the background.
    StartProcess,
    /// `read_process`: the output of such a command.
    ReadProcess,
    /// `write_process`: writes to its standard input.
    WriteProcess,
    /// `list_processes`: the started processes.
    ListProcesses,
    /// `stop_process`: stops one.
    StopProcess,
}

/// The effects of a tool, for clients that ask before they call it. They are hints of the Model Context Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Annotations {
    /// It changes nothing.
    pub read_only: bool,
    /// It can remove or replace what was there.
    pub destructive: bool,
    /// Repeating the call changes nothing more.
    pub idempotent: bool,
    /// It can reach beyond the workspace.
    pub open_world: bool,
}

/// What a tool needs of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Reads,
    Writes,
    Commands,
    Processes,
}

impl Tool {
    /// All tools, in the order in which they are offered.
    pub const ALL: &[Self] = &[
        Self::Ls,
        Self::ReadFile,
        Self::ReadMany,
        Self::WriteFile,
        Self::EditFile,
        Self::HashlineEdit,
        Self::ApplyPatch,
        Self::Glob,
        Self::Grep,
        Self::Delete,
        Self::Move,
        Self::Execute,
        Self::StartProcess,
        Self::ReadProcess,
        Self::WriteProcess,
        Self::ListProcesses,
        Self::StopProcess,
    ];

    /// Returns the name by which a model calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ls => "ls",
            Self::ReadFile => "read_file",
            Self::ReadMany => "read_many",
            Self::WriteFile => "write_file",
            Self::EditFile => "edit_file",
            Self::HashlineEdit => "hashline_edit",
            Self::ApplyPatch => "apply_patch",
            Self::Glob => "glob",
            Self::Grep => "grep",
            Self::Delete => "delete",
            Self::Move => "move",
            Self::Execute => "execute",
            Self::StartProcess => "start_process",
            Self::ReadProcess => "read_process",
            Self::WriteProcess => "write_process",
            Self::ListProcesses => "list_processes",
            Self::StopProcess => "stop_process",
        }
    }

    /// Returns its title for a person.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ls => "List a directory",
            Self::ReadFile => "Read a file",
            Self::ReadMany => "Read several files",
            Self::WriteFile => "Write a file",
            Self::EditFile => "Edit a file",
            Self::HashlineEdit => "Edit lines of a file",
            Self::ApplyPatch => "Apply a patch",
            Self::Glob => "Find files",
            Self::Grep => "Search in files",
            Self::Delete => "Delete",
            Self::Move => "Move",
            Self::Execute => "Run a command",
            Self::StartProcess => "Start a process",
            Self::ReadProcess => "Read a process's output",
            Self::WriteProcess => "Write to a process",
            Self::ListProcesses => "List processes",
            Self::StopProcess => "Stop a process",
        }
    }

    /// Returns its effects.
    pub const fn annotations(self) -> Annotations {
        let (read_only, destructive, idempotent, open_world) = match self {
            Self::Ls
            | Self::ReadFile
            | Self::ReadMany
            | Self::Glob
            | Self::Grep
            | Self::ReadProcess
            | Self::ListProcesses => (true, false, true, false),
            Self::WriteFile => (false, true, true, false),
            Self::EditFile | Self::HashlineEdit | Self::ApplyPatch | Self::Move => {
                (false, true, false, false)
            }
            Self::Delete | Self::StopProcess => (false, true, true, false),
            Self::Execute | Self::StartProcess | Self::WriteProcess => (false, true, false, true),
        };
        Annotations {
            read_only,
            destructive,
            idempotent,
            open_world,
        }
    }

    pub(crate) const fn needs(self) -> Needs {
        match self {
            Self::Ls | Self::ReadFile | Self::ReadMany | Self::Glob | Self::Grep => Needs::Reads,
            Self::WriteFile
            | Self::EditFile
            | Self::HashlineEdit
            | Self::ApplyPatch
            | Self::Delete
            | Self::Move => Needs::Writes,
            Self::Execute => Needs::Commands,
            Self::StartProcess
            | Self::ReadProcess
            | Self::WriteProcess
            | Self::ListProcesses
            | Self::StopProcess => Needs::Processes,
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No tool has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownTool;

impl fmt::Display for UnknownTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no tool has this name")
    }
}

impl std::error::Error for UnknownTool {}

impl FromStr for Tool {
    type Err = UnknownTool;

    fn from_str(name: &str) -> Result<Self, UnknownTool> {
        let mut all = Self::ALL.iter().copied();
        all.find(|tool| tool.name() == name).ok_or(UnknownTool)
    }
}
