//! The output of this program: results to the standard output, everything else to the standard error.
//!
//! Nothing is printed in any other way, so a closed pipe is noticed everywhere and ends the program quietly.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use anstream::ColorChoice;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::help;
use crate::palette::Palette;

/// How many bytes are buffered before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// How results are shown.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::OUTPUT)]
pub(crate) struct OutputArgs {
    /// Print one JSON document, errors included
    ///
    /// The standard output then holds exactly one JSON document, whatever happens: the outcome, or an object with the field
    /// `error`.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print no summaries and no notes, only results and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// When to use colours
    ///
    /// `auto` means: if the standard output is a terminal, and NO_COLOR is not set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorWhen,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// The two streams, and how to print to them.
#[derive(Debug)]
pub(crate) struct Out {
    stdout: BufWriter<Stdout>,
    json: bool,
    quiet: bool,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    colors: Palette,
    error_colors: Palette,
}

impl Out {
    /// Makes the output that the options describe.
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let stdout = io::stdout();
        let choose = |auto: ColorChoice| match args.color {
            ColorWhen::Auto => auto != ColorChoice::Never,
            ColorWhen::Always => true,
            ColorWhen::Never => false,
        };
        let on_stdout = choose(anstream::AutoStream::choice(&stdout));
        let on_stderr = choose(anstream::AutoStream::choice(&io::stderr()));
        Self {
            stdout_is_terminal: stdout.is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            stdout: BufWriter::with_capacity(BUFFER_BYTES, stdout),
            json: args.json,
            quiet: args.quiet,
            colors: Palette::new(on_stdout),
            error_colors: Palette::new(on_stderr),
        }
    }

    /// Stops printing to the standard output, which carries a protocol from here on.
    pub(crate) fn leave_stdout(&mut self) {
        self.json = false;
    }

    /// Returns whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Returns whether a person watches the standard error.
    pub(crate) fn shows_progress(&self) -> bool {
        self.stderr_is_terminal && !self.quiet && !self.json
    }

    /// Returns the colours of the standard output.
    pub(crate) fn colors(&self) -> Palette {
        self.colors
    }

    /// Returns a text as it may be shown. The content of a file must not control a terminal: control characters are
    /// escaped there.
    pub(crate) fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.stdout_is_terminal {
            visible(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Prints a line of the result.
    ///
    /// # Errors
    ///
    /// `ClosedPipe` if its reader is gone, `Host` for other failures of the stream. The same holds for all methods
    /// here.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<()> {
        writeln!(self.stdout, "{line}").map_err(stream_failed)
    }

    /// Prints a part of the result, without an end of line.
    pub(crate) fn text(&mut self, text: impl Display) -> Result<()> {
        write!(self.stdout, "{text}").map_err(stream_failed)
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stdout.write_all(bytes).map_err(stream_failed)
    }

    /// Prints bytes to the standard error as they are.
    pub(crate) fn error_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        // Output printed earlier comes first.
        self.flush()?;
        io::stderr().write_all(bytes).map_err(stream_failed)
    }

    /// Prints a line that reports what was done, unless --quiet or --json suppresses it.
    pub(crate) fn summary(&mut self, line: impl Display) -> Result<()> {
        if self.quiet { Ok(()) } else { self.line(line) }
    }

    /// Prints the one JSON document: on one line, except on a terminal.
    pub(crate) fn json(&mut self, value: &Value) -> Result<()> {
        if self.stdout_is_terminal {
            return self.json_pretty(value);
        }
        self.document(serde_json::to_string(value))
    }

    /// Prints a JSON document for a person.
    pub(crate) fn json_pretty(&mut self, value: &Value) -> Result<()> {
        self.document(serde_json::to_string_pretty(value))
    }

    fn document(&mut self, text: serde_json::Result<String>) -> Result<()> {
        match text {
            Ok(text) => self.line(text),
            Err(error) => Err(Failure::Host("the JSON document".to_owned(), error.into())),
        }
    }

    /// Prints a note for a person, on the standard error.
    pub(crate) fn note(&mut self, note: impl Display) {
        if !self.quiet && !self.json {
            let Palette { faint, .. } = self.error_colors;
            self.tell(format_args!("{faint}note: {note}{faint:#}\n"));
        }
    }

    /// Prints a line that the user needs to continue, on the standard error.
    pub(crate) fn told(&mut self, line: impl Display) {
        self.tell(format_args!("{line}\n"));
    }

    /// Prints a warning, on the standard error. JSON has its own field for the subject of the warning.
    pub(crate) fn warning(&mut self, warning: impl Display) {
        if !self.json {
            let style = self.error_colors.warning;
            self.tell(format_args!("{style}warning:{style:#} {warning}\n"));
        }
    }

    /// Shows progress, in a line that the next one replaces.
    pub(crate) fn progress(&mut self, line: impl Display) {
        if self.shows_progress() {
            self.tell(format_args!("\r\x1b[K{line}"));
        }
    }

    /// Removes the line of [`progress`](Self::progress).
    pub(crate) fn end_progress(&mut self) {
        if self.shows_progress() {
            self.tell(format_args!("\r\x1b[K"));
        }
    }

    /// Prints an error: to the standard error, and as JSON to the standard output.
    pub(crate) fn failure(&mut self, failure: &Failure) -> Result<()> {
        if self.json {
            return self.json(&json!({ "error": failure.to_json() }));
        }
        self.error(failure);
        Ok(())
    }

    /// Prints an error to the standard error. A result that has it in its JSON calls this only for people.
    pub(crate) fn error(&mut self, failure: &Failure) {
        if self.json {
            return;
        }
        let Palette { error, faint, .. } = self.error_colors;
        let message = failure.message();
        let message = visible(&message);
        self.tell(format_args!("{error}error:{error:#} {message}\n"));
        for cause in failure.causes() {
            let cause = visible(&cause);
            self.tell(format_args!("{faint}  caused by: {cause}{faint:#}\n"));
        }
        if let Some(hint) = failure.hint() {
            let hint = visible(&hint).replace('\n', "\n    ");
            self.tell(format_args!("{faint}  hint: {hint}{faint:#}\n"));
        }
    }

    /// Writes the buffered output.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.stdout.flush().map_err(stream_failed)
    }

    fn tell(&mut self, text: std::fmt::Arguments<'_>) {
        // A closed standard error cannot be reported anywhere.
        let _ = self.stdout.flush();
        let _ = io::stderr().write_fmt(text);
    }
}

fn stream_failed(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::Host("an output stream".to_owned(), error),
    }
}

/// Escapes characters that could control a terminal. A line may end in `\r\n`.
fn visible(text: &str) -> Cow<'_, str> {
    let drives = |c: char| c.is_control() && c != '\t' && c != '\n';
    if !text.contains(drives) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ends_line = c == '\r' && chars.peek() == Some(&'\n');
        if drives(c) && !ends_line {
            safe.extend(c.escape_debug());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_drives_a_terminal_is_escaped() {
        assert_eq!(visible("a\tb\r\nc\n"), "a\tb\r\nc\n");
        assert_eq!(visible("\u{1b}[2J\rx"), "\\u{1b}[2J\\rx");
        assert_eq!(visible("\u{9b}5n"), "\\u{9b}5n");
    }
}
