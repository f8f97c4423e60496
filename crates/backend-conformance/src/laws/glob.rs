//! Laws about globs: what a pattern matches.

use backend_core::{BackendExt, Error, ErrorKind, GlobRequest};

use crate::Workspace;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __glob_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args glob;
            G1 a_star_stays_in_its_segment
                "`*` matches any part of one name: `*.rs` matches only in the directory itself.";
            G2 two_stars_cross_segments
                "`**` matches any number of directories, none included: `**/*.rs` finds top-level files too.";
            G3 a_question_mark_is_one_character
                "`?` matches one character, not one byte, and no `/`.";
            G4 braces_choose
                "`{a,b}` matches either.";
            G5 classes_choose
                "`[a-z]` matches one of them, `[!a]` one other character and no `/`.";
            G6 a_backslash_escapes
                "`\\*` matches a star, and a name with wildcards can be found by its escaped form.";
            G7 a_pattern_without_wildcards_is_a_path
                "`src/main.rs` finds that file.";
            G8 a_leading_slash_means_the_same
                "`/src/*.rs` is `src/*.rs`, relative to the directory searched.";
            G9 a_trailing_slash_means_directories_alone
                "`**/` and `src*/` match only directories.";
            G10 a_bad_pattern_is_named
                "An empty pattern, a `..` segment and unclosed brackets are `invalid_pattern`, with the pattern.";
            G11 case_counts_in_a_pattern
                "`*.RS` does not find `a.rs`.";
            G12 quotes_and_spaces_in_a_pattern_are_literal
                "Nothing in a pattern is given to a shell.";
            G13 many_stars_do_not_hang
                "A pattern made to backtrack returns.";
        }
    };
}

crate::__glob_laws! { registry_of_area [Files] }

/// A small project, which the laws of [`super::glob_scope`] search too.
pub(super) async fn sources(ws: &Workspace) {
    ws.tree(&[
        ("/main.rs", "x"),
        ("/README.md", "x"),
        ("/src/lib.rs", "x"),
        ("/src/a/deep.rs", "x"),
        ("/src/a/b/deeper.rs", "x"),
        ("/src/a/notes.txt", "x"),
        ("/docs/index.md", "x"),
        ("/empty/", ""),
    ])
    .await;
}

async fn a_star_stays_in_its_segment(ws: &Workspace) {
    sources(ws).await;
    assert_eq!(ws.found("*.rs").await, ["/main.rs"]);
    assert_eq!(ws.found("*").await, ["/README.md", "/main.rs"]);
    assert_eq!(ws.found("src/*").await, ["/src/lib.rs"]);
    assert_eq!(ws.found("*/*.rs").await, ["/src/lib.rs"]);
    assert_eq!(ws.found("m*n.r*").await, ["/main.rs"]);
    assert_eq!(ws.found("src/*/*/*.rs").await, ["/src/a/b/deeper.rs"]);
}

async fn two_stars_cross_segments(ws: &Workspace) {
    sources(ws).await;
    let all = [
        "/main.rs",
        "/src/a/b/deeper.rs",
        "/src/a/deep.rs",
        "/src/lib.rs",
    ];
    assert_eq!(ws.found("**/*.rs").await, all);
    assert_eq!(ws.found("src/**/*.rs").await, all[1..]);
    assert_eq!(ws.found("src/**/deeper.rs").await, ["/src/a/b/deeper.rs"]);
    assert_eq!(ws.found("src/**/lib.rs").await, ["/src/lib.rs"]);
    assert_eq!(ws.found("**/a/**/*.rs").await, all[1..3]);
    assert_eq!(ws.found("docs/**").await, ["/docs/index.md"]);
    assert_eq!(ws.found("**/lib.rs").await, ["/src/lib.rs"]);
    assert_eq!(ws.found("**").await.len(), 7);
    assert_eq!(ws.found("**/*").await, ws.found("**").await);
}

async fn a_question_mark_is_one_character(ws: &Workspace) {
    ws.tree(&[
        ("/a1", ""),
        ("/aé", ""),
        ("/a🦀", ""),
        ("/a12", ""),
        ("/a", ""),
    ])
    .await;
    assert_eq!(ws.found("a?").await, ["/a1", "/aé", "/a🦀"]);
    assert_eq!(ws.found("a??").await, ["/a12"]);
    ws.put("/d/x", "").await;
    assert!(ws.found("d?x").await.is_empty());
}

async fn braces_choose(ws: &Workspace) {
    sources(ws).await;
    assert_eq!(ws.found("*.{rs,md}").await, ["/README.md", "/main.rs"]);
    assert_eq!(
        ws.found("{docs,src}/*").await,
        ["/docs/index.md", "/src/lib.rs"]
    );
    assert_eq!(
        ws.found("src/a/{notes,deep}.{txt,rs}").await,
        ["/src/a/deep.rs", "/src/a/notes.txt"]
    );
}

