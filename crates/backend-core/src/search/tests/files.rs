//! Which files a grep searches: globs, types, and the path of a single file.

use super::{Forest, grep_refuses, grepped, hits, in_files, virtual_path};
use crate::search::{Cancel, grep};
use crate::{ErrorKind, GrepRequest};

fn tree() -> Forest {
    Forest::new([
        ("/Makefile", "needle\n"),
        ("/a.rs", "needle\n"),
        ("/b.py", "needle\n"),
        ("/src/c.rs", "needle\n"),
        ("/src/d/e.rs", "needle\n"),
        ("/src/d/f.md", "needle\n"),
        ("/vendor/src/g.rs", "needle\n"),
    ])
}

#[track_caller]
fn check(globs: &[&str], want: &[&str]) {
    let mut request = GrepRequest::new("needle");
    for glob in globs {
        request = request.glob(*glob);
    }
    assert_eq!(in_files(&mut tree(), request), want, "{globs:?}");
}

#[test]
fn a_glob_without_a_slash_matches_the_name_at_any_depth() {
    check(
        &["*.rs"],
        &["/a.rs", "/src/c.rs", "/src/d/e.rs", "/vendor/src/g.rs"],
    );
    check(&["e.rs"], &["/src/d/e.rs"]);
    check(&["*.{py,md}"], &["/b.py", "/src/d/f.md"]);
    check(&["Make*"], &["/Makefile"]);
    check(&["src"], &[]);
    check(
        &["**"],
        &[
            "/Makefile",
            "/a.rs",
            "/b.py",
            "/src/c.rs",
            "/src/d/e.rs",
            "/src/d/f.md",
            "/vendor/src/g.rs",
        ],
    );
}

#[test]
fn a_glob_with_a_slash_matches_the_path() {
    check(&["src/*.rs"], &["/src/c.rs"]);
    check(&["src/**/*.rs"], &["/src/c.rs", "/src/d/e.rs"]);
    check(&["/*.rs"], &["/a.rs"]);
    check(&["./*.rs"], &["/a.rs"]);
    check(&["**/d/*"], &["/src/d/e.rs", "/src/d/f.md"]);
    check(&["{*.py,src/*.rs}"], &["/b.py", "/src/c.rs"]);
    check(&["{/*.rs,d/*}"], &["/a.rs"]);
}

#[test]
fn a_glob_with_a_slash_at_the_end_matches_everything_below() {
    check(
        &["src/"],
        &[
            "/src/c.rs",
            "/src/d/e.rs",
            "/src/d/f.md",
            "/vendor/src/g.rs",
        ],
    );
    check(&["/src/"], &["/src/c.rs", "/src/d/e.rs", "/src/d/f.md"]);
    check(&["src/d/"], &["/src/d/e.rs", "/src/d/f.md"]);
    check(&["a.rs/"], &[]);
}

#[test]
fn a_file_must_match_one_glob_and_no_excluding_glob() {
    check(&["*.py", "*.md"], &["/b.py", "/src/d/f.md"]);
    check(
        &["*.rs", "!c.rs", "!src/d/**"],
        &["/a.rs", "/vendor/src/g.rs"],
    );
    check(&["!*.rs"], &["/Makefile", "/b.py", "/src/d/f.md"]);
    check(
        &["!c.rs", "*.rs"],
        &["/a.rs", "/src/d/e.rs", "/vendor/src/g.rs"],
    );
    check(&["!**"], &[]);
}

#[test]
fn an_excluded_directory_excludes_everything_below() {
    check(&["*.rs", "!src"], &["/a.rs"]);
    check(&["*.rs", "!src/"], &["/a.rs"]);
    check(&["*.rs", "!/src"], &["/a.rs", "/vendor/src/g.rs"]);
    check(
        &["*.rs", "!src/d"],
        &["/a.rs", "/src/c.rs", "/vendor/src/g.rs"],
    );
    check(
        &["*.rs", "!a.rs/"],
        &["/a.rs", "/src/c.rs", "/src/d/e.rs", "/vendor/src/g.rs"],
    );
    let tree = tree();
    let request = GrepRequest::new("needle").glob("!vendor").glob("!src/d");
    grep(&tree, &request, &Cancel::new(), 1).unwrap();
    assert!(
        !tree
            .opened()
            .iter()
            .any(|path| path.contains("vendor") || path.contains("/d"))
    );
}

#[test]
fn globs_are_relative_to_the_path_and_seen_at_moves_them() {
    let below = |glob: &str| {
        GrepRequest::new("needle")
            .path(virtual_path("/src"))
            .glob(glob)
    };
    let seen = |glob: &str| below(glob).seen_at(virtual_path("/mnt"));
    assert_eq!(in_files(&mut tree(), below("d/*.rs")), ["/src/d/e.rs"]);
    assert!(in_files(&mut tree(), below("src/**")).is_empty());
    assert_eq!(in_files(&mut tree(), seen("mnt/*.rs")), ["/src/c.rs"]);
    assert_eq!(in_files(&mut tree(), seen("mnt/d/*.rs")), ["/src/d/e.rs"]);
    assert_eq!(in_files(&mut tree(), seen("*.md")), ["/src/d/f.md"]);
    assert!(in_files(&mut tree(), seen("/c.rs")).is_empty());
    assert!(in_files(&mut tree(), seen("!mnt")).is_empty());
    assert_eq!(in_files(&mut tree(), seen("!mnt/d")), ["/src/c.rs"]);
}

