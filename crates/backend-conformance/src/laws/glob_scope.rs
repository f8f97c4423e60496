//! Laws about globs: where they look, what they return, and in which order.

use backend_core::{
    Backend, BackendExt, EntryKind, ErrorKind, GlobRequest, Truncation, WriteRequest,
};

use super::glob::sources;
use crate::Workspace;
use crate::workspace::{kinds, p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __glob_scope_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args glob_scope;
            Z1 a_pattern_is_relative_to_the_directory
                "With `path`, the pattern starts there, and results keep their whole path.";
            Z2 files_by_default_and_directories_on_request
                "Directories are returned only if asked for, between the files in path order.";
            Z3 results_are_in_path_order
                "Results are ordered segment by segment, whatever the order of writing.";
            Z4 a_limit_returns_the_first_results
                "A limit gives the first in path order; `truncated` is set if and only if there is one more.";
            Z5 a_limit_of_zero_is_refused_by_glob
                "A glob with a limit of 0 is `invalid_request`.";
            Z6 a_file_cannot_be_globbed
                "A `path` that is a file is `not_a_directory`, and one that is missing is `not_found`.";
            Z7 excluded_trees_are_not_there
                "Excluded subtrees give no results and count nowhere.";
            Z8 seen_at_moves_the_pattern
                "With `seen_at`, the pattern is matched against that path and then the entry's, relative to `path`.";
            Z9 results_are_what_stat_returns
                "Each result is the entry that `stat` returns.";
            Z10 a_glob_from_anywhere_finds_the_same
                "Searching `d/**` from the root finds what `**` finds from `/d`.";
            Z11 a_thousand_results_are_the_default
                "Without a limit, 1000 entries come back, and the page says that there are more.";
            Z12 no_match_is_an_empty_page
                "A pattern that matches nothing gives an empty, whole page.";
        }
    };
}

crate::__glob_scope_laws! { registry_of_area [Files] }

async fn a_pattern_is_relative_to_the_directory(ws: &Workspace) {
    sources(ws).await;
    let below = |pattern: &str| GlobRequest::new(pattern).path(p("/src/a"));
    assert_eq!(ws.globbed(&below("*.rs")).await, ["/src/a/deep.rs"]);
    assert_eq!(ws.globbed(&below("b/*")).await, ["/src/a/b/deeper.rs"]);
    assert_eq!(
        ws.globbed(&below("**/*.rs")).await,
        ["/src/a/b/deeper.rs", "/src/a/deep.rs"]
    );
    assert!(ws.globbed(&below("src/**")).await.is_empty());
    assert!(
        ws.globbed(&GlobRequest::new("**").path(p("/empty")))
            .await
            .is_empty()
    );
}

async fn files_by_default_and_directories_on_request(ws: &Workspace) {
    sources(ws).await;
    assert_eq!(ws.found("s*").await, Vec::<String>::new());
    let both = GlobRequest::new("**").directories();
    assert_eq!(
        ws.globbed(&both).await,
        [
            "/README.md",
            "/docs/",
            "/docs/index.md",
            "/empty/",
            "/main.rs",
            "/src/",
            "/src/a/",
            "/src/a/b/",
            "/src/a/b/deeper.rs",
            "/src/a/deep.rs",
            "/src/a/notes.txt",
            "/src/lib.rs",
        ]
    );
}

async fn results_are_in_path_order(ws: &Workspace) {
    let paths = [
        "/B/x", "/a/b/c", "/a/c", "/a-b/x", "/a.c", "/aa", "/b", "/z/1", "/z/10", "/z/9", "/é",
    ];
    for path in paths.iter().rev() {
        ws.put(path, "x").await;
    }
    assert_eq!(ws.found("**").await, paths);
}

async fn a_limit_returns_the_first_results(ws: &Workspace) {
    ws.tree(&[("/z", ""), ("/a/x", ""), ("/b", ""), ("/a/y", "")])
        .await;
    let all = ["/a/x", "/a/y", "/b", "/z"];
    for limit in 1..=5 {
        let request = GlobRequest::new("**").limit(limit);
        let page = ws.glob_with(&request).await.unwrap();
        assert_eq!(kinds(&page), all[..limit.min(4)], "limit {limit}");
        let expected = (limit < 4).then_some(Truncation::Limit);
        assert_eq!(page.truncated, expected, "limit {limit}");
    }
}

