//! Ignore rules: alike in globs and greps.

use super::{Forest, Hand, globbed, grepped, in_files, paths, virtual_path};
use crate::{GlobRequest, GrepRequest, Skipped};

/// Checks the results below a path of a glob and a grep, which are the same, and returns what was skipped.
#[track_caller]
fn check_at(path: &str, files: &[(&str, &str)], want: &[&str]) -> Skipped {
    let mut tree = Forest::new(files.iter().copied());
    let glob = GlobRequest::new("**").path(virtual_path(path));
    assert_eq!(paths(&tree, &glob), want);
    let grep = GrepRequest::new("").path(virtual_path(path));
    let skipped = globbed(&tree, &glob).skipped;
    let found = grepped(&mut tree, &grep);
    assert_eq!(found.searched, want.len() as u64);
    assert_eq!(found.skipped, skipped);
    skipped
}

#[track_caller]
fn check(files: &[(&str, &str)], want: &[&str]) -> Skipped {
    check_at("/", files, want)
}

#[test]
fn excluded_entries_are_skipped_and_counted_a_directory_as_one() {
    let skipped = check(
        &[
            ("/.gitignore", "*.log\nbuild\n/only-here\n"),
            ("/a", ""),
            ("/b.log", ""),
            ("/build/x", ""),
            ("/build/y", ""),
            ("/d/c.log", ""),
            ("/d/build/z", ""),
            ("/only-here", ""),
            ("/d/only-here", ""),
        ],
        &["/a", "/d/only-here"],
    );
    assert_eq!((skipped.hidden, skipped.ignored), (1, 5));
}

#[test]
fn ignored_entries_are_searched_on_request() {
    let mut tree = Forest::new([
        ("/.gitignore", "*.log\nbuild/\n"),
        ("/a.log", "x"),
        ("/build/x", "x"),
    ]);
    let want = ["/a.log", "/build/x"];
    assert_eq!(paths(&tree, &GlobRequest::new("**").ignored()), want);
    assert_eq!(in_files(&mut tree, GrepRequest::new("x").ignored()), want);
    assert_eq!(
        grepped(&mut tree, &GrepRequest::new("x").ignored())
            .skipped
            .ignored,
        0
    );
    let hidden = GrepRequest::new("l").hidden();
    assert_eq!(in_files(&mut tree, hidden), ["/.gitignore"]);
}

#[test]
fn rules_are_relative_to_their_directory_and_hold_below_it() {
    check(
        &[
            ("/d/.gitignore", "x\n/y\ne/z\n"),
            ("/x", ""),
            ("/y", ""),
            ("/e/z", ""),
            ("/d/x", ""),
            ("/d/y", ""),
            ("/d/e/x", ""),
            ("/d/e/y", ""),
            ("/d/e/z", ""),
            ("/d/e/f/z", ""),
            ("/f", ""),
        ],
        &["/d/e/f/z", "/d/e/y", "/e/z", "/f", "/x", "/y"],
    );
}

#[test]
fn the_last_rule_wins_and_the_deeper_one() {
    check(
        &[
            ("/.gitignore", "*.log\n!keep.log\n"),
            ("/d/.gitignore", "!d.log\nkeep.log\n"),
            ("/a.log", ""),
            ("/keep.log", ""),
            ("/d/a.log", ""),
            ("/d/d.log", ""),
            ("/d/keep.log", ""),
        ],
        &["/d/d.log", "/keep.log"],
    );
}

#[test]
fn dot_ignore_wins_over_gitignore_from_further_up_too() {
    check(
        &[
            ("/.ignore", "a\n!c\n"),
            ("/.gitignore", "b\nc\n"),
            ("/a", ""),
            ("/b", ""),
            ("/c", ""),
            ("/d/a", ""),
            ("/d/b", ""),
            ("/d/.gitignore", "c\n"),
            ("/d/c", ""),
        ],
        &["/c", "/d/c"],
    );
    check(
        &[
            ("/.gitignore", "x\n"),
            ("/d/.ignore", "!x\n"),
            ("/d/x", ""),
            ("/x", ""),
        ],
        &["/d/x"],
    );
}

#[test]
fn nothing_in_an_excluded_directory_can_be_included_again() {
    check(
        &[
            ("/.gitignore", "d/\n!d/x\n"),
            ("/d/.gitignore", "!*\n"),
            ("/d/x", ""),
            ("/y", ""),
        ],
        &["/y"],
    );
    check(
        &[("/.gitignore", "/d/*\n!/d/x\n"), ("/d/x", ""), ("/d/y", "")],
        &["/d/x"],
    );
}

#[test]
fn two_stars_escapes_and_comments_work_as_in_git() {
    check(
        &[
            ("/.gitignore", "**/x\ny/**\na/**/b\n"),
            ("/x", ""),
            ("/d/x", ""),
            ("/y/1", ""),
            ("/z/y/3", ""),
            ("/a/b", ""),
            ("/a/c/d/b", ""),
            ("/c/b", ""),
        ],
        &["/c/b", "/z/y/3"],
    );
    check(
        &[
            ("/.gitignore", "# a\n\n   \n\\#b\n\\!c\nd   \n[\n{bad\n"),
            ("/# a", ""),
            ("/#b", ""),
            ("/!c", ""),
            ("/d", ""),
            ("/e", ""),
            ("/[", ""),
        ],
        &["/# a", "/e"],
    );
}

