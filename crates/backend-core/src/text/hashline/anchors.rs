//! Finds the lines that an edit names, and checks their content.

use std::collections::BTreeMap;
use std::ops::Range;

use super::line_hash;
use crate::slice::Slice;
use crate::{Error, LineAnchor, Result, VirtualPath};

/// How much of a line a conflict shows, in characters.
const SHOWN_CHARS: usize = 80;

/// A line of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// With its ending.
    pub(super) whole: Range<usize>,
    /// Without it.
    pub(super) content: Range<usize>,
}

/// The requested lines of a text by their numbers, counted from 1.
#[derive(Debug)]
pub(super) struct NamedLines<'a> {
    path: &'a VirtualPath,
    text: &'a str,
    lines: BTreeMap<u64, Line>,
}

/// Returns the lines of a text in order.
fn lines(text: &str) -> impl Iterator<Item = Line> + '_ {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|newline| newline + 1);
    let rest = (!text.is_empty() && !text.ends_with('\n')).then_some(text.len());
    let mut start = 0;
    ends.chain(rest).map(move |end| {
        let whole = start..end;
        start = end;
        let line = text.slice(whole.clone());
        let content = line.strip_suffix('\n').map_or(line, |content| {
            content.strip_suffix('\r').unwrap_or(content)
        });
        Line {
            content: whole.start..whole.start + content.len(),
            whole,
        }
    })
}

impl<'a> NamedLines<'a> {
    /// Finds the lines that anchors name, and checks their hashes.
    pub(super) fn find<'b>(
        path: &'a VirtualPath,
        text: &'a str,
        anchors: impl Iterator<Item = &'b LineAnchor> + Clone,
    ) -> Result<Self> {
        let last = anchors.clone().map(|anchor| anchor.line).max().unwrap_or(0);
        let mut wanted: Vec<_> = anchors.clone().map(|anchor| anchor.line).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut wanted = wanted.into_iter().peekable();
        let named: BTreeMap<_, _> = (1..=last)
            .zip(lines(text))
            .filter(|(number, _)| wanted.next_if_eq(number).is_some())
            .collect();
        let named = Self {
            path,
            text,
            lines: named,
        };
        anchors
            .into_iter()
            .try_for_each(|anchor| named.check(anchor))
            .map(|()| named)
    }

    pub(super) fn line(&self, number: u64) -> Result<&Line> {
        self.lines
            .get(&number)
            .ok_or_else(|| self.past_the_end(number))
    }

    fn check(&self, anchor: &LineAnchor) -> Result<()> {
        let line = self.line(anchor.line)?;
        let content = self.content(line);
        let hash = line_hash(content);
        if hash == anchor.hash {
            return Ok(());
        }
        let mut reason = format!(
            "line {} has the hash {hash}, not {}, and holds {}",
            anchor.line,
            shown(&anchor.hash),
            shown(content)
        );
        if let Some(number) = self.only_line_with(&anchor.hash) {
            reason += &format!("; that hash is on line {number} now");
        }
        Err(Error::conflict(self.path, reason, None))
    }

    fn content(&self, line: &Line) -> &str {
        self.text.slice(line.content.clone())
    }

    fn only_line_with(&self, hash: &str) -> Option<u64> {
        let mut found = (1..)
            .zip(lines(self.text))
            .filter(|(_, line)| line_hash(self.content(line)) == hash)
            .map(|(number, _)| number);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    fn past_the_end(&self, number: u64) -> Error {
        let total = lines(self.text).count();
        let noun = if total == 1 { "line" } else { "lines" };
        Error::invalid_request_at(
            self.path,
            format!("line {number} is past the end: the file has {total} {noun}"),
        )
    }
}

/// Returns the start of a text in quotes, escaped.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if start.len() < text.len() { "..." } else { "" };
    format!("{start:?}{more}")
}
