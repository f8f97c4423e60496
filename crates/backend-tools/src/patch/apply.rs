//! Applies a patch: each step only if its file is unchanged; all steps are undone if one fails.

use backend_core::{DeleteRequest, RenameRequest, Version, VirtualPath, WriteMode, WriteRequest};
use bytes::Bytes;

use super::plan::{Step, Target, added_diff, steps, targets};
use super::{Action, Change, FileChange, Patched};
use crate::context::{ChangeError, Context, Failed};
use crate::ledger::SeenFile;

/// The undo of a step.
#[derive(Debug)]
enum Undo {
    Remove {
        path: VirtualPath,
        version: Version,
    },
    Restore {
        path: VirtualPath,
        old: Bytes,
        version: Version,
    },
    MoveBack {
        from: VirtualPath,
        to: VirtualPath,
    },
    Recreate {
        path: VirtualPath,
        old: Bytes,
    },
}

/// Applies a patch to all files that it names, or to none.
pub(crate) async fn apply(
    context: &Context,
    changes: Vec<FileChange>,
) -> Result<Vec<Patched>, Failed> {
    let targets = targets(context, changes)?;
    let touched = targets
        .iter()
        .flat_map(|target| std::iter::once(&target.path).chain(&target.moved_to));
    let _guards = context.lock_files(touched.collect::<Vec<_>>()).await;
    let mut all = Vec::new();
    for target in &targets {
        let planned = steps(context, target).await;
        all.extend(planned.map_err(nothing_applied)?);
    }
    // The steps that are hardest to undo come last.
    all.sort_by_key(|step| match step {
        Step::Write { .. } => 0,
        Step::Create { .. } => 1,
        Step::Move { .. } => 2,
        Step::Delete { .. } => 3,
    });
    let mut done = Vec::new();
    for step in &all {
        match take(context, step).await {
            Ok(undo) => done.push(undo),
            Err(failed) => return Err(undo_all(context, failed, done).await),
        }
    }
    Ok(report(context, &targets, &all, &done))
}

fn nothing_applied(mut failed: Failed) -> Failed {
    if !failed.0.text.contains("Nothing was done") {
        failed
            .0
            .text
            .push_str("\nNothing in the patch was applied.");
    }
    failed
}

async fn take(context: &Context, step: &Step) -> Result<Undo, ChangeError> {
    let files = &context.files;
    match step {
        Step::Create { path, new } => {
            let request = WriteRequest::new(path, new.clone()).mode(WriteMode::CreateNew);
            let write = files.write_with(&request);
            let written = context.with_timeout_mut("writing the file", write).await?;
            Ok(Undo::Remove {
                path: path.clone(),
                version: written.version,
            })
        }
        Step::Write { path, old, new, .. } => {
            let mode = WriteMode::IfVersion(old.version);
            let request = WriteRequest::new(path, new.clone()).mode(mode);
            let write = files.write_with(&request);
            let written = context.with_timeout_mut("writing the file", write).await?;
            Ok(Undo::Restore {
                path: path.clone(),
                old: old.bytes.clone(),
                version: written.version,
            })
        }
        Step::Move { from, to } => {
            let request = RenameRequest::new(from, to);
            let rename = files.rename_with(&request);
            context.with_timeout_mut("moving the file", rename).await?;
            Ok(Undo::MoveBack {
                from: to.clone(),
                to: from.clone(),
            })
        }
        Step::Delete { path, old } => {
            let request = DeleteRequest::new(path).expect(old.version);
            let delete = files.delete_with(&request);
            context
                .with_timeout_mut("deleting the file", delete)
                .await?;
            Ok(Undo::Recreate {
                path: path.clone(),
                old: old.bytes.clone(),
            })
        }
    }
}

