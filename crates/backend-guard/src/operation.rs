//! The operations of rules, and which of them each method of the traits needs.
//!
//! Both enums are exhaustive, and so are the matches on them: an unhandled method does not compile.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An operation that a rule allows, asks about or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::exhaustive_enums,
    reason = "a match on it must leave nothing out"
)]
pub enum Operation {
    /// To see that an entry exists: its name, kind, size, time and version.
    List,
    /// To read the content of a file.
    Read,
    /// To create a file or a directory, or to replace the content of a file.
    Write,
    /// To change a part of a file. It needs [`Read`](Self::Read) too: an edit shows its surroundings.
    Edit,
    /// To remove an entry. Moving an entry removes it from its old path.
    Delete,
    /// To run a command.
    Execute,
    /// To control processes: list them, read their output, write to them, signal them.
    Control,
    /// To end the sandbox with everything in it.
    Stop,
}

impl Operation {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::List,
        Self::Read,
        Self::Write,
        Self::Edit,
        Self::Delete,
        Self::Execute,
        Self::Control,
        Self::Stop,
    ];

    /// Returns the name, as in a file of rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Execute => "execute",
            Self::Control => "control",
            Self::Stop => "stop",
        }
    }

    /// Returns whether it acts on a path, so that path patterns can apply to it.
    pub const fn is_about_paths(self) -> bool {
        match self {
            Self::List | Self::Read | Self::Write | Self::Edit | Self::Delete => true,
            Self::Execute | Self::Control | Self::Stop => false,
        }
    }

    /// Returns whether it acts on a command, so that command patterns can apply to it.
    pub const fn is_about_commands(self) -> bool {
        match self {
            Self::Execute | Self::Control => true,
            Self::List | Self::Read | Self::Write | Self::Edit | Self::Delete | Self::Stop => false,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// How a refusal names it.
    pub(crate) const fn doing(self) -> &'static str {
        match self {
            Self::List => "listing it",
            Self::Read => "reading it",
            Self::Write => "writing it",
            Self::Edit => "editing it",
            Self::Delete => "removing it",
            Self::Execute => "running this command",
            Self::Control => "controlling this process",
            Self::Stop => "stopping the sandbox",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A method of [`Backend`](backend_core::Backend) or [`Sandbox`](backend_core::Sandbox) that a guard checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::exhaustive_enums,
    reason = "a match on it must leave nothing out"
)]
pub enum Method {
    /// `stat_with`.
    Stat,
    /// `resolve_with`.
    Resolve,
    /// `ls_with`.
    Ls,
    /// `read_with`, and each item of `read_many_with`.
    Read,
    /// `read_bytes_with`.
    ReadBytes,
    /// `write_with`, and each item of `write_many_with`.
    Write,
    /// `edit_with`, in both forms.
    Edit,
    /// `edit_with` for a dry run, which changes nothing.
    DryEdit,
    /// `delete_with`.
    Delete,
    /// `rename_with`.
    Rename,
    /// `mkdir_with`.
    Mkdir,
    /// `glob_with`.
    Glob,
    /// `grep_with`.
    Grep,
    /// `execute_with`.
    Execute,
    /// `spawn_with`.
    Spawn,
    /// `processes`.
    Processes,
    /// `read_output`.
    ReadOutput,
    /// `write_stdin`.
    WriteStdin,
    /// `signal`.
    Signal,
    /// `resize`.
    Resize,
    /// `stop`.
    Stop,
}

impl Method {
    /// All of them, in order.
    pub const ALL: [Self; 21] = [
        Self::Stat,
        Self::Resolve,
        Self::Ls,
        Self::Read,
        Self::ReadBytes,
        Self::Write,
        Self::Edit,
        Self::DryEdit,
        Self::Delete,
        Self::Rename,
        Self::Mkdir,
        Self::Glob,
        Self::Grep,
        Self::Execute,
        Self::Spawn,
        Self::Processes,
        Self::ReadOutput,
        Self::WriteStdin,
        Self::Signal,
        Self::Resize,
        Self::Stop,
    ];

    /// Returns what must be allowed at the path of the method, at the source of a move, or for the command.
    ///
    /// For [`Glob`](Self::Glob) and [`Grep`](Self::Grep) it must be allowed for each file that they show, and
    /// [`List`](Operation::List) for the directory that they start from.
    pub const fn needs(self) -> &'static [Operation] {
        match self {
            Self::Stat | Self::Resolve | Self::Ls | Self::Glob => &[Operation::List],
            Self::Read | Self::ReadBytes | Self::DryEdit => &[Operation::Read],
            Self::Grep => &[Operation::List, Operation::Read],
            Self::Write | Self::Mkdir => &[Operation::Write],
            Self::Edit => &[Operation::Read, Operation::Edit],
            Self::Delete => &[Operation::Delete],
            Self::Rename => &[Operation::Read, Operation::Delete],
            Self::Execute | Self::Spawn => &[Operation::Execute],
            Self::Processes | Self::ReadOutput | Self::WriteStdin | Self::Signal | Self::Resize => {
                &[Operation::Control]
            }
            Self::Stop => &[Operation::Stop],
        }
    }

    /// Returns what must be allowed at the target of a move. It is empty for other methods.
    pub const fn needs_at_target(self) -> &'static [Operation] {
        match self {
            Self::Rename => &[Operation::Write],
            Self::Stat
            | Self::Resolve
            | Self::Ls
            | Self::Read
            | Self::ReadBytes
            | Self::Write
            | Self::Edit
            | Self::DryEdit
            | Self::Delete
            | Self::Mkdir
            | Self::Glob
            | Self::Grep
            | Self::Execute
            | Self::Spawn
            | Self::Processes
            | Self::ReadOutput
            | Self::WriteStdin
            | Self::Signal
            | Self::Resize
            | Self::Stop => &[],
        }
    }

    /// Returns the name, as in a [`Question`](crate::Question).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Resolve => "resolve",
            Self::Ls => "ls",
            Self::Read => "read",
            Self::ReadBytes => "read_bytes",
            Self::Write => "write",
            Self::Edit => "edit",
            Self::DryEdit => "dry_edit",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::Mkdir => "mkdir",
            Self::Glob => "glob",
            Self::Grep => "grep",
            Self::Execute => "execute",
            Self::Spawn => "spawn",
            Self::Processes => "processes",
            Self::ReadOutput => "read_output",
            Self::WriteStdin => "write_stdin",
            Self::Signal => "signal",
            Self::Resize => "resize",
            Self::Stop => "stop",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
