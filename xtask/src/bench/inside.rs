//! The benchmarks of the program `bench`, with their inputs and peers.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Options, peers};
use crate::Result;
use crate::shell::Cmd;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, options: &Options, name: &str) -> Result<()> {
    let dir = workspace.target.join("bench");
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    // A quick run uses what the tests have built; a full run, what users get.
    let (profile, built): (&[&str], _) = if options.quick {
        (&["--workspace", "--all-features"], "debug")
    } else {
        (
            &[
                "--package",
                "bench",
                "--package",
                "sandbox-guest",
                "--release",
            ],
            "release",
        )
    };
    Cmd::cargo(&["build", "--bin", "bench", "--bin", "agent-guest"])
        .args(profile)
        .run()?;
    let built = workspace.target.join(built);
    let mut args = Args(vec![name.to_owned()]);
    args.path("--out", &dir.join(format!("{name}.json")));
    args.path("--scratch", &dir);
    args.path("--guest", &built.join("agent-guest"));
    if options.quick {
        args.0.push("--quick".to_owned());
    }
    if matches!(name, "files" | "state") {
        let rg = peers::debian(&dir, "ripgrep", "usr/bin/rg", options.quick);
        args.peer("--rg", rg);
        args.peer("--original", peers::original(&dir));
        args.path(
            "--script",
            &workspace.root.join("xtask/bench/peers/original.py"),
        );
    }
    if name == "files" {
        let fd = peers::debian(&dir, "fd-find", "usr/bin/fdfind", options.quick);
        args.peer("--fd", fd);
        if !options.quick {
            args.peer("--tree", peers::linux(&dir));
        }
    }
    args.0
        .iter()
        .fold(
            Cmd::new(&built.join("bench").to_string_lossy()),
            |command, arg| command.arg(arg),
        )
        .run()
}

/// The arguments of the program.
struct Args(Vec<String>);

impl Args {
    fn path(&mut self, option: &str, path: &Path) {
        self.0.push(option.to_owned());
        self.0.push(path.to_string_lossy().into_owned());
    }

    /// Adds a peer, or names the one that is not available.
    fn peer(&mut self, option: &str, found: Result<PathBuf>) {
        match found {
            Ok(path) => self.path(option, &path),
            Err(error) => {
                let name = option.trim_start_matches('-');
                let why = format!("{name}: {}", error.trim().replace('\n', " "));
                println!("    without {why}");
                self.0.extend(["--missing".to_owned(), why]);
            }
        }
    }
}
