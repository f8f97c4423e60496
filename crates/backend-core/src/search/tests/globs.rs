//! What a glob matches, and in which order.

use super::{files, found, glob_refuses, globbed, paths, virtual_path};
use crate::search::{Cancel, glob};
use crate::{EntryKind, ErrorKind, GlobRequest};

const TREE: [&str; 9] = [
    "/README.md",
    "/docs/index.md",
    "/empty/",
    "/main.rs",
    "/src/a/b/deeper.rs",
    "/src/a/deep.rs",
    "/src/a/notes.txt",
    "/src/lib.rs",
    "/src/.hidden.rs",
];

#[track_caller]
fn check(pattern: &str, want: &[&str]) {
    assert_eq!(found(&files(TREE), pattern), want, "{pattern:?}");
}

#[test]
fn a_star_stays_in_its_segment() {
    check("*", &["/README.md", "/main.rs"]);
    check("*.rs", &["/main.rs"]);
    check("*/*.rs", &["/src/lib.rs"]);
    check("src/*/*/*.rs", &["/src/a/b/deeper.rs"]);
    check("m*n.*s", &["/main.rs"]);
    check("*a*b*", &[]);
    check("main.rs*", &["/main.rs"]);
    check("*main.rs", &["/main.rs"]);
}

#[test]
fn two_stars_match_any_number_of_segments() {
    let all = [
        "/main.rs",
        "/src/a/b/deeper.rs",
        "/src/a/deep.rs",
        "/src/lib.rs",
    ];
    check("**/*.rs", &all);
    check("**/**/*.rs", &all);
    check("src/**/*.rs", &all[1..]);
    check("**/a/**/*.rs", &all[1..3]);
    check("src/**/lib.rs", &["/src/lib.rs"]);
    check("**/lib.rs", &["/src/lib.rs"]);
    check("docs/**", &["/docs/index.md"]);
    check("docs/**/**", &["/docs/index.md"]);
    check("main.rs/**", &[]);
    check("**/empty/**", &[]);
    check("s**c/*.rs", &["/src/lib.rs"]);
    assert_eq!(found(&files(TREE), "**").len(), 7);
    assert_eq!(found(&files(TREE), "**/*"), found(&files(TREE), "**"));
}

#[test]
fn braces_are_alternatives_and_may_contain_whole_paths() {
    check("*.{rs,md}", &["/README.md", "/main.rs"]);
    check("{docs,src}/*", &["/docs/index.md", "/src/lib.rs"]);
    check("{docs/index,main}.{md,rs}", &["/docs/index.md", "/main.rs"]);
    check("{docs/**,main.*}", &["/docs/index.md", "/main.rs"]);
    check("{src/,}*.rs", &["/main.rs", "/src/lib.rs"]);
    check(
        "{src{/a,},docs}/*.{rs,md}",
        &["/docs/index.md", "/src/a/deep.rs", "/src/lib.rs"],
    );
    check("main{,.rs}", &["/main.rs"]);
    check("{main}.rs", &["/main.rs"]);
    check("main.rs{}", &["/main.rs"]);
    check("{**/,}notes.txt", &["/src/a/notes.txt"]);
    check("{s,d}rc/{a,x}/*.rs", &["/src/a/deep.rs"]);
}

#[test]
fn a_question_mark_matches_neither_a_byte_nor_a_slash() {
    let tree = files([
        "/a1", "/aé", "/a🦀", "/a12", "/a", "/d/x", "/é", "/b", "/-", "/]", "/^",
    ]);
    assert_eq!(found(&tree, "a?"), ["/a1", "/aé", "/a🦀"]);
    assert_eq!(found(&tree, "a??"), ["/a12"]);
    assert!(found(&tree, "d?x").is_empty());
    assert!(found(&tree, "d[!a]x").is_empty());
    assert!(found(&tree, "d[/]x").is_empty());
    assert_eq!(found(&tree, "[é]"), ["/é"]);
    assert_eq!(found(&tree, "[a-c]"), ["/a", "/b"]);
    assert_eq!(found(&tree, "[!a-c]"), ["/-", "/]", "/^", "/é"]);
    assert_eq!(found(&tree, "[^a-c]"), ["/-", "/]", "/^", "/é"]);
    assert_eq!(found(&tree, "[]-]"), ["/-", "/]"]);
    assert_eq!(found(&tree, "[a-]"), ["/-", "/a"]);
    assert_eq!(found(&tree, "[-a]"), ["/-", "/a"]);
    assert_eq!(found(&tree, "[a^]"), ["/^", "/a"]);
    assert_eq!(found(&tree, "[!]-]"), ["/^", "/a", "/b", "/é"]);
}