#[test]
fn file_types_are_those_of_ripgrep() {
    let of = |types: &[&str]| {
        let mut request = GrepRequest::new("needle");
        for name in types {
            request = request.file_type(*name);
        }
        in_files(&mut tree(), request)
    };
    assert_eq!(of(&["py"]), ["/b.py"]);
    assert_eq!(of(&["py", "markdown"]), ["/b.py", "/src/d/f.md"]);
    assert_eq!(of(&["make"]), ["/Makefile"]);
    let both = GrepRequest::new("needle").file_type("rust").glob("src/**");
    assert_eq!(in_files(&mut tree(), both), ["/src/c.rs", "/src/d/e.rs"]);
}

#[test]
fn a_file_type_that_is_named_very_often_costs_no_more_than_once() {
    let mut request = GrepRequest::new("needle");
    request.types = vec!["all".to_owned(); 100_000];
    assert!(in_files(&mut tree(), request).contains(&"/b.py".to_owned()));
}

#[test]
fn an_unknown_file_type_is_named_with_similar_ones() {
    let refuses = |name: &str, part: &str| {
        let request = GrepRequest::new("x").file_type(name);
        grep_refuses(&request, ErrorKind::InvalidRequest, part);
    };
    refuses(
        "no-such-type",
        "unknown file type 'no-such-type': use globs instead",
    );
    refuses("rs", "'rust'");
    refuses(".rs", "'rust'");
    refuses("*.rs", "'rust'");
    refuses("Rust", "'rust'");
    refuses("python3", "similar types are 'python'");
    refuses("", "unknown file type ''");
    refuses("\u{1b}[2J", "\\u{1b}");
}

#[test]
fn a_bad_glob_is_named() {
    for glob in ["[a", "!", "", "../x", "!{a"] {
        let request = GrepRequest::new("x").glob(glob);
        grep_refuses(&request, ErrorKind::InvalidPattern, "");
    }
}

#[test]
fn a_single_file_can_be_searched_even_if_hidden_or_ignored() {
    let mut tree = Forest::new([
        ("/.gitignore", "i\n"),
        ("/.h", "needle\n"),
        ("/d/f.txt", "needle\n"),
        ("/i", "needle\n"),
    ]);
    for path in ["/d/f.txt", "/.h", "/i"] {
        let request = GrepRequest::new("needle").path(virtual_path(path));
        assert_eq!(hits(&mut tree, &request), [format!("{path}:1:1:needle")]);
    }
    let file = || GrepRequest::new("needle").path(virtual_path("/d/f.txt"));
    assert!(hits(&mut tree, &file().glob("*.rs")).is_empty());
    assert!(hits(&mut tree, &file().file_type("rust")).is_empty());
    assert!(hits(&mut tree, &file().glob("!f.txt")).is_empty());
    assert_eq!(
        hits(&mut tree, &file().glob("*.txt").file_type("txt")).len(),
        1
    );
    assert_eq!(hits(&mut tree, &file().glob("/f.txt")).len(), 1);
    assert_eq!(grepped(&mut tree, &file().glob("*.rs")).searched, 0);
}

#[test]
fn a_missing_path_is_an_error_and_not_an_empty_result() {
    let tree = tree();
    let refused = |request: &GrepRequest| grep(&tree, request, &Cancel::new(), 2).unwrap_err();
    let gone = GrepRequest::new("x").path(virtual_path("/gone"));
    let error = refused(&gone);
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::NotFound, Some(&gone.path))
    );
    let out = GrepRequest::new("x")
        .path(virtual_path("/a.rs"))
        .exclude(virtual_path("/a.rs"));
    assert_eq!(refused(&out).kind(), ErrorKind::NotFound);
}

#[test]
fn odd_names_are_reported_whole() {
    let names = [
        "/ two  spaces",
        "/\"q\"",
        "/--help",
        "/-f",
        "/1:2",
        "/a b",
        "/c:1:d.txt",
        "/it's",
        "/w:1:x.txt",
    ];
    let mut tree = Forest::new(names.map(|name| (name, "needle")));
    assert_eq!(in_files(&mut tree, GrepRequest::new("needle")), names);
}

#[test]
fn links_are_counted_and_other_things_are_left_out() {
    let mut tree = Forest::new([("/a", "x"), ("/l@", ""), ("/m.rs@", ""), ("/fifo|", "")]);
    let all = grepped(&mut tree, &GrepRequest::new("x"));
    assert_eq!((all.searched, all.skipped.symlinks), (1, 2));
    let none = grepped(&mut tree, &GrepRequest::new("x").glob("/a"));
    assert_eq!((none.searched, none.skipped.symlinks), (1, 0));
}
