//! `sessions stats`: numbers about all sessions.

use std::collections::BTreeSet;

use backend_core::{Backend, GlobRequest};
use backend_fs::FsBackend;
use clap::Args;
use serde_json::json;
use session_manager::{SessionInfo, WorkspaceRoot};

use super::{All, RootArgs};
use crate::context::Context;
use crate::exit;
use crate::failure::Result;
use crate::time::rfc3339;

/// Show the number of sessions, the size of their files, and when they were used
#[derive(Debug, Args)]
pub(super) struct Stats {
    #[command(flatten)]
    root: RootArgs,
}

/// The size of the files of sessions.
#[derive(Default)]
struct Usage {
    files: u64,
    bytes: u64,
    /// Number of sessions whose files could not all be counted.
    incomplete: usize,
}

impl Stats {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let root = self.root.open()?;
        let owned = root.is_owned()?;
        let existing = self.root.existing(context).await?;
        let All {
            sessions,
            unreadable,
        } = All::read(&root, None)?;
        let usage = usage(&root, &sessions).await;
        let tenants: BTreeSet<_> = sessions.iter().filter_map(|s| s.tenant.as_ref()).collect();
        let named = sessions.iter().filter_map(|s| s.sandbox.as_ref());
        let exist =
            existing.map(|existing| named.clone().filter(|id| existing.contains(id)).count());
        let sandboxes = named.count();
        let first = sessions.iter().map(|s| s.used).min().and_then(rfc3339);
        let last = sessions.iter().map(|s| s.used).max().and_then(rfc3339);
        if context.out.is_json() {
            let document = json!({
                "sessions": sessions.len(),
                "tenants": tenants.len(),
                "unreadable": unreadable.len(),
                "sandboxes": sandboxes,
                "sandboxes_that_exist": exist,
                "files": usage.files,
                "bytes": usage.bytes,
                "incomplete": usage.incomplete,
                "least_recently_used": first,
                "most_recently_used": last,
                "owned": owned,
            });
            context.out.json(&document)?;
            return Ok(exit::OK);
        }
        let exist = exist.map_or_else(String::new, |exist| format!(", of which {exist} exist"));
        let dash = || "-".to_owned();
        let lines = [
            ("sessions", sessions.len().to_string()),
            ("tenants", tenants.len().to_string()),
            ("records unreadable", unreadable.len().to_string()),
            ("sandboxes in records", format!("{sandboxes}{exist}")),
            ("files", usage.files.to_string()),
            ("bytes", usage.bytes.to_string()),
            ("least recently used", first.unwrap_or_else(dash)),
            ("most recently used", last.unwrap_or_else(dash)),
            (
                "owned by a manager",
                (if owned { "yes" } else { "no" }).to_owned(),
            ),
        ];
        for (name, value) in lines {
            context.out.line(format_args!("{name:22} {value}"))?;
        }
        if usage.incomplete > 0 {
            let count = usage.incomplete;
            context.out.warning(format_args!(
                "the files of {count} sessions could not all be counted"
            ));
        }
        Ok(exit::OK)
    }
}

/// Counts files with the same confinement as an agent's files, as sandboxes may be changing them.
async fn usage(root: &WorkspaceRoot, sessions: &[SessionInfo]) -> Usage {
    let mut usage = Usage::default();
    let all = GlobRequest::new("**/*")
        .hidden()
        .ignored()
        .limit(usize::MAX);
    for session in sessions {
        let Ok(files) = FsBackend::open(root.workspace(&session.id)) else {
            usage.incomplete += 1;
            continue;
        };
        match files.glob_with(&all).await {
            Ok(page) => {
                usage.files += page.items.len() as u64;
                usage.bytes += page.items.iter().map(|entry| entry.size).sum::<u64>();
                usage.incomplete += usize::from(page.truncated.is_some());
            }
            Err(_) => usage.incomplete += 1,
        }
    }
    usage
}
