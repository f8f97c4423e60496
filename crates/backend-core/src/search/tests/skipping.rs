//! Hidden entries: alike in globs and greps.

use super::{Forest, found, globbed, grepped, in_files, paths, virtual_path};
use crate::search::Hidden;
use crate::{GlobRequest, GrepRequest, Skipped};

const TREE: [(&str, &str); 7] = [
    ("/.env", "x"),
    ("/.git/config", "x"),
    ("/.github/.x", "x"),
    ("/.github/w/ci.yml", "x"),
    ("/a/.env", "x"),
    ("/a/.venv/lib.py", "x"),
    ("/a/b", "x"),
];

/// The results of a glob and of a grep with it as a filter, which are the same.
#[track_caller]
fn check(pattern: &str, want: &[&str]) -> Skipped {
    let mut tree = Forest::new(TREE);
    assert_eq!(found(&tree, pattern), want, "{pattern:?}");
    let anchored = format!("/{pattern}");
    let request = GrepRequest::new("x").glob(anchored);
    assert_eq!(in_files(&mut tree, request.clone()), want, "{pattern:?}");
    let skipped = globbed(&tree, &GlobRequest::new(pattern)).skipped;
    assert_eq!(grepped(&mut tree, &request).skipped, skipped, "{pattern:?}");
    skipped
}

#[test]
fn hidden_entries_are_skipped_and_counted_a_directory_as_one() {
    assert_eq!(check("**", &["/a/b"]).hidden, 5);
    let mut tree = Forest::new(TREE);
    assert_eq!(grepped(&mut tree, &GrepRequest::new("x")).skipped.hidden, 5);
}

#[test]
fn a_segment_that_starts_with_a_dot_matches_hidden_entries() {
    check(".env", &["/.env"]);
    check("**/.env", &["/.env", "/a/.env"]);
    check("**/.e*", &["/.env", "/a/.env"]);
    check(".github/**", &["/.github/w/ci.yml"]);
    check(".github/**/*.yml", &["/.github/w/ci.yml"]);
    check(".g*/w/*", &["/.github/w/ci.yml"]);
    check(".*", &["/.env"]);
    check("{.env,a}*", &["/.env"]);
    check("{.github/w,a}/*", &["/.github/w/ci.yml", "/a/b"]);
    check("\\.env", &["/.env"]);
    check("**/.venv/*.py", &["/a/.venv/lib.py"]);
    check("*env", &[]);
    check("?env", &[]);
    check("[.]env", &[]);
    check("**/env", &[]);
}

#[test]
fn only_entries_that_could_have_matched_count_as_skipped() {
    assert_eq!(
        check("*.rs", &[]).hidden,
        0,
        "no file of this name, and no directory is entered"
    );
    assert_eq!(
        check("**/*.rs", &[]).hidden,
        3,
        "the directories, which may hold some"
    );
    assert_eq!(check("*env", &[]).hidden, 1);
    assert_eq!(check("a/*", &["/a/b"]).hidden, 1);
}

#[test]
fn hidden_entries_are_searched_on_request() {
    let mut tree = Forest::new(TREE);
    let all: Vec<&str> = TREE.iter().map(|(path, _)| *path).collect();
    let page = globbed(&tree, &GlobRequest::new("**").hidden());
    assert_eq!(page.skipped, Skipped::default());
    assert_eq!(paths(&tree, &GlobRequest::new("**").hidden()), all);
    assert_eq!(in_files(&mut tree, GrepRequest::new("x").hidden()), all);
}

#[test]
fn only_names_below_the_path_are_hidden() {
    let mut tree = Forest::new(TREE);
    let request = GlobRequest::new("**").path(virtual_path("/.github"));
    assert_eq!(paths(&tree, &request), ["/.github/w/ci.yml"]);
    assert_eq!(globbed(&tree, &request).skipped.hidden, 1);
    let request = GlobRequest::new("*").path(virtual_path("/.github/w"));
    assert_eq!(paths(&tree, &request), ["/.github/w/ci.yml"]);
    let request = GrepRequest::new("x").path(virtual_path("/.github"));
    assert_eq!(in_files(&mut tree, request), ["/.github/w/ci.yml"]);
    let request = GlobRequest::new("**")
        .path(virtual_path("/a"))
        .seen_at(virtual_path("/.mnt/.a"));
    assert_eq!(paths(&tree, &request), ["/a/b"]);
}

#[test]
fn an_excluding_glob_names_no_hidden_entries() {
    let mut tree = Forest::new(TREE);
    let request = GrepRequest::new("x").glob("!.env");
    assert_eq!(in_files(&mut tree, request.clone()), ["/a/b"]);
    assert_eq!(
        grepped(&mut tree, &request).skipped.hidden,
        3,
        "and it is not what was passed over"
    );
    let both = GrepRequest::new("x").glob(".*").glob("!.env");
    assert_eq!(in_files(&mut tree, both), ["/.github/.x"]);
    let named = GrepRequest::new("x").glob(".env");
    assert_eq!(in_files(&mut tree, named), ["/.env", "/a/.env"]);
}

#[test]
fn a_wrapper_can_query_what_is_skipped() {
    let hidden = Hidden::of_glob(&GlobRequest::new("{.github/**,**/.env*}")).unwrap();
    assert!(!hidden.skips(".github") && !hidden.skips(".env.local") && !hidden.skips("src"));
    assert!(hidden.skips(".git") && hidden.skips("."));
    assert!(
        !Hidden::of_glob(&GlobRequest::new("*").hidden())
            .unwrap()
            .skips(".git")
    );
    assert!(Hidden::of_glob(&GlobRequest::new("[")).is_err());
    let hidden = Hidden::of_grep(&GrepRequest::new("x").glob(".c*").glob("!.g*")).unwrap();
    assert!(!hidden.skips(".cargo") && hidden.skips(".git"));
    assert!(
        Hidden::of_grep(&GrepRequest::new("("))
            .unwrap()
            .skips(".git")
    );
    assert!(Hidden::of_grep(&GrepRequest::new("x").file_type("?")).is_err());
}
