//! Laws on random trees: a naive search finds the same, and threads and pieces make no difference.

use std::collections::BTreeSet;

use globset::GlobBuilder;
use proptest::prelude::*;

use super::{Forest, Hand, grepped, paths, virtual_path};
use crate::search::{Cancel, glob, grep};
use crate::{GlobRequest, GrepOutput, GrepRequest, Truncation};

fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "a", "b", "ab", "a-b", "a.b", "x.rs", "y.rs", ".h", ".x.rs", "B", "é",
    ])
    .prop_map(str::to_owned)
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(name(), 1..5).prop_map(|names| format!("/{}", names.join("/")))
}

/// Paths of files, none of which is an ancestor of another.
fn file_paths() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(path(), 0..25).prop_map(|paths| {
        let above = |path: &String, other: &String| other.starts_with(&format!("{path}/"));
        let leaves = paths
            .iter()
            .filter(|path| !paths.iter().any(|other| above(path, other)));
        leaves.cloned().collect()
    })
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = proptest::sample::select(vec![
        "*", "**", "a", "b", "*.rs", "a*", "*b", "?", "{a,b}", "{a,ab/*}", "[ab]", ".*", ".h",
        "{x,y}.rs", "**/", "{,a}", "a{,b}", "{**,b}",
    ]);
    proptest::collection::vec(segment, 1..5).prop_map(|segments| segments.join("/"))
}

fn texts() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "x", "needle", "\n", "\r\n", "\r", "é", " ", "needle\n", "\n\n", "{", "}\n",
    ]);
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// The result of globset itself for the whole path.
fn by_globset(paths: &BTreeSet<String>, pattern: &str) -> Vec<String> {
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .empty_alternates(true)
        .build()
        .unwrap()
        .compile_matcher();
    let mut found: Vec<_> = paths
        .iter()
        .filter(|path| glob.is_match(&path[1..]))
        .map(|path| virtual_path(path))
        .collect();
    found.sort();
    found.into_iter().map(Into::into).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_finds_what_matches_and_nothing_else(paths_ in file_paths(), pattern in pattern()) {
        // Cases where globset differs: a byte for `?`, an empty segment in braces.
        let plain = !pattern.contains('?') && !pattern.contains("{,a}") && !pattern.contains("//")
            && !pattern.ends_with('/') && !pattern.contains("{**,b}");
        if plain {
            let tree = Forest::new(paths_.iter().map(|path| (path.as_str(), "")));
            let request = GlobRequest::new(pattern.as_str()).hidden();
            prop_assert_eq!(paths(&tree, &request), by_globset(&paths_, &pattern));
        }
    }

    #[test]
    fn any_pattern_finds_each_entry_once_and_in_order(paths_ in file_paths(), pattern in pattern()) {
        let tree = Forest::new(paths_.iter().map(|path| (path.as_str(), "")));
        let found: Vec<_> = super::globbed(&tree, &GlobRequest::new(pattern.as_str()).hidden().directories())
            .items
            .into_iter()
            .map(|entry| entry.path)
            .collect();
        prop_assert!(found.is_sorted());
        let once: BTreeSet<_> = found.iter().collect();
        prop_assert_eq!(once.len(), found.len());
    }

    #[test]
    fn a_pattern_seen_from_above_finds_the_same(paths_ in file_paths(), pattern in pattern()) {
        // An empty end makes the part before it a pattern for directories, including the one to search.
        let pattern = if pattern.ends_with("{,a}") { pattern + "x" } else { pattern };
        let tree = Forest::new(paths_.iter().map(|path| (path.as_str(), "")));
        let moved = Forest::of(paths_.iter().map(|path| (format!("/m/n{path}"), Vec::new())).chain([("/m/n/".to_owned(), Vec::new())]));
        let here = paths(&tree, &GlobRequest::new(pattern.as_str()));
        let below = paths(&moved, &GlobRequest::new(format!("m/n/{pattern}")));
        let seen = GlobRequest::new(format!("m/n/{pattern}")).seen_at(virtual_path("/m/n"));
        prop_assert_eq!(paths(&tree, &seen), here.clone());
        let at = GlobRequest::new(pattern.as_str()).path(virtual_path("/m/n"));
        prop_assert_eq!(paths(&moved, &at), below.clone());
        let cut: Vec<_> = below.iter().map(|path| path["/m/n".len()..].to_owned()).collect();
        prop_assert_eq!(cut, here);
    }

    #[test]
    fn a_line_search_finds_what_a_naive_one_finds(text in texts(), before in 0_usize..3, after in 0_usize..3) {
        let lines: Vec<&str> = text
            .split_terminator('\n')
            .enumerate()
            .map(|(index, line)| {
                let is_last = index + 1 == text.split_terminator('\n').count() && !text.ends_with('\n');
                if is_last { line } else { line.strip_suffix('\r').unwrap_or(line) }
            })
            .collect();
        let mut want = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if let Some(column) = line.find("needle") {
                want.push((index as u64 + 1, column as u64 + 1, (*line).to_owned()));
            }
        }
        let mut tree = Forest::new([("/f", text.as_str())]);
        for request in [
            GrepRequest::new("needle"),
            GrepRequest::new("needle|zq\nzq").multi_line(),
        ] {
            let found = grepped(&mut tree, &request.context(before, after));
            let got: Vec<_> = found
                .matches
                .iter()
                .map(|hit| (hit.line, hit.column, hit.text.clone()))
                .collect();
            prop_assert_eq!(&got, &want);
            let mut shown = BTreeSet::new();
            for hit in &found.matches {
                let context = hit.before.iter().chain(&hit.after);
                for line in context {
                    prop_assert_eq!(&line.text, lines[line.line as usize - 1]);
                }
                for line in hit.before.iter().map(|line| line.line).chain([hit.line]).chain(hit.after.iter().map(|line| line.line)) {
                    prop_assert!(shown.insert(line), "line {} twice", line);
                }
            }
            let mut near = BTreeSet::new();
            for (line, _, _) in &want {
                let first = line.saturating_sub(before as u64).max(1);
                near.extend(first..=(line + after as u64).min(lines.len() as u64));
            }
            prop_assert_eq!(shown, near, "all lines near a match are shown");
        }
    }

    #[test]
    fn a_pattern_within_lines_finds_the_same_over_lines(
        text in texts(),
        pattern in proptest::sample::select(vec!["^", "$", "x*", "^x", "e$", "need|x", r"\bx", "^$", "[^x]"]),
        limit in 1_usize..5,
    ) {
        let mut tree = Forest::new([("/f", text.as_str())]);
        let request = || GrepRequest::new(pattern).context(1, 1).limit(limit);
        let by_line = grepped(&mut tree, &request());
        let mut over = request().multi_line();
        over.pattern = format!("(?-s:{pattern})|zq\nzq").replace("[^x]", "[^x\n]");
        let over_lines = grepped(&mut tree, &over);
        prop_assert_eq!(by_line.matches, over_lines.matches);
        prop_assert_eq!(by_line.truncated, over_lines.truncated);
    }

    #[test]
    fn neither_threads_nor_pieces_make_a_difference(
        files in proptest::collection::btree_map(path(), texts(), 0..60),
        limit in proptest::option::of(1_usize..12),
        file_limit in proptest::option::of(1_usize..3),
        output in proptest::sample::select(vec![GrepOutput::Matches, GrepOutput::Files, GrepOutput::Counts]),
        multi_line in any::<bool>(),
        context in 0_usize..2,
    ) {
        let mut tree = Forest::of(
            files.into_iter().enumerate().map(|(index, (path, text))| (format!("/{}{path}", index % 7), text.into_bytes())),
        );
        let mut request = GrepRequest::new("needle|x").hidden().output(output).context(context, context);
        request.limit = limit.unwrap_or(1000);
        request.file_limit = file_limit;
        request.multi_line = multi_line;
        let found = grepped(&mut tree, &request);
        let all = grepped(&mut tree, &GrepRequest { limit: 100_000, ..request.clone() });
        prop_assert_eq!(&found.matches[..], &all.matches[..found.matches.len()]);
        prop_assert_eq!(&found.files[..], &all.files[..found.files.len()]);
        let whole = all.matches.len() + all.files.len();
        prop_assert_eq!(found.matches.len() + found.files.len(), whole.min(request.limit));
        prop_assert_eq!(found.truncated.is_some(), whole > request.limit);
    }
}

