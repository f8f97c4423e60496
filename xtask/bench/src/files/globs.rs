//! `glob` and `ls` against fd, `rg --files` and the standard library.

use std::collections::BTreeSet;
use std::path::Path;

use backend_core::{Backend as _, Entry, GlobRequest, LsRequest, VirtualPath};
use backend_fs::FsBackend;

use super::greps::ALL;
use crate::options::Options;
use crate::program::Program;
use crate::row::{Goal, Row};
use crate::table::Table;

const FD: &[&str] = &[
    "--color=never",
    "--no-ignore-parent",
    "--no-global-ignore-file",
];

const RG: &[&str] = &[
    "--no-config",
    "--no-ignore-global",
    "--no-ignore-parent",
    "--no-ignore-exclude",
    "--no-require-git",
    "--files",
];

/// A pattern, the peer that looks for the same, and the peer's arguments.
type Glob<'a> = (&'a str, &'a Option<Program>, &'a [&'a [&'a str]]);

pub(super) async fn run(options: &Options, table: &mut Table, tree: &Path, files: &FsBackend) {
    let fd = options.fd.as_ref().map(|path| Program::new(path, tree));
    let rg = options.rg.as_ref().map(|path| Program::new(path, tree));
    if let Some(fd) = &fd {
        table.version("fd", fd.version());
    }
    let globs: [Glob<'_>; 4] = [
        (
            "**/*_main.c",
            &fd,
            &[FD, &["--type=f", "--type=l", "--glob", "*_main.c"]],
        ),
        (
            "drivers/**/Makefile",
            &fd,
            &[
                FD,
                &["--type=f", "--type=l", "--glob", "Makefile", "drivers"],
            ],
        ),
        ("**/*", &fd, &[FD, &["--type=f", "--type=l"]]),
        ("**/*", &rg, &[RG]),
    ];
    for (pattern, peer, args) in globs {
        let beside = if args == [RG] { "rg --files" } else { "fd" };
        let name = format!("glob {pattern}, against {beside}");
        if !options.wants(&name) {
            continue;
        }
        let (request, args) = (GlobRequest::new(pattern).limit(ALL), args.concat());
        let found = files.glob_with(&request).await.unwrap();
        if let Some(peer) = peer {
            compare(&name, &found.items, &peer.run(&args), beside == "fd");
        }
        let mut row = Row::new(
            format!("{name} ({} entries)", found.items.len()),
            beside,
            Goal::Ratio(0.9),
        );
        for _ in 0..options.rounds(11) {
            row.ours(nanos!(1, files.glob_with(&request).await.unwrap()));
            if let Some(peer) = peer {
                row.theirs(nanos!(1, peer.run(&args)));
            }
        }
        table.add(row);
    }
    if options.wants("glob **/* with a limit of 1000") {
        let request = GlobRequest::new("**/*").limit(1000);
        let args = [FD, &["--type=f", "--max-results=1000"]].concat();
        let mut row = Row::new("glob **/* with a limit of 1000", "fd", Goal::Ratio(0.9));
        for _ in 0..options.rounds(11) {
            let mut count = 0;
            row.ours(nanos!(1, {
                count = files.glob_with(&request).await.unwrap().items.len();
            }));
            if let Some(fd) = &fd {
                let mut printed = String::new();
                row.theirs(nanos!(1, printed = fd.run(&args)));
                // fd may return any thousand.
                assert_eq!(printed.lines().count(), count);
            }
        }
        table.add(row);
    }
}

/// Checks that both found the same paths. Ripgrep does not list links.
fn compare(name: &str, items: &[Entry], printed: &str, with_links: bool) {
    let ours: BTreeSet<&str> = items
        .iter()
        .filter(|entry| with_links || entry.target.is_none())
        .map(|entry| entry.path.relative())
        .collect();
    let theirs: BTreeSet<&str> = printed
        .lines()
        .map(|line| line.trim_start_matches("./"))
        .collect();
    assert!(!ours.is_empty(), "{name}: nothing was found");
    let differ: Vec<_> = ours.symmetric_difference(&theirs).take(10).collect();
    assert!(differ.is_empty(), "{name}: {differ:?}");
}

/// Lists a large directory, against `read_dir`, the metadata of each entry, and a sort.
pub(super) async fn listing(options: &Options, table: &mut Table, scratch: &Path) {
    let count = options.size(100_000, 500);
    let name = format!("ls of {count} entries");
    if !options.wants(&name) {
        return;
    }
    let dir = scratch.join("many");
    std::fs::create_dir(&dir).unwrap();
    for number in 0..count {
        std::fs::write(dir.join(format!("file-{number:06}.txt")), "text").unwrap();
    }
    let files = FsBackend::open(&dir).unwrap();
    let request = LsRequest::new(VirtualPath::root()).limit(ALL);
    let bare = || {
        let entries = std::fs::read_dir(&dir).unwrap();
        let mut entries: Vec<_> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name(), entry.metadata().unwrap())
            })
            .collect();
        entries.sort_unstable_by(|one, two| one.0.cmp(&two.0));
        entries
    };
    let page = files.ls_with(&request).await.unwrap();
    let names = page.items.iter().map(|entry| entry.path.name().unwrap());
    assert!(names.eq(bare().iter().map(|entry| entry.0.to_str().unwrap())));
    let mut row = Row::new(name, "read_dir, metadata, sort", Goal::Ratio(1.2));
    for _ in 0..options.rounds(11) {
        row.ours(nanos!(1, files.ls_with(&request).await.unwrap()));
        row.theirs(nanos!(1, bare()));
    }
    table.add(row);
}
