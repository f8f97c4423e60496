//! The benchmarks of single functions, which are in their crates. They have no peer, and print for developers.

use super::Options;
use crate::Result;
use crate::shell::Cmd;
use crate::workspace::Workspace;

pub(super) fn run(_: &Workspace, options: &Options) -> Result<()> {
    let bench = Cmd::cargo(&["bench", "--bench", "micro"]);
    if options.quick {
        // As the tests have built them, each function once.
        let profile = ["--workspace", "--all-features", "--profile", "dev"];
        return bench.args(&profile).args(&["--", "--test"]).run();
    }
    bench
        .args(&[
            "--package",
            "backend-core",
            "--package",
            "backend-composite",
        ])
        .run()
}