#[test]
fn many_files_on_many_threads_come_in_order() {
    let tree = Forest::of((0..2000).map(|n| {
        let many = if n % 97 == 0 { 5000 } else { n % 3 };
        (
            format!("/{:02}/{n:04}", n % 50),
            "x needle\n".repeat(many).into_bytes(),
        )
    }));
    let tree = tree.handed(Hand::Reader(100));
    for limit in [1, 2, 700, 5001, 40_000, 1_000_000] {
        let request = GrepRequest::new("needle").limit(limit);
        let alone = grep(&tree, &request, &Cancel::new(), 1).unwrap();
        for threads in [2, 8] {
            let many = grep(&tree, &request, &Cancel::new(), threads).unwrap();
            assert_eq!(many.matches, alone.matches, "{limit} on {threads}");
            assert_eq!(
                (many.searched, many.truncated),
                (alone.searched, alone.truncated)
            );
        }
    }
}

#[test]
fn many_entries_that_many_threads_look_at_come_in_order() {
    let mut tree = Forest::of((0..3000).map(|n| {
        let hidden = if n % 11 == 0 { "." } else { "" };
        (format!("/{:02}/{hidden}{n:04}", n % 50), Vec::new())
    }));
    for number in (1..3000).step_by(70) {
        tree.vanished
            .insert(format!("/{:02}/{number:04}", number % 50));
    }
    for limit in [1, 2, 127, 128, 129, 1000, 2600, 1_000_000] {
        for directories in [false, true] {
            let mut request = GlobRequest::new("**").limit(limit);
            request.directories = directories;
            let alone = glob(&tree, &request, &Cancel::new(), 1).unwrap();
            assert_eq!(
                alone.truncated.is_some_and(|why| why == Truncation::Limit),
                limit < 2700
            );
            for threads in [2, 8] {
                let many = glob(&tree, &request, &Cancel::new(), threads).unwrap();
                assert_eq!(
                    format!("{many:?}"),
                    format!("{alone:?}"),
                    "{limit} on {threads}"
                );
            }
        }
    }
}
