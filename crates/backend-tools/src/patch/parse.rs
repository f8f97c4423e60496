//! The text of a patch, line by line. Errors are reported with the line number.

use super::{Change, FileChange, Hunk, Line};

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ADD: &str = "*** Add File:";
const UPDATE: &str = "*** Update File:";
const DELETE: &str = "*** Delete File:";
const MOVE: &str = "*** Move to:";
const END_OF_FILE: &str = "*** End of File";

/// Maximum number of files that one patch may change.
const MAX_FILES: usize = 200;

/// Returns the parts of a patch, one per file.
///
/// # Errors
///
/// Returns the message for the model.
pub(crate) fn parse(text: &str) -> Result<Vec<FileChange>, String> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line));
    let mut body: Vec<(usize, &str)> = lines.collect();
    trim(&mut body)?;
    let mut parser = Parser {
        lines: body.into_iter().peekable(),
    };
    let mut changes: Vec<FileChange> = Vec::new();
    while let Some(change) = parser.file()? {
        if changes.len() == MAX_FILES {
            return Err(format!("a patch changes at most {MAX_FILES} files"));
        }
        changes.push(change);
    }
    if changes.is_empty() {
        return Err(format!(
            "the patch changes nothing: '{BEGIN}' must be followed by '{UPDATE} path', '{ADD} path' or '{DELETE} path'"
        ));
    }
    Ok(changes)
}

/// Strips what surrounds the patch: blank lines, and the fence of a code block or of a here-document.
fn trim(lines: &mut Vec<(usize, &str)>) -> Result<(), String> {
    let begin = lines.iter().position(|(_, line)| line.trim() == BEGIN);
    let begin = begin.ok_or_else(|| format!("the patch does not start with '{BEGIN}'"))?;
    let end = lines.iter().rposition(|(_, line)| line.trim() == END);
    let end = end.ok_or_else(|| format!("the patch does not end with '{END}'"))?;
    if end < begin {
        return Err(format!("'{END}' comes before '{BEGIN}'"));
    }
    lines.truncate(end);
    lines.drain(..=begin);
    Ok(())
}

struct Parser<'a> {
    lines: std::iter::Peekable<std::vec::IntoIter<(usize, &'a str)>>,
}

impl<'a> Parser<'a> {
    fn file(&mut self) -> Result<Option<FileChange>, String> {
        while self
            .lines
            .next_if(|(_, line)| line.trim().is_empty())
            .is_some()
        {}
        let Some((number, line)) = self.lines.next() else {
            return Ok(None);
        };
        let (path, change) = if let Some(path) = line.strip_prefix(ADD) {
            (path, self.add()?)
        } else if let Some(path) = line.strip_prefix(DELETE) {
            (path, Change::Delete)
        } else if let Some(path) = line.strip_prefix(UPDATE) {
            (path, self.update(number)?)
        } else {
            return Err(format!(
                "line {number} of the patch: expected '{UPDATE} path', '{ADD} path' or '{DELETE} path', found {}",
                quoted(line)
            ));
        };
        let path = path.trim();
        if path.is_empty() {
            return Err(format!("line {number} of the patch: the path is missing"));
        }
        Ok(Some(FileChange {
            path: path.to_owned(),
            change,
        }))
    }

    fn add(&mut self) -> Result<Change, String> {
        let mut lines = Vec::new();
        while let Some((number, line)) = self.lines.next_if(|(_, line)| !is_file(line)) {
            match line.strip_prefix('+') {
                Some(line) => lines.push(line.to_owned()),
                // The blank line before the next file.
                None if line.trim().is_empty()
                    && self.lines.peek().is_none_or(|(_, l)| is_file(l)) => {}
                None => {
                    return Err(format!(
                        "line {number} of the patch: each line of a new file must start with '+', found {}",
                        quoted(line)
                    ));
                }
            }
        }
        Ok(Change::Add { lines })
    }