#[test]
fn a_rule_for_directories_does_not_match_files_and_links() {
    let files = [
        ("/.gitignore", "build/\n"),
        ("/build/x", "x"),
        ("/d/build", "x"),
        ("/l/build@", ""),
    ];
    let mut tree = Forest::new(files);
    assert_eq!(
        paths(&tree, &GlobRequest::new("**")),
        ["/d/build", "/l/build"]
    );
    let found = grepped(&mut tree, &GrepRequest::new("x"));
    assert_eq!(
        (
            found.searched,
            found.skipped.ignored,
            found.skipped.symlinks
        ),
        (1, 1, 1)
    );
}

#[test]
fn rules_above_the_path_count() {
    let files = [
        ("/.gitignore", "*.log\n/src/gen\n"),
        ("/src/.ignore", "tmp\n"),
        ("/src/a", ""),
        ("/src/b.log", ""),
        ("/src/gen/c", ""),
        ("/src/d/gen/e", ""),
        ("/src/d/f.log", ""),
        ("/src/d/tmp", ""),
    ];
    check_at("/src", &files, &["/src/a", "/src/d/gen/e"]);
    check_at("/src/d", &files, &["/src/d/gen/e"]);
}

#[test]
fn rules_above_an_excluded_directory_do_not_apply_to_its_contents() {
    let files = [
        ("/.gitignore", "build/\n*.log\n"),
        ("/build/.gitignore", "*.o\n"),
        ("/build/x", ""),
        ("/build/a.log", ""),
        ("/build/a.o", ""),
        ("/build/d/y", ""),
        ("/build/d/build/z", ""),
        ("/z", ""),
    ];
    check_at("/", &files, &["/z"]);
    check_at(
        "/build",
        &files,
        &["/build/a.log", "/build/d/build/z", "/build/d/y", "/build/x"],
    );
    check_at("/build/d", &files, &["/build/d/build/z", "/build/d/y"]);
    check_at("/build/d/build", &files, &["/build/d/build/z"]);
}

#[test]
fn the_path_itself_is_never_excluded() {
    let files = [("/d/.gitignore", "*\n"), ("/d/e/x", ""), ("/d/y", "")];
    assert_eq!(check_at("/d", &files, &[]).ignored, 2);
    check_at("/d/e", &files, &["/d/e/x"]);
}

#[test]
fn an_ignore_file_is_read_as_it_comes() {
    let rules = |content: &[u8]| {
        let mut tree = Forest::of([
            ("/.gitignore".to_owned(), content.to_vec()),
            ("/a".to_owned(), b"x".to_vec()),
            ("/b".to_owned(), b"x".to_vec()),
        ]);
        let bytes = in_files(&mut tree, GrepRequest::new("x"));
        tree.hand = Hand::Reader(5);
        assert_eq!(paths(&tree, &GlobRequest::new("**")), bytes);
        bytes
    };
    assert_eq!(
        rules(b"\xef\xbb\xbfa\r\n"),
        ["/b"],
        "a mark and carriage returns"
    );
    assert_eq!(rules(b"caf\xe9\na\n"), ["/b"], "not UTF-8");
    assert_eq!(rules(b"a"), ["/b"], "no newline at the end");
    assert_eq!(rules(b"\0\na\n"), ["/b"]);
    assert_eq!(rules(b""), ["/a", "/b"]);
    let large = [b"a\n".to_vec(), b"#".repeat(2 << 20), b"\nb\n".to_vec()].concat();
    assert_eq!(rules(&large), ["/b"], "the first MiB counts");
    let many = [b"#\n".repeat(10_000), b"a\n".to_vec()].concat();
    assert_eq!(rules(&many), ["/a", "/b"], "10,000 lines count");
}

#[test]
fn an_ignore_file_that_is_a_link_or_a_directory_has_no_effect() {
    check(&[("/.gitignore@", "a\n"), ("/a", "")], &["/a"]);
    check(&[("/.gitignore/x", "a\n"), ("/a", "")], &["/a"]);
}

#[test]
fn an_ignore_file_that_cannot_be_read_is_counted() {
    let mut tree = Forest::new([("/d/.gitignore", "a\n"), ("/d/a", "x")]);
    tree.vanished.insert("/d/.gitignore".to_owned());
    assert_eq!(in_files(&mut tree, GrepRequest::new("x")), ["/d/a"]);
    assert_eq!(
        grepped(&mut tree, &GrepRequest::new("x"))
            .skipped
            .unreadable,
        1
    );
    let below = GrepRequest::new("x").path(virtual_path("/d"));
    assert_eq!(grepped(&mut tree, &below).skipped.unreadable, 1);
}

#[test]
fn no_git_is_needed_and_its_exclude_file_has_no_effect() {
    let files = [
        ("/.gitignore", "a\n"),
        ("/.git/info/exclude", "b\n"),
        ("/a", ""),
        ("/b", ""),
    ];
    check(&files, &["/b"]);
    check(
        &[("/node_modules/a", ""), ("/target/b", "")],
        &["/node_modules/a", "/target/b"],
    );
}

#[test]
fn rules_apply_on_the_only_path_to_a_match() {
    let tree = Forest::new([
        ("/.gitignore", "gen\n*.log\n"),
        ("/src/gen/a.rs", ""),
        ("/src/x/b.rs", ""),
        ("/src/x/c.log", ""),
    ]);
    let request = |pattern: &str| GlobRequest::new(pattern);
    assert_eq!(globbed(&tree, &request("src/gen/*.rs")).skipped.ignored, 1);
    assert_eq!(paths(&tree, &request("src/x/*")), ["/src/x/b.rs"]);
    assert_eq!(
        paths(&tree, &request("src/gen/*.rs").ignored()),
        ["/src/gen/a.rs"]
    );
}
