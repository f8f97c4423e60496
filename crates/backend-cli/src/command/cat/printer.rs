//! Lines as `cat` prints them, from text that comes in pieces.

use backend_core::text::line_hash;

use crate::failure::Result;
use crate::out::Out;
use crate::parse::Lines;

/// The prefix of each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Numbered,
    Hashed,
}

/// Prints lines until all requested ones are printed.
#[derive(Debug)]
pub(super) struct Printer<'a> {
    style: Style,
    /// The number of the line that comes next, or is unfinished.
    line: u64,
    last: u64,
    /// Whether part of the line was printed, or is waiting for the rest.
    started: bool,
    /// The unfinished line, if it is needed as a whole.
    pending: String,
    out: &'a mut Out,
}

impl<'a> Printer<'a> {
    pub(super) fn new(style: Style, lines: Lines, out: &'a mut Out) -> Self {
        Self {
            style,
            line: lines.first,
            last: lines.last.unwrap_or(u64::MAX),
            started: false,
            pending: String::new(),
            out,
        }
    }

    /// Returns whether all requested lines were printed.
    pub(super) fn is_done(&self) -> bool {
        self.line > self.last
    }

    /// Warns of output that is not printed.
    pub(super) fn warning(&mut self, warning: impl std::fmt::Display) {
        self.out.warning(warning);
    }

    /// Takes the next piece of the text, which may end anywhere.
    pub(super) fn push(&mut self, text: &str) -> Result<()> {
        if self.style == Style::Plain && self.last == u64::MAX {
            // Nothing is counted.
            let shown = self.out.shown(text);
            return self.out.text(shown);
        }
        for part in text.split_inclusive('\n') {
            if self.is_done() {
                break;
            }
            self.part(part)?;
        }
        Ok(())
    }

    /// Prints what is left.
    pub(super) fn finish(mut self) -> Result<()> {
        if !self.pending.is_empty() {
            self.end_of_hashed()?;
        }
        Ok(())
    }

    fn part(&mut self, part: &str) -> Result<()> {
        let ends = part.ends_with('\n');
        if self.style == Style::Hashed {
            self.pending.push_str(part);
            if ends {
                self.end_of_hashed()?;
                self.line += 1;
            }
            return Ok(());
        }
        if self.style == Style::Numbered && !self.started {
            let number = self.out.colors().number;
            let line = self.line;
            self.out
                .text(format_args!("{number}{line:>6}{number:#}\t"))?;
        }
        let shown = self.out.shown(part);
        self.out.text(shown)?;
        self.started = !ends;
        self.line += u64::from(ends);
        Ok(())
    }

    fn end_of_hashed(&mut self) -> Result<()> {
        let whole = std::mem::take(&mut self.pending);
        let content = whole.strip_suffix('\n').unwrap_or(&whole);
        let content = match content.strip_suffix('\r') {
            Some(content) if whole.ends_with('\n') => content,
            _ => content,
        };
        let (line, hash) = (self.line, line_hash(content));
        let shown = self.out.shown(content);
        self.out.line(format_args!("{line}:{hash}|{shown}"))
    }
}
