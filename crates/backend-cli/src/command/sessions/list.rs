//! `sessions list`: one line per session.

use backend_core::SandboxId;
use clap::Args;
use serde_json::{Value, json};
use session_manager::SessionInfo;

use super::{All, RootArgs};
use crate::context::Context;
use crate::exit;
use crate::failure::{Failure, Result};
use crate::time::rfc3339;

/// List the sessions by id, with last use, runtime, tenant and sandbox
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    root: RootArgs,

    /// Only those of one tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

impl List {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let root = self.root.open()?;
        let existing = self.root.existing(context).await?;
        let all = All::read(&root, self.tenant.as_deref())?;
        if context.out.is_json() {
            let sessions: Vec<Value> = all
                .sessions
                .iter()
                .map(|info| to_json(info, existing.as_deref()))
                .collect();
            let unreadable: Vec<Value> = all
                .unreadable
                .into_iter()
                .map(|(id, error)| json!({ "id": id, "error": Failure::Core(error).to_json() }))
                .collect();
            context
                .out
                .json(&json!({ "sessions": sessions, "unreadable": unreadable }))?;
            return Ok(exit::OK);
        }
        let style = context.out.colors().path;
        for info in &all.sessions {
            let used = rfc3339(info.used).unwrap_or_default();
            let runtime = info.runtime.as_deref().unwrap_or("-");
            let tenant = context
                .out
                .shown(info.tenant.as_deref().unwrap_or("-"))
                .into_owned();
            let sandbox = sandbox(info, existing.as_deref());
            context.out.line(format_args!(
                "{style}{:24}{style:#} {used:20} {runtime:20} {tenant:16} {sandbox}",
                info.id.as_str()
            ))?;
        }
        for info in &all.sessions {
            if let Some(trouble) = &info.trouble {
                context.out.warning(format_args!("{}: {trouble}", info.id));
            }
        }
        for (id, error) in all.unreadable {
            context.out.warning(format_args!("{id}: {error}"));
        }
        Ok(exit::OK)
    }
}

/// Describes what is known of the sandbox of a session.
fn sandbox(info: &SessionInfo, existing: Option<&[SandboxId]>) -> String {
    match (&info.sandbox, existing) {
        (None, _) => "-".to_owned(),
        (Some(id), None) => id.to_string(),
        (Some(id), Some(existing)) if existing.contains(id) => id.to_string(),
        (Some(_), Some(_)) => "gone".to_owned(),
    }
}

fn to_json(info: &SessionInfo, existing: Option<&[SandboxId]>) -> Value {
    let exists = match (&info.sandbox, existing) {
        (Some(id), Some(existing)) => Some(existing.contains(id)),
        _ => None,
    };
    json!({
        "id": info.id,
        "tenant": info.tenant,
        "runtime": info.runtime,
        "created": rfc3339(info.created),
        "used": rfc3339(info.used),
        "sandbox": info.sandbox,
        "sandbox_exists": exists,
        "trouble": info.trouble,
    })
}
