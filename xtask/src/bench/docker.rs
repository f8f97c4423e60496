//! Containers, against the Python original and its client on the same container.

use std::fs;

use super::{Options, peers};
use crate::Result;
use crate::shell::Cmd;
use crate::test_image;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !test_image::engine_answers() {
        return Err("no Docker engine answers".to_owned());
    }
    test_image::make(&workspace.target, &test_image::Options::default())?;
    let dir = workspace.target.join("bench");
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let peer = workspace.root.join("xtask/src/bench/peer_docker.py");
    let out = dir.join("docker.json");
    // A quick run uses what the tests have built; a full run, what users get.
    let profile: &[&str] = if options.quick {
        &["--workspace", "--all-features", "--profile", "dev"]
    } else {
        &["--package", "sandbox-docker"]
    };
    let mut command = Cmd::cargo(&["bench"]).args(profile).args(&[
        "--bench",
        "docker",
        "--",
        "--out",
        &out.to_string_lossy(),
    ]);
    match peers::original(&dir) {
        Ok(python) => {
            let (python, peer) = (python.to_string_lossy(), peer.to_string_lossy());
            command = command.args(&["--peer", &python, &peer]);
        }
        Err(error) => println!("    without the original, which could not be installed: {error}"),
    }
    if options.quick {
        command = command.arg("--quick");
    }
    command.run()
}