async fn classes_choose(ws: &Workspace) {
    ws.tree(&[
        ("/a", ""),
        ("/b", ""),
        ("/c", ""),
        ("/1", ""),
        ("/é", ""),
        ("/x/y", ""),
    ])
    .await;
    assert_eq!(ws.found("[ab]").await, ["/a", "/b"]);
    assert_eq!(ws.found("[a-c]").await, ["/a", "/b", "/c"]);
    assert_eq!(ws.found("[0-9]").await, ["/1"]);
    assert_eq!(ws.found("[!a-c]").await, ["/1", "/é"]);
    assert!(ws.found("x[!a]y").await.is_empty());
}

async fn a_backslash_escapes(ws: &Workspace) {
    ws.tree(&[
        ("/*", ""),
        ("/a*b", ""),
        ("/axb", ""),
        ("/[x]", ""),
        ("/{a,b}", ""),
        ("/what?", ""),
    ])
    .await;
    assert_eq!(ws.found("\\*").await, ["/*"]);
    assert_eq!(ws.found("a\\*b").await, ["/a*b"]);
    assert_eq!(ws.found("\\[x\\]").await, ["/[x]"]);
    assert_eq!(ws.found("\\{a,b\\}").await, ["/{a,b}"]);
    assert_eq!(ws.found("what\\?").await, ["/what?"]);
}

async fn a_pattern_without_wildcards_is_a_path(ws: &Workspace) {
    sources(ws).await;
    assert_eq!(ws.found("src/lib.rs").await, ["/src/lib.rs"]);
    assert_eq!(ws.found("main.rs").await, ["/main.rs"]);
    assert!(ws.found("lib.rs").await.is_empty());
    assert!(
        ws.found("src").await.is_empty(),
        "a directory was not asked for"
    );
}

async fn a_leading_slash_means_the_same(ws: &Workspace) {
    sources(ws).await;
    assert_eq!(ws.found("/*.rs").await, ["/main.rs"]);
    assert_eq!(
        ws.found("/src/**/*.rs").await,
        ws.found("src/**/*.rs").await
    );
    assert_eq!(ws.found("/**/lib.rs").await, ["/src/lib.rs"]);
    let below = GlobRequest::new("/*.rs").path(p("/src"));
    assert_eq!(ws.globbed(&below).await, ["/src/lib.rs"]);
}

async fn a_trailing_slash_means_directories_alone(ws: &Workspace) {
    sources(ws).await;
    ws.put("/srcs", "a file").await;
    assert_eq!(ws.found("src*/").await, ["/src/"]);
    assert_eq!(
        ws.found("**/").await,
        ["/docs/", "/empty/", "/src/", "/src/a/", "/src/a/b/"]
    );
    let asked = GlobRequest::new("src/*/").directories();
    assert_eq!(ws.globbed(&asked).await, ["/src/a/"]);
}

async fn a_bad_pattern_is_named(ws: &Workspace) {
    ws.put("/a", "").await;
    for text in ["", "..", "../*", "a/../b", "/..", "[a", "{a,b", "a[!"] {
        match refused(ws.glob(text).await, ErrorKind::InvalidPattern) {
            Error::InvalidPattern { pattern, message } => {
                assert_eq!(pattern, text);
                assert!(!message.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn case_counts_in_a_pattern(ws: &Workspace) {
    ws.tree(&[("/a.rs", ""), ("/B.RS", "")]).await;
    assert_eq!(ws.found("*.RS").await, ["/B.RS"]);
    assert_eq!(ws.found("[a-z]*").await, ["/a.rs"]);
}

async fn quotes_and_spaces_in_a_pattern_are_literal(ws: &Workspace) {
    ws.tree(&[
        ("/it's", ""),
        ("/a b", ""),
        ("/x'; touch PWNED; echo '", ""),
        ("/-n", ""),
    ])
    .await;
    assert_eq!(ws.found("it's").await, ["/it's"]);
    assert_eq!(ws.found("a b").await, ["/a b"]);
    assert_eq!(
        ws.found("x'; touch PWNED; echo '").await,
        ["/x'; touch PWNED; echo '"]
    );
    assert_eq!(ws.found("-n").await, ["/-n"]);
    assert_eq!(ws.found("**").await.len(), 4);
}

async fn many_stars_do_not_hang(ws: &Workspace) {
    ws.put(&format!("/{}", "a".repeat(250)), "").await;
    let pattern = "*a".repeat(40) + "b";
    assert!(ws.found(&pattern).await.is_empty());
    let pattern = "**/*a*/".repeat(10) + "b";
    assert!(ws.found(&pattern).await.is_empty());
}
