//! `cargo xtask tidy`: the house rules that no other tool knows.
//!
//! One rule is one file below this one: a function from the project to its findings, with its tests. A rule
//! reads the files as they are now, tracked or about to be, and never the file system.

mod adr;
mod changelog;
mod circles;
mod dependencies;
mod doctests;
mod header;
mod layout;
mod length;
mod links;
mod machine_paths;
mod manifests;
mod markers;
mod packages;
mod project;
mod readme;
mod slug;
mod whitespace;
mod width;
mod words;

use project::{Finding, Project};

use crate::Result;
use crate::workspace::Workspace;

/// A rule with the name that its findings carry.
type Rule = (&'static str, fn(&Project<'_>) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("adr", adr::check),
    ("changelog", changelog::check),
    ("circles", circles::check),
    ("dependencies", dependencies::check),
    ("doctests", doctests::check),
    ("header", header::check),
    ("layout", layout::check),
    ("length", length::check),
    ("links", links::check),
    ("machine paths", machine_paths::check),
    ("manifests", manifests::check),
    ("markers", markers::check),
    ("packages", packages::check),
    ("readme", readme::check),
    ("whitespace", whitespace::check),
    ("width", width::check),
    ("words", words::check),
];

/// Checks all rules and prints everything that they found.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let project = Project::load(workspace)?;
    let mut errors = 0;
    for (name, check) in RULES {
        for finding in check(&project) {
            errors += 1;
            println!("    {name}: {finding}");
        }
    }
    let (rules, files) = (RULES.len(), project.files.len());
    println!("    {rules} rules, {files} files, {errors} errors");
    if errors == 0 {
        Ok(())
    } else {
        Err(format!("tidy found {errors} errors"))
    }
}
