//! Everything skipped on the way is counted in the result that it belongs to.

use super::{Forest, globbed, grepped};
use crate::{GlobRequest, GrepRequest, Truncation};

#[test]
fn every_reason_has_its_count() {
    let mut tree = Forest::new([
        ("/.h", "x"),
        ("/.gitignore", "i\n"),
        ("/i", "x"),
        ("/l@", ""),
        ("/bin", "x\0"),
        ("/a", "x"),
    ]);
    tree.unnameable = 3;
    tree.unreadable = 2;
    let found = grepped(&mut tree, &GrepRequest::new("x"));
    let skipped = &found.skipped;
    assert_eq!(
        (skipped.hidden, skipped.ignored, skipped.symlinks),
        (2, 1, 1)
    );
    assert_eq!(
        (skipped.binary, skipped.unnameable, skipped.unreadable),
        (1, 3, 2)
    );
    assert_eq!(
        (found.searched, found.truncated),
        (1, Some(Truncation::Unreadable))
    );
    let page = globbed(&tree, &GlobRequest::new("**"));
    assert_eq!((page.skipped.hidden, page.skipped.unnameable), (2, 3));
    assert_eq!(page.truncated, Some(Truncation::Unreadable));
}

#[test]
fn an_unnameable_entry_does_not_truncate() {
    let mut tree = Forest::new([("/a", "x")]);
    tree.unnameable = 1;
    assert_eq!(grepped(&mut tree, &GrepRequest::new("x")).truncated, None);
    assert_eq!(globbed(&tree, &GlobRequest::new("**")).truncated, None);
}

#[test]
fn the_limit_is_the_stronger_reason() {
    let mut tree = Forest::new([("/a", "x"), ("/b", "x")]);
    tree.unreadable = 1;
    let found = grepped(&mut tree, &GrepRequest::new("x").limit(1));
    assert_eq!(
        (found.truncated, found.skipped.unreadable),
        (Some(Truncation::Limit), 1)
    );
    let page = globbed(&tree, &GlobRequest::new("**").limit(1));
    assert_eq!(page.truncated, Some(Truncation::Limit));
}

#[test]
fn entries_after_the_limit_are_not_counted_on_any_number_of_threads() {
    let files = (0..200).flat_map(|n| {
        [
            (format!("/{n:03}"), b"x\n".to_vec()),
            (format!("/{n:03}x/.hidden"), Vec::new()),
        ]
    });
    let mut tree = Forest::of(files);
    let found = grepped(&mut tree, &GrepRequest::new("x").limit(50));
    assert_eq!((found.searched, found.skipped.hidden), (51, 50));
}

#[test]
fn a_path_that_is_too_long_is_counted() {
    let long = format!("/{}", vec!["d".repeat(255); 15].join("/"));
    let mut tree = Forest::of([(format!("{long}/{}", "f".repeat(255)), b"x".to_vec())]);
    assert_eq!(grepped(&mut tree, &GrepRequest::new("x")).matches.len(), 1);
    let mut tree = Forest::of([(format!("{long}/{}/g", "d".repeat(255)), b"x".to_vec())]);
    tree.nodes.insert(
        format!("{long}/{}", "e".repeat(256)),
        super::forest::Node::Dir,
    );
    tree.nodes.insert(
        format!("{long}/{}", "f".repeat(256)),
        super::forest::Node::File("x".into()),
    );
    let found = grepped(&mut tree, &GrepRequest::new("x"));
    assert_eq!((found.matches.len(), found.skipped.unnameable), (0, 3));
    assert_eq!(
        globbed(&tree, &GlobRequest::new("**")).skipped.unnameable,
        3
    );
}