/// Undoes the completed steps, the last first, and reports those that could not be undone.
async fn undo_all(context: &Context, failed: ChangeError, done: Vec<Undo>) -> Failed {
    let mut left = Vec::new();
    for undo in done.into_iter().rev() {
        if let Err((path, reason)) = take_back(context, undo).await {
            left.push(format!("- {path}: {reason}"));
        }
    }
    let mut failed = Failed::from(failed);
    failed.0.text.push_str(&if left.is_empty() {
        "\nThe patch was not applied: what it had changed was restored.".to_owned()
    } else {
        format!(
            "\nThe patch was not applied, but these files could not be restored; check them:\n{}",
            left.join("\n")
        )
    });
    failed
}

async fn take_back(context: &Context, undo: Undo) -> Result<(), (VirtualPath, String)> {
    let files = &context.files;
    let with_path = |path: &VirtualPath, changed: ChangeError| {
        (path.clone(), changed.kind().as_str().replace('_', " "))
    };
    match undo {
        Undo::Remove { path, version } => {
            let request = DeleteRequest::new(&path).expect(version);
            let delete = files.delete_with(&request);
            let outcome = context.with_timeout_mut("undoing", delete).await;
            outcome
                .map(drop)
                .map_err(|changed| with_path(&path, changed))
        }
        Undo::Restore { path, old, version } => {
            let request = WriteRequest::new(&path, old).mode(WriteMode::IfVersion(version));
            let write = files.write_with(&request);
            let written = context.with_timeout_mut("undoing", write).await;
            let written = written.map_err(|changed| with_path(&path, changed))?;
            // The same text as before, under a new version.
            context.ledger().renew(&path, written.version);
            Ok(())
        }
        Undo::MoveBack { from, to } => {
            let request = RenameRequest::new(&from, &to);
            let rename = files.rename_with(&request);
            let renamed = context.with_timeout_mut("undoing", rename).await;
            let renamed = renamed.map_err(|changed| with_path(&from, changed))?;
            if let Some(version) = renamed.version {
                context.ledger().renew(&to, version);
            }
            Ok(())
        }
        Undo::Recreate { path, old } => {
            let request = WriteRequest::new(&path, old).mode(WriteMode::CreateNew);
            let write = files.write_with(&request);
            let written = context.with_timeout_mut("undoing", write).await;
            let written = written.map_err(|changed| with_path(&path, changed))?;
            context.ledger().renew(&path, written.version);
            Ok(())
        }
    }
}

/// Remembers what was written, and describes the change to each file.
fn report(context: &Context, targets: &[Target], steps: &[Step], done: &[Undo]) -> Vec<Patched> {
    for (step, undo) in steps.iter().zip(done) {
        match (step, undo) {
            (Step::Create { path, new }, Undo::Remove { version, .. })
            | (Step::Write { path, new, .. }, Undo::Restore { version, .. }) => {
                let seen = match std::str::from_utf8(new) {
                    Ok(text) => SeenFile::whole(*version, text),
                    Err(_) => SeenFile::part(*version),
                };
                context.ledger().record(path, seen);
            }
            // The version changes with the path; it is fetched when it matters.
            (Step::Move { from, to }, _) => context.ledger().moved(from, to, None),
            (Step::Delete { path, .. }, _) => context.ledger().forget(path),
            _ => {}
        }
    }
    targets
        .iter()
        .map(|target| Patched {
            path: target.path.clone(),
            action: match target.change {
                Change::Add { .. } => Action::Added,
                Change::Delete => Action::Deleted,
                Change::Update { .. } => Action::Updated,
            },
            moved_to: target.moved_to.clone(),
            diff: steps
                .iter()
                .find_map(|step| diff_of(step, &target.path))
                .unwrap_or_default(),
        })
        .collect()
}

fn diff_of(step: &Step, of: &VirtualPath) -> Option<String> {
    match step {
        Step::Write { path, diff, .. } if path == of => Some(diff.clone()),
        Step::Create { path, new } if path == of => {
            let text = std::str::from_utf8(new).unwrap_or_default();
            Some(added_diff(path, text))
        }
        _ => None,
    }
}