    fn update(&mut self, started: usize) -> Result<Change, String> {
        let moved_to = self
            .lines
            .next_if(|(_, line)| line.starts_with(MOVE))
            .map(|(_, line)| line.trim_start_matches(MOVE).trim().to_owned());
        if moved_to.as_deref() == Some("") {
            return Err(format!("the path of '{MOVE}' is missing"));
        }
        let mut hunks: Vec<Hunk> = Vec::new();
        while let Some((number, line)) = self.lines.next_if(|(_, line)| !is_file(line)) {
            if line.starts_with("@@") {
                match hunks.last_mut() {
                    // Several in a row describe one place.
                    Some(hunk) if hunk.lines.is_empty() => hunk.anchors.extend(anchor(line)),
                    _ => hunks.push(Hunk {
                        at: number,
                        anchors: anchor(line).into_iter().collect(),
                        ..Hunk::default()
                    }),
                }
                continue;
            }
            if line.trim_end() == END_OF_FILE {
                if let Some(hunk) = hunks.last_mut() {
                    hunk.at_end = true;
                }
                continue;
            }
            let parsed = self.line(number, line)?;
            match hunks.last_mut() {
                // Nothing comes after the end of a file.
                Some(hunk) if !hunk.at_end => hunk.lines.push(parsed),
                _ => hunks.push(Hunk {
                    at: number,
                    lines: vec![parsed],
                    ..Hunk::default()
                }),
            }
        }
        for hunk in &mut hunks {
            trim_hunk(hunk);
        }
        let changes = |hunk: &Hunk| hunk.lines.iter().any(|line| !matches!(line, Line::Keep(_)));
        if let Some(idle) = hunks.iter().find(|hunk| !changes(hunk)) {
            return Err(format!(
                "line {} of the patch: this part changes nothing: it has no line that starts with '-' or '+'",
                idle.at
            ));
        }
        if hunks.is_empty() && moved_to.is_none() {
            return Err(format!(
                "line {started} of the patch: this update changes nothing"
            ));
        }
        Ok(Change::Update { hunks, moved_to })
    }

    fn line(&mut self, number: usize, line: &'a str) -> Result<Line, String> {
        let mut characters = line.chars();
        let first = characters.next();
        let rest = characters.as_str().to_owned();
        match first {
            Some(' ') => Ok(Line::Keep(rest)),
            Some('-') => Ok(Line::Remove(rest)),
            Some('+') => Ok(Line::Add(rest)),
            // An editor stripped the space of an empty line.
            None => Ok(Line::Keep(String::new())),
            Some(_) => Err(format!(
                "line {number} of the patch: each line of an update must start with a space, '-' or '+', found {}",
                quoted(line)
            )),
        }
    }
}

/// Strips blank lines at the end that only separate this file from the next.
fn trim_hunk(hunk: &mut Hunk) {
    let has_change = hunk.lines.iter().any(|line| !matches!(line, Line::Keep(_)));
    while has_change && hunk.lines.last() == Some(&Line::Keep(String::new())) {
        hunk.lines.pop();
    }
}

fn is_file(line: &str) -> bool {
    [ADD, UPDATE, DELETE]
        .iter()
        .any(|mark| line.starts_with(mark))
}

/// Returns the line that `@@` names. The numbers of unified diffs are ignored, because they are often wrong.
fn anchor(line: &str) -> Option<String> {
    let rest = line.trim_start_matches('@').trim();
    let is_numbers = rest.starts_with('-') && rest.contains('+');
    (!rest.is_empty() && !is_numbers).then(|| rest.trim_end_matches("@@").trim_end().to_owned())
}

fn quoted(line: &str) -> String {
    let shown: String = line.chars().take(60).flat_map(char::escape_debug).collect();
    let cut = if line.chars().nth(60).is_some() {
        "…"
    } else {
        ""
    };
    format!("'{shown}{cut}'")
}
