//! `grep` against ripgrep, with the same rules for what to skip.

use std::collections::BTreeSet;
use std::path::Path;

use backend_core::{Backend as _, Case, GrepRequest, Grepped};
use backend_fs::FsBackend;

use crate::options::Options;
use crate::program::Program;
use crate::row::{Goal, Row};
use crate::table::Table;

/// More than there are matches.
pub(super) const ALL: usize = 10_000_000;

/// The options that restrict ripgrep to the rules below the root, as everything here does.
const RULES: &[&str] = &[
    "--no-config",
    "--no-ignore-global",
    "--no-ignore-parent",
    "--no-ignore-exclude",
    "--no-require-git",
    "--no-messages",
    "--color=never",
    "--no-heading",
    "--line-number",
    "--null",
];

/// A search, in the terms of both sides.
struct Search {
    name: &'static str,
    request: GrepRequest,
    args: &'static [&'static str],
}

fn searches() -> Vec<Search> {
    let search = |name, pattern: &str, args| Search {
        name,
        request: GrepRequest::new(pattern).limit(ALL),
        args,
    };
    let mut insensitive = search(
        "grep, case-insensitive",
        "PM_RESUME",
        &["-i", "PM_RESUME"] as &[_],
    );
    insensitive.request = insensitive.request.case(Case::Insensitive);
    let mut filtered = search("grep, with a glob", "PM_RESUME", &["-g*.h", "PM_RESUME"]);
    filtered.request = filtered.request.glob("*.h");
    vec![
        search(
            "grep, rare literal",
            "kmem_cache_create_usercopy",
            &["kmem_cache_create_usercopy"],
        ),
        search("grep, common literal", "mutex_lock", &["mutex_lock"]),
        search(
            "grep, more common literal",
            "return -EINVAL",
            &["return -EINVAL"],
        ),
        search("grep, regex", "[A-Z]+_RESUME", &["[A-Z]+_RESUME"]),
        search(
            "grep, regex without a literal",
            r"\w{5}\s+\w{5}\s+\w{5}\s+\w{5}\s+\w{5}",
            &[r"\w{5}\s+\w{5}\s+\w{5}\s+\w{5}\s+\w{5}"],
        ),
        insensitive,
        filtered,
    ]
}

pub(super) async fn run(options: &Options, table: &mut Table, tree: &Path, files: &FsBackend) {
    let rg = options.rg.as_ref().map(|path| Program::new(path, tree));
    if let Some(rg) = &rg {
        table.version("ripgrep", rg.version());
    }
    for search in searches()
        .iter()
        .filter(|search| options.wants(search.name))
    {
        let args = [RULES, search.args].concat();
        let found = files.grep_with(&search.request).await.unwrap();
        if let Some(rg) = &rg {
            compare(search.name, &found, &rg.run(&args));
        }
        let name = format!("{} ({} lines)", search.name, found.matches.len());
        drop(found);
        let mut row = Row::new(name, "rg", Goal::Ratio(0.9));
        for _ in 0..options.rounds(9) {
            row.ours(nanos!(1, files.grep_with(&search.request).await.unwrap()));
            if let Some(rg) = &rg {
                row.theirs(nanos!(1, rg.run(&args)));
            }
        }
        table.add(row);
    }
    let pattern = "mutex_lock";
    if let Some(rg) = rg.filter(|_| options.wants("memory of a grep")) {
        let here = Program::new(&std::env::current_exe().unwrap(), tree);
        let mut row =
            Row::new("memory of a grep, common literal", "rg", Goal::Ratio(2.0)).of_memory();
        for _ in 0..options.rounds(5) {
            let tree = tree.to_string_lossy();
            row.ours(here.peak(&["once", "--tree", &tree, "--pattern", pattern]));
            row.theirs(rg.peak(&[RULES, &[pattern]].concat()));
        }
        table.add(row);
    }
}

/// Checks that both found the same lines.
fn compare(name: &str, found: &Grepped, printed: &str) {
    assert!(found.is_whole(), "{name}: {:?}", found.truncated);
    let ours: BTreeSet<(String, u64)> = found
        .matches
        .iter()
        .map(|found| (found.path.relative().to_owned(), found.line))
        .collect();
    let theirs: BTreeSet<(String, u64)> = printed
        .lines()
        .filter_map(|line| {
            let (path, rest) = line.split_once('\0')?;
            let number = rest.split(':').next()?.parse().ok()?;
            Some((path.trim_start_matches("./").to_owned(), number))
        })
        .collect();
    assert!(!ours.is_empty(), "{name}: nothing was found");
    let differ: Vec<_> = ours.symmetric_difference(&theirs).take(10).collect();
    assert!(differ.is_empty(), "{name}: {differ:?}");
}
