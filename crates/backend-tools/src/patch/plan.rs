//! The plan of a patch, made before anything is changed: the new content of each file, and the current one.

use std::collections::BTreeSet;

use backend_core::text::{WindowScanner, apply_edits};
use backend_core::{
    Content, Edits, Error, ErrorKind, ReadBytesRequest, ReadRequest, StatRequest, VirtualPath,
};
use bytes::Bytes;

use super::place::place;
use super::{Change, FileChange, Hunk};
use crate::Reply;
use crate::context::{Context, Failed};
use crate::freshness::{Freshness, compare};

/// The largest file that a patch changes or removes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// A change that is ready to be made.
#[derive(Debug)]
pub(super) enum Step {
    Create {
        path: VirtualPath,
        new: Bytes,
    },
    Write {
        path: VirtualPath,
        old: Content,
        new: Bytes,
        diff: String,
    },
    Move {
        from: VirtualPath,
        to: VirtualPath,
    },
    Delete {
        path: VirtualPath,
        old: Content,
    },
}

/// A patch with its paths resolved.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: VirtualPath,
    pub(super) moved_to: Option<VirtualPath>,
    pub(super) change: Change,
}

/// Returns the files of a patch, each of them once.
pub(super) fn targets(context: &Context, changes: Vec<FileChange>) -> Result<Vec<Target>, Failed> {
    let mut known = BTreeSet::new();
    let mut targets = Vec::with_capacity(changes.len());
    for FileChange { path, change } in changes {
        let path = context.path(&path)?;
        let moved_to = match &change {
            Change::Update { moved_to, .. } => {
                moved_to.as_deref().map(|to| context.path(to)).transpose()?
            }
            _ => None,
        };
        for path in std::iter::once(&path).chain(&moved_to) {
            if !known.insert(path.clone()) {
                return Err(Failed::mistake(format!(
                    "the patch names {path} twice: put all changes to one file together"
                )));
            }
        }
        targets.push(Target {
            path,
            moved_to,
            change,
        });
    }
    Ok(targets)
}

/// Returns the steps of one file.
pub(super) async fn steps(context: &Context, target: &Target) -> Result<Vec<Step>, Failed> {
    let path = target.path.clone();
    match &target.change {
        Change::Add { lines } => {
            refuse_existing(context, &path).await?;
            let new = Bytes::from(joined(lines.iter().map(String::as_str)));
            Ok(vec![Step::Create { path, new }])
        }
        Change::Delete => {
            let old = read(context, &path).await?;
            Ok(vec![Step::Delete { path, old }])
        }
        Change::Update { hunks, .. } => {
            let mut steps = Vec::new();
            if !hunks.is_empty() {
                steps.push(update(context, path.clone(), hunks).await?);
            }
            if let Some(to) = &target.moved_to {
                refuse_existing(context, to).await?;
                let (from, to) = (path, to.clone());
                steps.push(Step::Move { from, to });
            }
            Ok(steps)
        }
    }
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}

async fn read(context: &Context, path: &VirtualPath) -> Result<Content, Failed> {
    let request = ReadBytesRequest::new(path).limit(MAX_FILE_BYTES);
    let read = context.files.read_bytes_with(&request);
    Ok(context.with_timeout("reading the file", read).await?)
}

async fn refuse_existing(context: &Context, path: &VirtualPath) -> Result<(), Failed> {
    let request = StatRequest::new(path);
    let stat = context.files.stat_with(&request);
    match context.with_timeout("looking at the file", stat).await {
        Ok(_) => Err(Error::AlreadyExists { path: path.clone() }.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn update(context: &Context, path: VirtualPath, hunks: &[Hunk]) -> Result<Step, Failed> {
    let old = read(context, &path).await?;
    let text = decoded(&path, &old)?;
    if let Some(seen) = context.ledger().get(&path)
        && let Freshness::Changed(reply) = compare(context, &path, &seen, old.version, &text)
    {
        return Err(reply.into());
    }
    let lines: Vec<&str> = text
        .split_inclusive('\n')
        .map(|line| {
            let content = line.strip_suffix('\n');
            content.map_or(line, |line| line.strip_suffix('\r').unwrap_or(line))
        })
        .collect();
    let edits = place(&lines, hunks).map_err(|reason| {
        let error = Error::invalid_request_at(&path, reason);
        Failed::from(Reply::of_error(&error))
    })?;
    let (new, diff) = if lines.is_empty() {
        let added = hunks.iter().flat_map(|hunk| &hunk.lines);
        let text = joined(added.filter_map(|line| match line {
            super::Line::Add(text) => Some(text.as_str()),
            _ => None,
        }));
        let diff = added_diff(&path, &text);
        ([&old.bytes[..], text.as_bytes()].concat(), diff)
    } else {
        let applied = apply_edits(&path, &old.bytes, &Edits::Lines(edits))?;
        (applied.bytes, applied.diff)
    };
    let new = Bytes::from(new);
    Ok(Step::Write {
        path,
        old,
        new,
        diff,
    })
}

/// Returns the whole text of a file.
fn decoded(path: &VirtualPath, content: &Content) -> Result<String, Error> {
    let request = ReadRequest::new(path)
        .limit(usize::MAX)
        .line_bytes(usize::MAX)
        .page_bytes(usize::MAX);
    let mut scanner = WindowScanner::new(&request, content.size, content.version)?;
    scanner.push(&content.bytes)?;
    Ok(scanner.finish()?.text)
}

/// Returns the diff of a file that is new or was empty.
pub(super) fn added_diff(path: &VirtualPath, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
    let count = text.lines().count();
    let range = match count {
        0 => return String::new(),
        1 => "1".to_owned(),
        _ => format!("1,{count}"),
    };
    format!("--- /dev/null\n+++ b{path}\n@@ -0,0 +{range} @@\n{lines}")
}
