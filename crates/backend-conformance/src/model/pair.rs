//! Two backends in step.

use std::collections::BTreeMap;

use backend_core::text::line_hash;
use backend_core::{
    Backend, BackendExt, EditRequest, LineAnchor, LineEdit, MkdirRequest, StatRequest, Version,
    VirtualPath, WriteMode, WriteRequest,
};
use bytes::Bytes;

use super::operation::{Change, Expect, Mode, Operation};
use super::outcome;
use crate::Workspace;

/// A version that no file has.
const NEVER: [u64; 2] = [0, u64::MAX];

/// Two workspaces on which the same operations run, and what was seen of them.
pub(super) struct Pair<'a> {
    sides: [&'a Workspace; 2],
    fixed: &'a [VirtualPath],
    /// For each path the versions that it had on each side, with the content.
    seen: BTreeMap<VirtualPath, Vec<([Version; 2], Bytes)>>,
}

impl<'a> Pair<'a> {
    pub(super) fn new(left: &'a Workspace, right: &'a Workspace, fixed: &'a [VirtualPath]) -> Self {
        Self {
            sides: [left, right],
            fixed,
            seen: BTreeMap::new(),
        }
    }

    /// Runs everything on both sides, and returns how many operations there were, and how many were not refused.
    pub(super) async fn run(mut self, operations: &[Operation]) -> Result<(u64, u64), String> {
        let (mut done, mut succeeded) = (0, 0);
        for (step, operation) in operations.iter().enumerate() {
            if self.leaves_out(operation) {
                continue;
            }
            let left = self.apply(0, operation).await;
            let right = self.apply(1, operation).await;
            if left != right {
                return Err(format!(
                    "step {step}, {operation:?}\n on the left: {left:#?}\non the right: {right:#?}"
                ));
            }
            done += 1;
            succeeded += u64::from(left.is_ok());
            for path in operation.touches() {
                self.observe(path)
                    .await
                    .map_err(|what| format!("step {step}, {operation:?}: {what}"))?;
            }
        }
        let (left, right) = (
            self.sides[0].everything().await,
            self.sides[1].everything().await,
        );
        if left != right {
            return Err(format!(
                "in the end\n on the left: {left:#?}\non the right: {right:#?}"
            ));
        }
        Ok((done, succeeded))
    }

    fn leaves_out(&self, operation: &Operation) -> bool {
        let rules = ["/.gitignore", "/.ignore"];
        !self.fixed.is_empty()
            && (operation
                .uproots()
                .iter()
                .any(|path| self.fixed.contains(path))
                || operation
                    .makes()
                    .iter()
                    .any(|path| rules.contains(&path.as_str())))
    }

    /// Remembers the version of a file on both sides. A version that stood for another content is an error.
    async fn observe(&mut self, path: &VirtualPath) -> Result<(), String> {
        let mut versions = Vec::new();
        for side in self.sides {
            versions.extend(side.stat(path).await.ok().and_then(|entry| entry.version));
        }
        let [left, right] = versions[..] else {
            return Ok(());
        };
        let Ok(content) = self.sides[0].read_bytes(path).await else {
            return Ok(());
        };
        let seen = self.seen.entry(path.clone()).or_default();
        for (versions, old) in seen.iter() {
            if *old != content && (versions[0] == left || versions[1] == right) {
                return Err(format!("{path} has an old version with a new content"));
            }
        }
        seen.push(([left, right], content));
        Ok(())
    }

    /// Returns the version that a request should expect on one side.
    async fn expected(&self, side: usize, path: &VirtualPath, expect: Expect) -> Option<Version> {
        let never = Version::from_parts(&NEVER);
        match expect {
            Expect::Nothing => None,
            Expect::Current => {
                let entry = self.sides[side].stat(path).await.ok();
                Some(entry.and_then(|entry| entry.version).unwrap_or(never))
            }
            Expect::Stale => {
                let current = self.sides[side].read_bytes(path).await.ok();
                let mut seen = self.seen.get(path).into_iter().flatten();
                let stale = seen.find(|(_, content)| Some(content) != current.as_ref());
                Some(stale.map_or(never, |(versions, _)| versions[side]))
            }
        }
    }

