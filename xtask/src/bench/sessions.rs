//! Sessions: the cost of the manager alone, and with containers if there is an engine.

use std::fs;

use super::Options;
use crate::Result;
use crate::shell::Cmd;
use crate::test_image;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if test_image::engine_answers() {
        test_image::make(&workspace.target, &test_image::Options::default())?;
    }
    let dir = workspace.target.join("bench");
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let out = dir.join("sessions.json");
    // A quick run uses what the tests have built; a full run, what users get.
    let profile: &[&str] = if options.quick {
        &["--workspace", "--all-features", "--profile", "dev"]
    } else {
        &["--package", "session-manager"]
    };
    let command = Cmd::cargo(&["bench"]).args(profile).args(&[
        "--bench",
        "sessions",
        "--",
        "--out",
        &out.to_string_lossy(),
    ]);
    let quick: &[&str] = if options.quick { &["--quick"] } else { &[] };
    command.args(quick).run()
}
