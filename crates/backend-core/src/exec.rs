//! Commands: what to run, and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::VirtualPath;

/// The default timeout of a command: 120 seconds.
pub const DEFAULT_EXEC_TIMEOUT: Duration = Duration::from_secs(120);

/// How many bytes of each output stream are kept by default: 1 MiB.
pub const DEFAULT_OUTPUT_BYTES: usize = 1 << 20;

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// A shell command, run by `/bin/sh` where the sandbox has it.
    Shell(String),
    /// A program and its arguments, run without a shell. It must not be empty. A program that does not exist, or cannot be
    /// run, ends with code 127 or 126 and a line on its standard error, as in a shell.
    Argv(Vec<String>),
}

/// Asks for a command to be run.
///
/// The command inherits nothing from the host. Its environment is the sandbox's own (`PATH`, `HOME`, `LANG`, `TERM` and
/// what the sandbox was given) plus [`env`](Self::env), its standard input is [`stdin`](Self::stdin) or empty, and it has
/// no other descriptor, and no terminal unless one is requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExecRequest {
    /// What to run.
    pub command: Command,
    /// The working directory; [`Backend::work_dir`](crate::Backend::work_dir) by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<VirtualPath>,
    /// Variables that are added to the sandbox's environment, or override it. Programs are looked up in the resulting
    /// `PATH`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The complete standard input. Empty by default.
    #[serde(default)]
    pub stdin: Bytes,
    /// Time limit, counted from the call; [`DEFAULT_EXEC_TIMEOUT`] by default. `None` is unlimited, zero an
    /// `invalid_request`.
    pub timeout: Option<Duration>,
    /// How many bytes of each output stream are kept; [`DEFAULT_OUTPUT_BYTES`] by default. Of longer output the first and
    /// the last half are kept, with the odd byte in the first. For a spawned process, whose output is read from a cursor,
    /// it is the newest bytes of both streams together.
    pub output_bytes: usize,
    /// How many bytes a command may print to each stream; unlimited by default. One byte more kills it and everything it
    /// started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_ceiling: Option<u64>,
    /// The user to run as, where the sandbox supports it; its default user otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The terminal to attach, where the sandbox supports it; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalSize>,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct TerminalSize {
    /// How many rows.
    pub rows: u16,
    /// How many columns.
    pub columns: u16,
}

impl ExecRequest {
    /// Makes a request for a shell command.
    pub fn shell(line: impl Into<String>) -> Self {
        Self::new(Command::Shell(line.into()))
    }

    /// Makes a request for a program and its arguments, run without a shell.
    pub fn argv<I, A>(argv: I) -> Self
    where
        I: IntoIterator<Item = A>,
        A: Into<String>,
    {
        Self::new(Command::Argv(argv.into_iter().map(Into::into).collect()))
    }

    /// Makes a request for a command of either form.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            cwd: None,
            env: BTreeMap::new(),
            stdin: Bytes::new(),
            timeout: Some(DEFAULT_EXEC_TIMEOUT),
            output_bytes: DEFAULT_OUTPUT_BYTES,
            output_ceiling: None,
            user: None,
            terminal: None,
        }
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<VirtualPath>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the complete standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Bytes>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// Sets the time limit; `None` is unlimited.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets how many bytes of each output stream are kept.
    #[must_use]
    pub fn output_bytes(mut self, bytes: usize) -> Self {
        self.output_bytes = bytes;
        self
    }

    /// Sets how many bytes it may print to each stream before it is killed.
    #[must_use]
    pub fn output_ceiling(mut self, bytes: u64) -> Self {
        self.output_ceiling = Some(bytes);
        self
    }

    /// Sets the user to run as.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Attaches a terminal.
    #[must_use]
    pub fn terminal(mut self, size: TerminalSize) -> Self {
        self.terminal = Some(size);
        self
    }
}

/// How a command ended. Only [`Exited(0)`](Self::Exited) is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExecStatus {
    /// It exited on its own with this code. 124 is a code like any other.
    Exited(i32),
    /// It was killed by this signal, for another reason than its timeout.
    Signaled(i32),
    /// It timed out, and was killed with everything it had started.
    TimedOut,
    /// It was killed because it exceeded its memory limit.
    OutOfMemory,
    /// It exceeded its output ceiling, and was killed with everything it had started.
    OutputCeiling,
    /// The way it ended is unknown.
    Lost,
}

impl ExecStatus {
    /// Returns whether the command exited on its own with code 0.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

/// What was kept of one output stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Captured {
    /// The first bytes: all of them, unless some are omitted.
    pub head: Bytes,
    /// How many bytes after the head were discarded.
    pub omitted: u64,
    /// The last bytes, after the omitted ones.
    pub tail: Bytes,
}