async fn a_limit_of_zero_is_refused_by_glob(ws: &Workspace) {
    let request = GlobRequest::new("**").limit(0);
    let error = refused(ws.glob_with(&request).await, ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("at least 1"), "{error}");
}

async fn a_file_cannot_be_globbed(ws: &Workspace) {
    ws.put("/f", "").await;
    let on_file = GlobRequest::new("**").path(p("/f"));
    refused_at(ws.glob_with(&on_file).await, ErrorKind::NotADirectory, "/f");
    let on_nothing = GlobRequest::new("**").path(p("/missing"));
    refused_at(
        ws.glob_with(&on_nothing).await,
        ErrorKind::NotFound,
        "/missing",
    );
}

async fn excluded_trees_are_not_there(ws: &Workspace) {
    ws.tree(&[
        ("/a/x", ""),
        ("/a/b/y", ""),
        ("/a/.h", ""),
        ("/ab", ""),
        ("/c", ""),
    ])
    .await;
    let request = GlobRequest::new("**").directories().exclude(p("/a"));
    let page = ws.glob_with(&request).await.unwrap();
    assert_eq!(kinds(&page), ["/ab", "/c"]);
    assert!(page.skipped.is_empty(), "{page:?}");
    let some = GlobRequest::new("**")
        .exclude(p("/a/b"))
        .exclude(p("/c"))
        .exclude(p("/missing"));
    assert_eq!(ws.globbed(&some).await, ["/a/x", "/ab"]);
}

async fn seen_at_moves_the_pattern(ws: &Workspace) {
    ws.tree(&[("/d/x.rs", ""), ("/d/e/y.rs", ""), ("/z.rs", "")])
        .await;
    let seen = |pattern: &str, from: &str| GlobRequest::new(pattern).path(p("/d")).seen_at(p(from));
    assert_eq!(ws.globbed(&seen("mnt/*.rs", "/mnt")).await, ["/d/x.rs"]);
    assert_eq!(
        ws.globbed(&seen("mnt/**/*.rs", "/mnt")).await,
        ["/d/e/y.rs", "/d/x.rs"]
    );
    assert_eq!(
        ws.globbed(&seen("a/b/**", "/a/b")).await,
        ["/d/e/y.rs", "/d/x.rs"]
    );
    assert_eq!(ws.globbed(&seen("*/*/*.rs", "/mnt")).await, ["/d/e/y.rs"]);
    assert!(ws.globbed(&seen("*.rs", "/mnt")).await.is_empty());
    assert!(ws.globbed(&seen("d/*.rs", "/mnt")).await.is_empty());
}

async fn results_are_what_stat_returns(ws: &Workspace) {
    sources(ws).await;
    let request = GlobRequest::new("**").directories();
    for entry in ws.glob_with(&request).await.unwrap() {
        assert_eq!(ws.stat(&entry.path).await.unwrap(), entry);
        assert!(matches!(entry.kind, EntryKind::File | EntryKind::Directory));
    }
}

async fn a_glob_from_anywhere_finds_the_same(ws: &Workspace) {
    sources(ws).await;
    for (directory, pattern) in [
        ("/src", "src/**"),
        ("/src/a", "src/a/**"),
        ("/docs", "docs/**"),
    ] {
        let below = GlobRequest::new("**").path(p(directory));
        assert_eq!(
            ws.globbed(&below).await,
            ws.found(pattern).await,
            "{directory}"
        );
    }
}

async fn a_thousand_results_are_the_default(ws: &Workspace) {
    let writes: Vec<WriteRequest> = (0..1001)
        .map(|n| WriteRequest::new(p(&format!("/{n:04}")), "x"))
        .collect();
    for outcome in ws.write_many_with(&writes).await {
        outcome.unwrap();
    }
    let page = ws.glob("**").await.unwrap();
    assert_eq!(
        (page.items.len(), page.truncated),
        (1000, Some(Truncation::Limit))
    );
    assert_eq!(page.items[999].path, "/0999");
    ws.delete("/0000").await.unwrap();
    assert!(ws.glob("**").await.unwrap().is_whole());
}

async fn no_match_is_an_empty_page(ws: &Workspace) {
    sources(ws).await;
    let page = ws.glob("**/*.none").await.unwrap();
    assert!(page.items.is_empty() && page.is_whole(), "{page:?}");
    assert!(
        ws.glob("no/such/directory/*")
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