#[test]
fn a_backslash_escapes_whatever_follows() {
    let tree = files(["/*", "/a*b", "/axb", "/[x]", "/{a,b}", "/what?", "/d/x"]);
    assert_eq!(found(&tree, "\\*"), ["/*"]);
    assert_eq!(found(&tree, "a\\*b"), ["/a*b"]);
    assert_eq!(found(&tree, "\\[x\\]"), ["/[x]"]);
    assert_eq!(found(&tree, "\\{a,b\\}"), ["/{a,b}"]);
    assert_eq!(found(&tree, "{\\{a\\,b\\},d\\/x}"), ["/d/x", "/{a,b}"]);
    assert_eq!(found(&tree, "what\\?"), ["/what?"]);
    assert_eq!(found(&tree, "[*]"), ["/*"]);
}

#[test]
fn slashes_at_the_start_and_dots_mean_nothing() {
    check("/*.rs", &["/main.rs"]);
    check("./*.rs", &["/main.rs"]);
    check("//src/./lib.rs", &["/src/lib.rs"]);
    check("/**/lib.rs", &["/src/lib.rs"]);
    check("lib.rs", &[]);
}

#[test]
fn a_slash_at_the_end_matches_only_directories() {
    check("src/", &["/src"]);
    check("src/*/", &["/src/a"]);
    check("**/", &["/docs", "/empty", "/src", "/src/a", "/src/a/b"]);
    check("main.rs/", &[]);
    check("{src/,main.rs,docs}", &["/main.rs", "/src"]);
}

#[test]
fn directories_come_on_request_and_before_their_contents() {
    let request = GlobRequest::new("**").directories();
    assert_eq!(
        paths(&files(TREE), &request),
        [
            "/README.md",
            "/docs",
            "/docs/index.md",
            "/empty",
            "/main.rs",
            "/src",
            "/src/a",
            "/src/a/b",
            "/src/a/b/deeper.rs",
            "/src/a/deep.rs",
            "/src/a/notes.txt",
            "/src/lib.rs",
        ]
    );
    assert_eq!(
        paths(&files(TREE), &GlobRequest::new("s*").directories()),
        ["/src"]
    );
    assert_eq!(
        paths(&files(TREE), &GlobRequest::new("src/**").directories())[0],
        "/src/a"
    );
}

#[test]
fn links_are_shown_and_not_followed_and_other_things_are_left_out() {
    let tree = files(["/a.rs", "/fifo.rs|", "/link.rs@", "/dir@", "/d/x.rs"]);
    assert_eq!(found(&tree, "**/*.rs"), ["/a.rs", "/d/x.rs", "/link.rs"]);
    let page = globbed(&tree, &GlobRequest::new("**/*.rs"));
    assert_eq!(page.items[2].kind, EntryKind::Symlink);
    assert_eq!(
        (page.skipped.symlinks, page.truncated),
        (1, None),
        "what is below /dir"
    );
    assert_eq!(
        globbed(&tree, &GlobRequest::new("*.rs")).skipped.symlinks,
        0
    );
    assert_eq!(
        globbed(&tree, &GlobRequest::new("dir/x.rs"))
            .skipped
            .symlinks,
        1
    );
    assert!(found(&tree, "dir/").is_empty());
}

#[test]
fn the_order_is_that_of_paths() {
    let want = [
        "/B/x", "/a/b/c", "/a/c", "/a-b/x", "/a.c", "/aa", "/b", "/z/1", "/z/10", "/é",
    ];
    assert_eq!(found(&files(want), "**"), want);
}

#[test]
fn a_pattern_is_relative_to_the_directory_and_results_keep_the_whole_path() {
    let below = |pattern: &str| {
        paths(
            &files(TREE),
            &GlobRequest::new(pattern).path(virtual_path("/src/a")),
        )
    };
    assert_eq!(below("*.rs"), ["/src/a/deep.rs"]);
    assert_eq!(below("/b/*"), ["/src/a/b/deeper.rs"]);
    assert_eq!(below("**/*.rs"), ["/src/a/b/deeper.rs", "/src/a/deep.rs"]);
    assert!(below("src/**").is_empty());
}

#[test]
fn seen_at_moves_the_pattern() {
    let seen = |pattern: &str, at: &str| {
        let request = GlobRequest::new(pattern)
            .path(virtual_path("/src"))
            .seen_at(virtual_path(at));
        paths(&files(TREE), &request)
    };
    assert_eq!(seen("mnt/*.rs", "/mnt"), ["/src/lib.rs"]);
    assert_eq!(
        seen("mnt/**/d*.rs", "/mnt"),
        ["/src/a/b/deeper.rs", "/src/a/deep.rs"]
    );
    assert_eq!(seen("{x,mnt/y}/a/*.rs", "/mnt/y"), ["/src/a/deep.rs"]);
    assert_eq!(seen("*/*/*.txt", "/mnt"), ["/src/a/notes.txt"]);
    assert_eq!(seen("**/notes.txt", "/.h/x"), ["/src/a/notes.txt"]);
    assert!(seen("*.rs", "/mnt").is_empty());
    assert!(seen("src/*.rs", "/mnt").is_empty());
}