impl Captured {
    /// Makes a stream from its parts.
    pub fn new(head: impl Into<Bytes>, omitted: u64, tail: impl Into<Bytes>) -> Self {
        Self {
            head: head.into(),
            omitted,
            tail: tail.into(),
        }
    }

    /// Returns how many bytes the command printed.
    pub fn total(&self) -> u64 {
        // The numbers may come from an untrusted peer.
        let kept = self.head.len() as u64 + self.tail.len() as u64;
        kept.saturating_add(self.omitted)
    }

    /// Returns the text for a reader: bytes that are not UTF-8 are replaced, and omitted bytes are reported. A character
    /// cut by the omission is omitted with it.
    pub fn to_text(&self) -> String {
        let text = String::from_utf8_lossy;
        if self.omitted == 0 {
            return text(&[&*self.head, &*self.tail].concat()).into_owned();
        }
        let begun = begun_character(&self.head);
        let rest = self.tail.iter().take(3).take_while(|byte| is_inner(byte));
        let rest = rest.count();
        let head = self.head.len() - begun;
        format!(
            "{}\n... ({} bytes omitted)\n{}",
            text(self.head.get(..head).unwrap_or_default()),
            self.omitted.saturating_add((begun + rest) as u64),
            text(self.tail.get(rest..).unwrap_or_default())
        )
    }
}

/// Returns how many bytes at the end start a character whose end is missing.
fn begun_character(bytes: &[u8]) -> usize {
    let inner = bytes.iter().rev().take_while(|byte| is_inner(byte)).count();
    let first = bytes.iter().rev().nth(inner).copied().unwrap_or_default();
    let wanted = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return 0,
    };
    if inner + 1 < wanted { inner + 1 } else { 0 }
}

/// Returns whether a byte continues a UTF-8 character.
fn is_inner(byte: &u8) -> bool {
    matches!(byte, 0x80..=0xbf)
}

/// The output and status of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExecOutput {
    /// How it ended.
    pub status: ExecStatus,
    /// What it printed to its standard output.
    pub stdout: Captured,
    /// What it printed to its standard error.
    pub stderr: Captured,
    /// How long it took.
    pub elapsed: Duration,
}

impl ExecOutput {
    /// Makes an outcome.
    pub fn new(status: ExecStatus, stdout: Captured, stderr: Captured, elapsed: Duration) -> Self {
        Self {
            status,
            stdout,
            stderr,
            elapsed,
        }
    }

    /// Returns both streams as one text for a model: the standard output, then the standard error.
    pub fn output(&self) -> String {
        let (mut text, stderr) = (self.stdout.to_text(), self.stderr.to_text());
        if !text.is_empty() && !stderr.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&stderr);
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Captured, ExecOutput, ExecStatus};

    #[test]
    fn only_code_zero_is_success() {
        assert!(ExecStatus::Exited(0).is_success());
        for status in [
            ExecStatus::Exited(124),
            ExecStatus::Signaled(9),
            ExecStatus::TimedOut,
            ExecStatus::OutOfMemory,
            ExecStatus::OutputCeiling,
            ExecStatus::Lost,
        ] {
            assert!(!status.is_success(), "{status:?}");
        }
    }

    #[test]
    fn output_joins_the_streams_and_reports_what_is_missing() {
        let stdout = Captured::new("a", 5, "b\u{e9}");
        let stderr = Captured::new(&b"\xff!"[..], 0, "");
        let output = ExecOutput::new(ExecStatus::Exited(1), stdout, stderr, Duration::ZERO);
        assert_eq!(output.output(), "a\n... (5 bytes omitted)\nbé\n\u{fffd}!");
        assert_eq!(output.stdout.total(), 9);
    }

    #[test]
    fn a_character_that_was_cut_is_omitted_and_not_replaced() {
        let all = "aé日🦀日éb".as_bytes();
        for head in 0..all.len() {
            for tail in head..all.len() {
                let kept = Captured::new(
                    all[..head].to_vec(),
                    (tail - head) as u64,
                    all[tail..].to_vec(),
                );
                let text = kept.to_text();
                assert!(!text.contains('\u{fffd}'), "{head} {tail}: {text}");
                if tail > head {
                    let (start, rest) = text.split_once("\n... (").unwrap();
                    let (count, end) = rest.split_once(" bytes omitted)\n").unwrap();
                    let shown = start.len() + end.len();
                    assert_eq!(count, (all.len() - shown).to_string(), "{head} {tail}");
                }
            }
        }
        // Invalid UTF-8 is shown as far as possible.
        let kept = Captured::new(&b"\xff\xe9x\xe9"[..], 1, &b"\x80\x80\x80\x80\xffy"[..]);
        assert_eq!(
            kept.to_text(),
            "\u{fffd}\u{fffd}x\n... (5 bytes omitted)\n\u{fffd}\u{fffd}y"
        );
        let none = Captured::new("", 7, "");
        assert_eq!(none.to_text(), "\n... (7 bytes omitted)\n");
    }
}
