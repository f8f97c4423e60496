//! The steps that are one or two cargo commands each. Tests and examples have their own files.

use super::{Outcome, Run, test_run};
use crate::Result;
use crate::shell::Cmd;

/// The fuzz targets are a workspace of their own, so that a nightly compiler and libFuzzer stay out of this one.
const FUZZ_MANIFEST: &str = "xtask/fuzz/Cargo.toml";

/// Everything is formatted, the fuzz targets too.
pub(super) fn fmt(run: &mut Run<'_>) -> Result<Outcome> {
    let check: &[&str] = if run.fix { &[] } else { &["--check"] };
    let how = |error: String| format!("{error}; `cargo xtask ci --fix` formats");
    Cmd::cargo(&["fmt", "--all"])
        .args(check)
        .run()
        .map_err(how)?;
    Cmd::cargo(&["fmt", "--all", "--manifest-path", FUZZ_MANIFEST])
        .args(check)
        .run()
        .map_err(how)?;
    Ok(Outcome::passed())
}

/// The house rules.
pub(super) fn tidy(run: &mut Run<'_>) -> Result<Outcome> {
    crate::tidy::run(run.workspace)?;
    Ok(Outcome::passed())
}

/// No warning anywhere.
pub(super) fn clippy(_: &mut Run<'_>) -> Result<Outcome> {
    Cmd::cargo(&["clippy", "--workspace", "--all-targets", "--all-features"])
        .args(&["--", "-D", "warnings"])
        .run()?;
    Ok(Outcome::passed())
}

/// Each crate for users builds alone and without its features, as its users build it: in a build of the whole
/// workspace one crate's features hide a feature that another one forgot to enable.
pub(super) fn alone(run: &mut Run<'_>) -> Result<Outcome> {
    if !run.all {
        let reason = "it compiles all dependencies once more for each crate: --all runs it";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    for package in run
        .workspace
        .packages
        .iter()
        .filter(|package| package.for_users)
    {
        let clippy = || Cmd::cargo(&["clippy", "--package", &package.name]);
        let deny = ["--", "-D", "warnings"];
        clippy().args(&deny).run()?;
        if package.features.iter().any(|feature| feature != "default") {
            clippy().arg("--no-default-features").args(&deny).run()?;
        }
    }
    Ok(Outcome::passed())
}

/// The fuzz targets compile, and find nothing in a few thousand inputs, nor in the inputs of earlier findings. Without
/// their default feature they need neither libFuzzer nor a C++ compiler.
pub(super) fn fuzz_targets(run: &mut Run<'_>) -> Result<Outcome> {
    let target = run.workspace.target.to_string_lossy().into_owned();
    let fuzz = |command: &str| {
        Cmd::cargo(&[command, "--manifest-path", FUZZ_MANIFEST]).args(&[
            "--no-default-features",
            "--target-dir",
            &target,
        ])
    };
    // With --all, first only the targets that need no feature; then all.
    let features: &[&str] = if run.all { &["", "tools,wire"] } else { &[] };
    for features in features {
        fuzz("clippy")
            .args(&["--features", features, "--all-targets"])
            .args(&["--", "-D", "warnings"])
            .run()?;
    }
    let test = fuzz("test").args(&["--features", "tools,wire", "--lib"]);
    let counts = test_run::read_libtest(&test.run_and_keep()?);
    run.tests.add(counts);
    Ok(Outcome::Passed(vec![counts.note()]))
}

/// The documentation of everything, private items too, has no warning.
pub(super) fn doc(_: &mut Run<'_>) -> Result<Outcome> {
    Cmd::cargo(&["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(Outcome::passed())
}

/// Licences, sources and bans of everything that the workspace depends on.
pub(super) fn deny(_: &mut Run<'_>) -> Result<Outcome> {
    if !Cmd::cargo(&["deny", "--version"]).succeeds() {
        let reason = "cargo-deny is not installed (`cargo install cargo-deny --locked`)";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    Cmd::cargo(&["deny", "--all-features", "check"])
        .args(&["--hide-inclusion-graph", "bans", "sources", "licenses"])
        .run()?;
    Ok(Outcome::passed())
}