    async fn apply(&self, side: usize, operation: &Operation) -> Result<String, String> {
        let ws = self.sides[side];
        match operation {
            Operation::Stat(path) => {
                let result = ws.stat_with(&StatRequest::new(path)).await;
                outcome::of(result, |entry| outcome::entry(&entry))
            }
            Operation::Ls(request) => outcome::of(ws.ls_with(request).await, outcome::page),
            Operation::Read(request) => outcome::of(ws.read_with(request).await, outcome::text),
            Operation::ReadBytes(request) => {
                let result = ws.read_bytes_with(request).await;
                outcome::of(result, |content| {
                    format!("{:?} of {}", content.bytes, content.size)
                })
            }
            Operation::ReadMany(requests) => {
                let outcomes = ws.read_many_with(requests).await;
                let pages = outcomes
                    .into_iter()
                    .map(|result| outcome::of(result, outcome::text));
                Ok(format!("{:#?}", pages.collect::<Vec<_>>()))
            }
            Operation::WriteMany(requests) => {
                let outcomes = ws.write_many_with(requests).await;
                let written = outcomes.into_iter().map(|result| {
                    outcome::of(result, |written| {
                        format!("{} {}", written.created, written.size)
                    })
                });
                Ok(format!("{:#?}", written.collect::<Vec<_>>()))
            }
            Operation::Mkdir(path) => {
                let result = ws.mkdir_with(&MkdirRequest::new(path)).await;
                outcome::of(result, |made| format!("{made:?}"))
            }
            Operation::Glob(request) => outcome::of(ws.glob_with(request).await, outcome::page),
            Operation::Grep(request) => outcome::of(ws.grep_with(request).await, outcome::grepped),
            Operation::Rename(request) => {
                let result = ws.rename_with(request).await;
                outcome::of(result, |renamed| format!("{}", renamed.version.is_some()))
            }
            Operation::Delete(request, expect) => {
                let mut request = request.clone();
                request.expected = self.expected(side, &request.path, *expect).await;
                let result = ws.delete_with(&request).await;
                outcome::of(result, |deleted| format!("{deleted:?}"))
            }
            Operation::Write {
                path,
                content,
                mode,
            } => {
                let mode = match mode {
                    Mode::Overwrite => WriteMode::Overwrite,
                    Mode::CreateNew => WriteMode::CreateNew,
                    Mode::IfVersion(expect) => {
                        let version = self.expected(side, path, *expect).await;
                        WriteMode::IfVersion(version.unwrap_or(Version::from_parts(&NEVER)))
                    }
                };
                let request = WriteRequest::new(path, content.clone()).mode(mode);
                let result = ws.write_with(&request).await;
                outcome::of(result, |written| {
                    format!("{} {}", written.created, written.size)
                })
            }
            Operation::Edit {
                path,
                replacements,
                expect,
                dry_run,
            } => {
                let mut request = EditRequest::exact(path, replacements.clone());
                request.expected = self.expected(side, path, *expect).await;
                request.dry_run = *dry_run;
                self.edit(side, &request).await
            }
            Operation::EditLines {
                path,
                change,
                line,
                lines,
                right,
            } => {
                let last = line + lines - 1;
                let (first, last) = (
                    self.anchor(side, path, *line, *right).await,
                    self.anchor(side, path, last, *right).await,
                );
                let request = EditRequest::lines(path, vec![line_edit(change, first, last)]);
                self.edit(side, &request).await
            }
        }
    }

    async fn edit(&self, side: usize, request: &EditRequest) -> Result<String, String> {
        let result = self.sides[side].edit_with(request).await;
        outcome::of(result, |edited| {
            format!(
                "{} {} {}",
                edited.replacements, edited.diff, edited.diff_cut
            )
        })
    }

    async fn anchor(&self, side: usize, path: &VirtualPath, line: u64, right: bool) -> LineAnchor {
        let page = self.sides[side].read(path).await.ok();
        let text = page.as_ref().and_then(|page| {
            page.numbered_lines()
                .find(|(number, _)| *number == line)
                .map(|(_, text)| text)
        });
        let hash = line_hash(text.unwrap_or_default());
        LineAnchor::new(line, if right { hash } else { "....".into() })
    }
}

fn line_edit(change: &Change, first: LineAnchor, last: LineAnchor) -> LineEdit {
    match change {
        Change::Replace(text) => LineEdit::Replace {
            first,
            last,
            text: (*text).to_owned(),
        },
        Change::Delete => LineEdit::Delete { first, last },
        Change::Before(text) => LineEdit::InsertBefore {
            line: first,
            text: (*text).to_owned(),
        },
        Change::After(text) => LineEdit::InsertAfter {
            line: first,
            text: (*text).to_owned(),
        },
    }
}