#[test]
fn excluded_trees_are_not_there() {
    let tree = files(["/a/x", "/a/b/y", "/a/.h", "/ab", "/c"]);
    let request = GlobRequest::new("**")
        .directories()
        .exclude(virtual_path("/a"));
    let page = globbed(&tree, &request);
    assert_eq!(paths(&tree, &request), ["/ab", "/c"]);
    assert!(page.skipped.is_empty() && page.is_whole());
    let some = GlobRequest::new("**")
        .exclude(virtual_path("/a/b"))
        .exclude(virtual_path("/c"))
        .exclude(virtual_path("/missing"));
    assert_eq!(paths(&tree, &some), ["/a/x", "/ab"]);
    let inside = GlobRequest::new("**")
        .path(virtual_path("/a/b"))
        .exclude(virtual_path("/a"));
    let error = glob(&tree, &inside, &Cancel::new(), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn many_trees_can_be_excluded() {
    let tree = files(["/a/x", "/a/b/y", "/ab", "/c", "/d/e/f"]);
    let mut request = GlobRequest::new("**").directories();
    for number in 0..100 {
        request = request.exclude(virtual_path(&format!("/missing/{number}")));
    }
    for out in ["/a/b", "/c", "/d/e"] {
        request = request.exclude(virtual_path(out));
    }
    assert_eq!(paths(&tree, &request), ["/a", "/a/x", "/ab", "/d"]);
    assert!(globbed(&tree, &request).skipped.is_empty());
}

#[test]
fn no_directory_is_entered_below_which_nothing_can_match() {
    let tree = files([
        "/src/a/x.rs",
        "/src/b/c/y.rs",
        "/target/z.rs",
        "/docs/d/e.rs",
    ]);
    let opened = |pattern: &str| {
        tree.opened.lock().unwrap().clear();
        glob(&tree, &GlobRequest::new(pattern), &Cancel::new(), 1).unwrap();
        let mut opened = tree.opened();
        opened.retain(|path| !path.ends_with("ignore"));
        opened
    };
    assert_eq!(opened("*.rs"), [""; 0]);
    assert_eq!(opened("src/*.rs"), ["/src"]);
    assert_eq!(opened("src/b/**/*.rs"), ["/src", "/src/b", "/src/b/c"]);
    assert_eq!(opened("*/d/*.rs"), ["/docs", "/docs/d", "/src", "/target"]);
    assert_eq!(
        opened("{src,docs}/*/x.rs"),
        ["/docs", "/docs/d", "/src", "/src/a", "/src/b"]
    );
}

#[test]
fn a_bad_pattern_is_refused_with_a_reason() {
    glob_refuses("", "empty");
    glob_refuses("/", "empty");
    glob_refuses("./.", "empty");
    glob_refuses("{,}", "empty");
    glob_refuses("..", "'..'");
    glob_refuses("../*", "'..'");
    glob_refuses("a/../b", "'..'");
    glob_refuses("{a,../b}", "'..'");
    glob_refuses("~/x", "'~'");
    glob_refuses("[a", "unclosed character class");
    glob_refuses("{a,b", "unclosed alternate group");
    glob_refuses("a}", "unopened alternate group");
    glob_refuses("[z-a]", "invalid range");
    glob_refuses("a\\", "dangling");
    glob_refuses("a\0", "control");
    glob_refuses("a\nb", "control");
    glob_refuses(&"a".repeat(4097), "4096");
    glob_refuses(&"{a,b}".repeat(20), "too many");
    glob_refuses(
        &format!("{}{}", "{a,b}".repeat(10), "x".repeat(4000)),
        "too many",
    );
    glob_refuses(
        &format!("{}{}", "{".repeat(500), "}".repeat(500)),
        "too deep",
    );
    found(&files(TREE), &"a".repeat(4096));
    found(&files(TREE), "a/..b/c..");
}

#[test]
fn a_glob_in_a_file_and_a_limit_of_zero_are_refused() {
    let tree = files(["/f"]);
    let refused =
        |request: GlobRequest| glob(&tree, &request, &Cancel::new(), 1).unwrap_err().kind();
    let at = |path: &str| GlobRequest::new("**").path(virtual_path(path));
    assert_eq!(refused(at("/f")), ErrorKind::NotADirectory);
    assert_eq!(refused(at("/gone")), ErrorKind::NotFound);
    assert_eq!(refused(at("/").limit(0)), ErrorKind::InvalidRequest);
}

#[test]
fn a_pattern_made_to_backtrack_returns() {
    let tree = files([format!("/{}", "a".repeat(250)).as_str()]);
    assert!(found(&tree, &("*a".repeat(40) + "b")).is_empty());
    assert!(found(&tree, &("**/*a*/".repeat(10) + "b")).is_empty());
    assert!(found(&tree, &("{**/,*a}".repeat(8) + "b")).is_empty());
}
