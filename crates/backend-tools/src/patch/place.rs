//! Finds the place of each part of a patch in a file, if it is unique.

use backend_core::text::line_hash;
use backend_core::{LineAnchor, LineEdit};

use super::{Hunk, Line};

/// Maximum number of line comparisons in the search for a near place.
const MAX_COMPARED: usize = 5_000_000;

/// Number of shown lines of a near place.
const SHOWN_LINES: usize = 12;

/// Returns the edits of the hunks to a file with these lines.
///
/// # Errors
///
/// Returns the message for the model.
pub(super) fn place(lines: &[&str], hunks: &[Hunk]) -> Result<Vec<LineEdit>, String> {
    let mut edits = Vec::new();
    let mut cursor = 0;
    for hunk in hunks {
        let start = after_anchors(lines, hunk, cursor)?;
        let old: Vec<&str> = hunk.lines.iter().filter_map(old_text).collect();
        let at = if old.is_empty() {
            insertion(lines, hunk, start)?
        } else {
            find(lines, hunk, &old, start)?
        };
        make_edits(lines, hunk, at, &mut edits);
        cursor = at + old.len();
    }
    Ok(edits)
}

fn old_text(line: &Line) -> Option<&str> {
    match line {
        Line::Keep(text) | Line::Remove(text) => Some(text),
        Line::Add(_) => None,
    }
}

/// Returns the line after the last anchor, or the cursor.
fn after_anchors(lines: &[&str], hunk: &Hunk, cursor: usize) -> Result<usize, String> {
    let mut start = cursor;
    for anchor in &hunk.anchors {
        let rest = || lines.iter().enumerate().skip(start);
        let wanted = anchor.trim();
        let exact = rest().find(|(_, line)| *line == anchor);
        let found = exact
            .or_else(|| rest().find(|(_, line)| line.trim() == wanted))
            .or_else(|| rest().find(|(_, line)| line.trim_start().starts_with(wanted)));
        let Some((index, _)) = found else {
            let below = if start > 0 {
                format!(" below line {start}")
            } else {
                String::new()
            };
            return Err(format!(
                "line {} of the patch: the file has no line '{}'{below} for this '@@'",
                hunk.at,
                cut(anchor)
            ));
        };
        start = index + 1;
    }
    Ok(start)
}

/// Returns the place of added lines that come without context lines.
fn insertion(lines: &[&str], hunk: &Hunk, start: usize) -> Result<usize, String> {
    if hunk.at_end || lines.is_empty() {
        return Ok(lines.len());
    }
    if hunk.anchors.is_empty() {
        return Err(format!(
            "line {} of the patch: the place of these lines is not given: include the lines before and after them",
            hunk.at
        ));
    }
    Ok(start)
}

fn find(lines: &[&str], hunk: &Hunk, old: &[&str], start: usize) -> Result<usize, String> {
    let exact = |line: &str, wanted: &str| line == wanted;
    let trimmed = |line: &str, wanted: &str| line.trim_end() == wanted.trim_end();
    let mut matches = positions(lines, old, exact);
    if !matches.iter().any(|at| *at >= start) {
        matches = positions(lines, old, trimmed);
    }
    if hunk.at_end {
        let last = lines.len().saturating_sub(old.len());
        matches.retain(|at| *at == last);
    }
    let above = matches.iter().any(|at| *at < start);
    matches.retain(|at| *at >= start);
    match matches.as_slice() {
        [only] => Ok(*only),
        // The anchor names the line before; the first place after it is meant.
        [first, ..] if !hunk.anchors.is_empty() => Ok(*first),
        [] => Err(no_match(lines, hunk, old, above)),
        several => {
            let numbers: Vec<String> = several
                .iter()
                .take(10)
                .map(|at| (at + 1).to_string())
                .collect();
            Err(format!(
                "line {} of the patch: its lines occur {} times in the file, on lines {}: include more lines around the \
                 change, or put a line from above it after '@@'",
                hunk.at,
                several.len(),
                numbers.join(", ")
            ))
        }
    }
}

