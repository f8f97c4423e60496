//! Every failure on the way is counted, and affects nothing else.

use std::sync::atomic::Ordering;

use super::{Forest, Hand, files, found, globbed, grepped, in_files, paths, virtual_path};
use crate::search::{Cancel, glob, grep};
use crate::{Error, ErrorKind, GlobRequest, GrepRequest, Truncation};

fn tree() -> Forest {
    Forest::new([("/a/x", "x"), ("/b/y", "x"), ("/c/z", "x"), ("/d", "x")])
}

#[test]
fn a_directory_that_vanished_or_cannot_be_listed_affects_nothing_else() {
    let mut tree = tree();
    tree.vanished.insert("/a".to_owned());
    tree.unlistable.insert("/b".to_owned());
    assert_eq!(found(&tree, "**"), ["/c/z", "/d"]);
    let page = globbed(&tree, &GlobRequest::new("**"));
    assert_eq!(
        (page.skipped.unreadable, page.truncated),
        (2, Some(Truncation::Unreadable))
    );
    assert_eq!(in_files(&mut tree, GrepRequest::new("x")), ["/c/z", "/d"]);
    assert_eq!(
        grepped(&mut tree, &GrepRequest::new("x"))
            .skipped
            .unreadable,
        2
    );
}

#[test]
fn a_file_that_vanished_or_fails_midway_affects_nothing_else() {
    let mut tree = tree();
    tree.vanished.insert("/a/x".to_owned());
    tree.broken.insert("/b/y".to_owned());
    let page = globbed(&tree, &GlobRequest::new("**"));
    assert_eq!((page.items.len(), page.skipped.unreadable), (3, 1));
    let found = grepped(&mut tree, &GrepRequest::new("x"));
    assert_eq!(
        (
            found.matches.len(),
            found.searched,
            found.skipped.unreadable
        ),
        (2, 2, 2)
    );
    let over = grepped(&mut tree, &GrepRequest::new("x\n?").multi_line());
    assert_eq!(
        (over.matches.len(), over.searched, over.skipped.unreadable),
        (2, 2, 2)
    );
}

#[test]
fn an_entry_that_vanished_does_not_use_up_the_limit() {
    let mut tree = files(["/a", "/b", "/c"]);
    tree.vanished.insert("/a".to_owned());
    let page = globbed(&tree, &GlobRequest::new("*").limit(2));
    assert_eq!(
        (page.items.len(), page.truncated),
        (2, Some(Truncation::Unreadable))
    );
}

#[test]
fn a_root_that_cannot_be_listed_is_an_error_with_its_path() {
    let mut tree = tree();
    tree.unlistable.insert("/a".to_owned());
    tree.unlistable.insert(String::new());
    for path in ["/a", "/"] {
        let request = GlobRequest::new("**").path(virtual_path(path));
        assert_eq!(
            glob(&tree, &request, &Cancel::new(), 1).unwrap_err().kind(),
            ErrorKind::InvalidRequest
        );
        let request = GrepRequest::new("x").path(virtual_path(path));
        for threads in [1, 3] {
            assert!(grep(&tree, &request, &Cancel::new(), threads).is_err());
        }
    }
}

#[test]
fn a_single_file_that_fails_midway_is_counted() {
    let mut tree = tree();
    tree.broken.insert("/d".to_owned());
    let found = grepped(&mut tree, &GrepRequest::new("x").path(virtual_path("/d")));
    assert_eq!(
        (found.searched, found.truncated),
        (0, Some(Truncation::Unreadable))
    );
}

#[test]
fn a_cancelled_search_stops_and_reports_an_incomplete_result() {
    let files = (0..100).map(|n| (format!("/d{n:02}/f"), b"x\n".to_vec()));
    for threads in [1, 3] {
        let mut tree = Forest::of(files.clone());
        let cancel = Cancel::new();
        tree.cancel = Some((10, cancel.clone()));
        let found = grep(&tree, &GrepRequest::new("x"), &cancel, threads).unwrap();
        assert_eq!(found.truncated, Some(Truncation::Time));
        assert!(tree.opened().len() < 20, "{}", tree.opened().len());
    }
    let mut tree = Forest::of(files);
    let cancel = Cancel::new();
    tree.cancel = Some((10, cancel.clone()));
    let page = glob(&tree, &GlobRequest::new("**"), &cancel, 1).unwrap();
    assert_eq!(
        (page.items.len(), page.truncated),
        (9, Some(Truncation::Time))
    );
    assert!(cancel.is_cancelled() && tree.opened().len() == 10);
}

