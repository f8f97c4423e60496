//! Limits return the first results, and say if and only if there are more.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Forest, files, globbed, grepped, in_files, paths};
use crate::search::{Cancel, glob, grep};
use crate::{GlobRequest, GrepOutput, GrepRequest, Truncation};

#[test]
fn a_glob_returns_the_first_entries() {
    let all = ["/a/x", "/a/y", "/b", "/z"];
    let tree = files(all);
    for limit in 1..=5 {
        let request = GlobRequest::new("**").limit(limit);
        assert_eq!(paths(&tree, &request), all[..limit.min(4)], "limit {limit}");
        let expected = (limit < 4).then_some(Truncation::Limit);
        assert_eq!(
            globbed(&tree, &request).truncated,
            expected,
            "limit {limit}"
        );
    }
}

fn tree() -> Forest {
    Forest::new([
        ("/a", "x\n"),
        ("/b", "x\ny\nx\n"),
        ("/c/d", "x\n"),
        ("/e", "y\n"),
    ])
}

#[test]
fn a_grep_returns_the_first_matches() {
    let all = [("/a", 1), ("/b", 1), ("/b", 3), ("/c/d", 1)];
    for limit in 1..=5 {
        let found = grepped(&mut tree(), &GrepRequest::new("x").limit(limit));
        let got: Vec<_> = found
            .matches
            .iter()
            .map(|hit| (hit.path.as_str(), hit.line))
            .collect();
        assert_eq!(got, all[..limit.min(4)], "limit {limit}");
        let expected = (limit < 4).then_some(Truncation::Limit);
        assert_eq!(found.truncated, expected, "limit {limit}");
    }
}

#[test]
fn a_limit_counts_files_where_files_are_returned() {
    for output in [GrepOutput::Files, GrepOutput::Counts] {
        for limit in 1..=4 {
            let request = GrepRequest::new("x").output(output).limit(limit);
            let found = grepped(&mut tree(), &request);
            let got: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
            assert_eq!(got, ["/a", "/b", "/c/d"][..limit.min(3)]);
            let expected = (limit < 3).then_some(Truncation::Limit);
            assert_eq!(found.truncated, expected, "{output:?} {limit}");
        }
    }
}

#[test]
fn a_file_limit_leaves_room_for_others_and_cuts_nothing() {
    let found = grepped(&mut tree(), &GrepRequest::new("x").file_limit(1));
    let got: Vec<_> = found
        .matches
        .iter()
        .map(|hit| (hit.path.as_str(), hit.line))
        .collect();
    assert_eq!(got, [("/a", 1), ("/b", 1), ("/c/d", 1)]);
    assert_eq!(found.truncated, None);
    let both = grepped(&mut tree(), &GrepRequest::new("x").file_limit(1).limit(2));
    assert_eq!(
        (both.matches.len(), both.truncated),
        (2, Some(Truncation::Limit))
    );
}

#[test]
fn counts_are_complete_and_files_count_one() {
    let counts = |output, multi_line| {
        let mut request = GrepRequest::new("x").output(output).file_limit(1);
        request.multi_line = multi_line;
        let found = grepped(&mut tree(), &request);
        assert_eq!((found.searched, found.matches.len()), (4, 0));
        found
            .files
            .iter()
            .map(|file| file.count)
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(GrepOutput::Counts, false), [1, 2, 1]);
    assert_eq!(counts(GrepOutput::Counts, true), [1, 2, 1]);
    assert_eq!(counts(GrepOutput::Files, false), [1, 1, 1]);
    let mut tree = Forest::new([("/f", "ab\nab ab\nb\na\nb\n")]);
    let over = GrepRequest::new("a\n?b")
        .multi_line()
        .output(GrepOutput::Counts);
    assert_eq!(
        grepped(&mut tree, &over).files[0].count,
        3,
        "lines on which a match starts"
    );
}

#[test]
fn a_file_with_many_matches_is_not_searched_past_the_limit() {
    let text = "x\n".repeat(1_000_000);
    let tree = Forest::new([("/f", text.as_str()), ("/g", "x\n")]);
    let tree = tree.handed(super::Hand::Reader(usize::MAX));
    let found = grep(&tree, &GrepRequest::new("x").limit(10), &Cancel::new(), 1).unwrap();
    assert_eq!((found.matches.len(), found.searched), (10, 1));
}

#[test]
fn nothing_is_opened_after_the_limit() {
    let tree = tree();
    let found = grep(&tree, &GrepRequest::new("x").limit(1), &Cancel::new(), 1).unwrap();
    assert_eq!(
        found.searched, 2,
        "the second one has the match that exceeds the limit"
    );
    assert_eq!(tree.opened(), ["/a", "/b"]);
}

#[test]
fn only_returned_entries_are_examined() {
    let tree = Forest::of((0..1000).map(|n| (format!("/{n:04}"), Vec::new())));
    let first = GlobRequest::new("*").limit(1);
    let page = glob(&tree, &first, &Cancel::new(), 1).unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(tree.looked.load(Ordering::Relaxed), 1);
    grep(&tree, &GrepRequest::new("x"), &Cancel::new(), 1).unwrap();
    assert_eq!(tree.looked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_timeout_is_reported() {
    let tree = tree();
    let zero = Duration::ZERO;
    let page = glob(
        &tree,
        &GlobRequest::new("**").timeout(zero),
        &Cancel::new(),
        1,
    )
    .unwrap();
    assert_eq!(
        (page.items.len(), page.truncated),
        (0, Some(Truncation::Time))
    );
    for threads in [0, 1, 4] {
        let request = GrepRequest::new("x").timeout(zero);
        let found = grep(&tree, &request, &Cancel::new(), threads).unwrap();
        assert_eq!(
            (found.matches.len(), found.truncated),
            (0, Some(Truncation::Time))
        );
        let one = request.path(super::virtual_path("/a"));
        let found = grep(&tree, &one, &Cancel::new(), threads).unwrap();
        assert_eq!(
            (found.matches.len(), found.truncated),
            (0, Some(Truncation::Time))
        );
    }
}

#[test]
fn an_unused_timeout_changes_nothing() {
    let request = GrepRequest::new("x").output(GrepOutput::Files);
    let want = in_files(&mut tree(), request.clone());
    for timeout in [Duration::from_secs(3600), Duration::MAX] {
        assert_eq!(
            in_files(&mut tree(), request.clone().timeout(timeout)),
            want
        );
    }
    let page = globbed(&tree(), &GlobRequest::new("**").timeout(Duration::MAX));
    assert!(page.is_whole() && page.items.len() == 4);
}