fn positions(lines: &[&str], old: &[&str], same: impl Fn(&str, &str) -> bool) -> Vec<usize> {
    lines
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| {
            window
                .iter()
                .zip(old)
                .all(|(line, wanted)| same(line, wanted))
        })
        .map(|(at, _)| at)
        .collect()
}

fn no_match(lines: &[&str], hunk: &Hunk, old: &[&str], above: bool) -> String {
    let at = hunk.at;
    if above {
        return format!(
            "line {at} of the patch: its lines are above the part before it, or above its '@@': order parts from top to bottom"
        );
    }
    let end = if hunk.at_end { " at its end" } else { "" };
    let first = format!("line {at} of the patch: the file does not contain these lines{end}");
    let Some(near) = nearest(lines, old) else {
        return format!("{first}; read it again and copy them exactly");
    };
    let shown: Vec<String> = lines
        .iter()
        .skip(near)
        .take(old.len().min(SHOWN_LINES))
        .map(|line| cut(line))
        .collect();
    format!(
        "{first}\nCopy them exactly. The nearest lines start at line {}:\n{}",
        near + 1,
        shown.join("\n")
    )
}

/// Returns the place where most lines match except for surrounding whitespace.
fn nearest(lines: &[&str], old: &[&str]) -> Option<usize> {
    if lines.len().saturating_mul(old.len()) > MAX_COMPARED {
        return None;
    }
    let score = |at: usize| {
        let rest = lines.iter().skip(at).zip(old);
        rest.filter(|(line, wanted)| !wanted.trim().is_empty() && line.trim() == wanted.trim())
            .count()
    };
    let best = (0..lines.len()).map(|at| (score(at), at));
    // Of equal ones, the first.
    let (score, at) = best.max_by_key(|(score, at)| (*score, usize::MAX - at))?;
    (score > 0).then_some(at)
}

fn cut(line: &str) -> String {
    const SHOWN: usize = 200;
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// Turns a hunk into edits of whole lines. Kept lines stay as they are in the file.
fn make_edits(lines: &[&str], hunk: &Hunk, at: usize, edits: &mut Vec<LineEdit>) {
    let mut place = at;
    let mut group = Group::default();
    for line in &hunk.lines {
        match line {
            Line::Keep(_) => {
                group.close(lines, place, edits);
                place += 1;
            }
            Line::Remove(_) => {
                group.removed += 1;
                place += 1;
            }
            Line::Add(text) => group.added.push(text),
        }
    }
    group.close(lines, place, edits);
}

/// Removed and added lines without a kept one between them.
#[derive(Debug, Default)]
struct Group<'a> {
    removed: usize,
    added: Vec<&'a str>,
}

impl Group<'_> {
    /// Ends the group before the line at `end`.
    fn close(&mut self, lines: &[&str], end: usize, edits: &mut Vec<LineEdit>) {
        let anchor = |index: usize| {
            let hash = line_hash(lines.get(index).copied().unwrap_or_default());
            LineAnchor::new(index as u64 + 1, hash)
        };
        let removed = std::mem::take(&mut self.removed);
        let added = std::mem::take(&mut self.added);
        // A break at the end adds no line, and does not distinguish no line from an empty one.
        let text = || added.iter().map(|line| format!("{line}\n")).collect();
        let start = end - removed;
        if removed > 0 {
            let (first, last) = (anchor(start), anchor(end - 1));
            edits.push(if added.is_empty() {
                LineEdit::Delete { first, last }
            } else {
                let text = text();
                LineEdit::Replace { first, last, text }
            });
        } else if !added.is_empty() {
            edits.push(match start.checked_sub(1) {
                Some(before) => LineEdit::InsertAfter {
                    line: anchor(before),
                    text: text(),
                },
                None => LineEdit::InsertBefore {
                    line: anchor(0),
                    text: text(),
                },
            });
        }
    }
}
