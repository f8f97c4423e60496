//! `doctor`: what this machine supports, and why not.

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::doctor::{self, Check, Status};
use crate::exit;
use crate::failure::Result;
use crate::out::Out;
use crate::workspace::Need;

/// Check what this machine supports, and explain what it does not
///
/// Each line is `ok`, `warn` (a fallback is used, or something is missing) or `fail`. Exit code 1 means that a check
/// failed. The workspace that the options describe is opened too.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let mut checks = doctor::checks(context.wants_container()).await;
        checks.push(match context.open(Need::Read).await {
            Ok(_) => Check::ok("workspace", "it opens"),
            Err(failure) => Check::fail("workspace", failure.message(), "choose another one"),
        });
        let out = &mut context.out;
        let well = checks.iter().all(|check| check.status != Status::Fail);
        if out.is_json() {
            out.json(&json!({ "ok": well, "checks": checks }))?;
        } else {
            for check in &checks {
                show(check, out)?;
            }
        }
        Ok(if well { exit::OK } else { exit::NEGATIVE })
    }
}

fn show(check: &Check, out: &mut Out) -> Result<()> {
    let colors = out.colors();
    let (style, status) = match check.status {
        Status::Ok => (colors.good, "ok"),
        Status::Warn => (colors.warning, "warn"),
        Status::Fail => (colors.error, "fail"),
    };
    let Check { name, detail, .. } = check;
    out.line(format_args!("{style}{status:4}{style:#}  {name}: {detail}"))?;
    match &check.advice {
        Some(advice) => out.line(format_args!("      {advice}")),
        None => Ok(()),
    }
}