#[test]
fn a_cancelled_search_stops_within_a_file() {
    for pattern in ["none", "none\nat all"] {
        let mut tree = Forest::of([("/f".to_owned(), b"x\n".repeat(10 << 20))]);
        tree.hand = Hand::Reader(64 << 10);
        let cancel = Cancel::new();
        tree.cancel = Some((1, cancel.clone()));
        let request = GrepRequest::new(pattern).multi_line();
        let found = grep(&tree, &request, &cancel, 1).unwrap();
        assert_eq!(found.truncated, Some(Truncation::Time));
        assert!(tree.read.load(Ordering::Relaxed) < 1 << 20);
    }
}

#[test]
fn a_cancelled_search_of_one_file_stops() {
    let tree = tree();
    let cancel = Cancel::new();
    cancel.cancel();
    let request = GrepRequest::new("x").path(virtual_path("/d"));
    let found = grep(&tree, &request, &cancel, 1).unwrap();
    assert_eq!(
        (found.searched, found.truncated),
        (0, Some(Truncation::Time))
    );
}

#[test]
fn a_deep_tree_is_walked_with_few_directories_open() {
    let deep = |depth: usize| format!("/{}", ["d"; 300][..depth].join("/"));
    let mut tree = Forest::of((1..=300).flat_map(|depth| {
        let dir = deep(depth);
        [
            (format!("{dir}/a"), b"x".to_vec()),
            (format!("{dir}/z"), b"x".to_vec()),
        ]
    }));
    let all = glob(&tree, &GlobRequest::new("**"), &Cancel::new(), 1).unwrap();
    assert_eq!(all.items.len(), 600);
    assert!(
        tree.most_held.load(Ordering::Relaxed) <= 70,
        "{:?}",
        tree.most_held
    );
    let reopened = tree.opened().len();
    assert!(reopened < 2000, "{reopened}");
    glob(&tree, &GlobRequest::new("**"), &Cancel::new(), 2).unwrap();
    assert!(tree.most_held.load(Ordering::Relaxed) <= 64 * 3 + 6);
    assert_eq!(
        grepped(&mut tree, &GrepRequest::new("x")).matches.len(),
        600
    );
    let want: Vec<String> = {
        let mut all: Vec<_> = (1..=300)
            .flat_map(|depth| {
                [
                    virtual_path(&format!("{}/a", deep(depth))),
                    virtual_path(&format!("{}/z", deep(depth))),
                ]
            })
            .collect();
        all.sort();
        all.into_iter().map(Into::into).collect()
    };
    assert_eq!(found(&tree, "**"), want);
}

#[test]
fn a_deep_directory_that_is_gone_when_the_walk_comes_back_is_counted() {
    let dir = format!("/{}", ["d"; 200].join("/"));
    let mut tree = Forest::of([
        (format!("{dir}/x"), b"x".to_vec()),
        ("/d/d/z".to_owned(), b"x".to_vec()),
        ("/e".to_owned(), b"x".to_vec()),
    ]);
    let cancel = Cancel::new();
    let gone = std::cell::Cell::new(0);
    gone.set(tree.opened().len());
    tree.vanished.insert("/d/d/z".to_owned());
    let page = glob(&tree, &GlobRequest::new("**"), &cancel, 1).unwrap();
    assert_eq!((page.items.len(), page.skipped.unreadable), (2, 1));
}

#[test]
fn a_tree_that_panics_does_not_hang_the_search() {
    struct Panics(Forest);
    impl crate::search::Tree for Panics {
        type Dir = <Forest as crate::search::Tree>::Dir;
        type Reader = <Forest as crate::search::Tree>::Reader;
        fn base(
            &self,
            path: &crate::VirtualPath,
        ) -> crate::Result<crate::search::Base<Self::Dir, Self::Reader>> {
            self.0.base(path)
        }
        fn children(&self, dir: &Self::Dir) -> crate::Result<crate::search::Children> {
            let children = self.0.children(dir)?;
            assert!(children.named.len() != 1, "a fault");
            Ok(children)
        }
        fn open_dir(&self, dir: &Self::Dir, name: &str) -> crate::Result<Self::Dir> {
            self.0.open_dir(dir, name)
        }
        fn open_file(
            &self,
            dir: &Self::Dir,
            name: &str,
        ) -> crate::Result<crate::search::Opened<Self::Reader>> {
            self.0.open_file(dir, name)
        }
        fn entry(
            &self,
            dir: &Self::Dir,
            name: &str,
            path: crate::VirtualPath,
        ) -> crate::Result<crate::Entry> {
            self.0.entry(dir, name, path)
        }
    }
    let files = (0..100).map(|n| (format!("/{n:03}"), b"x".to_vec()));
    let tree = Panics(Forest::of(files.chain([("/d/f".to_owned(), Vec::new())])));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        grep(&tree, &GrepRequest::new("x"), &Cancel::new(), 4)
    }));
    assert!(outcome.is_err());
    assert_eq!(paths(&tree.0, &GlobRequest::new("0*")).len(), 100);
    let _: Error = Error::not_found(&virtual_path("/"));
}
