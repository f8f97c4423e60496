//! Laws about which files a grep searches, and in which order it reports them.

use backend_core::{Backend, ErrorKind, GrepOutput, GrepRequest};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __grep_scope_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args grep_scope;
            J1 a_glob_without_a_slash_is_about_names
                "`*.rs` filters by name at any depth.";
            J2 a_glob_with_a_slash_is_about_the_path
                "`src/*.rs` filters by path relative to `path`.";
            J3 globs_include_and_exclude
                "A file must match one of the globs, and none with a leading `!`.";
            J4 file_types_filter_by_name
                "`types` are ripgrep's; an unknown one is `invalid_request`.";
            J5 one_file_can_be_searched
                "`path` may be one file, hidden or ignored too; `globs` still apply to it.";
            J6 a_missing_path_is_not_an_empty_result
                "A `path` that is not there is `not_found`, and one below a file `not_a_directory`.";
            J7 odd_names_are_reported_whole
                "Colons, quotes, spaces and digits in names are part of the path.";
            J8 matches_are_in_path_and_line_order
                "Matches come in path order, then by line, whatever the order of writing.";
            J9 searched_files_are_counted
                "`searched` is how many files were looked at, with or without a match.";
            J10 excluded_trees_are_not_searched
                "Excluded subtrees give no match and count nowhere.";
            J11 seen_at_moves_the_globs
                "With `seen_at`, a glob with a slash is about that path and then the file's.";
        }
    };
}

crate::__grep_scope_laws! { registry_of_area [Files] }

fn grep(pattern: &str) -> GrepRequest {
    GrepRequest::new(pattern)
}

async fn sources(ws: &Workspace) {
    for path in [
        "/a.rs",
        "/b.py",
        "/src/c.rs",
        "/src/d/e.rs",
        "/src/d/f.md",
        "/Makefile",
    ] {
        ws.put(path, "needle\n").await;
    }
}

/// The files with a needle.
async fn in_files(ws: &Workspace, request: GrepRequest) -> Vec<String> {
    let found = ws.searched(&request.output(GrepOutput::Files)).await;
    found
        .files
        .into_iter()
        .map(|file| file.path.into())
        .collect()
}

async fn a_glob_without_a_slash_is_about_names(ws: &Workspace) {
    sources(ws).await;
    let rust = in_files(ws, grep("needle").glob("*.rs")).await;
    assert_eq!(rust, ["/a.rs", "/src/c.rs", "/src/d/e.rs"]);
    assert_eq!(
        in_files(ws, grep("needle").glob("e.rs")).await,
        ["/src/d/e.rs"]
    );
    assert_eq!(
        in_files(ws, grep("needle").glob("*.{py,md}")).await,
        ["/b.py", "/src/d/f.md"]
    );
}

async fn a_glob_with_a_slash_is_about_the_path(ws: &Workspace) {
    sources(ws).await;
    assert_eq!(
        in_files(ws, grep("needle").glob("src/*.rs")).await,
        ["/src/c.rs"]
    );
    assert_eq!(in_files(ws, grep("needle").glob("/*.rs")).await, ["/a.rs"]);
    assert_eq!(
        in_files(ws, grep("needle").glob("**/d/*")).await,
        ["/src/d/e.rs", "/src/d/f.md"]
    );
    let below = grep("needle").path(p("/src")).glob("d/*.rs");
    assert_eq!(in_files(ws, below).await, ["/src/d/e.rs"]);
    let above = grep("needle").path(p("/src")).glob("src/**");
    assert!(in_files(ws, above).await.is_empty());
}

async fn globs_include_and_exclude(ws: &Workspace) {
    sources(ws).await;
    let two = grep("needle").glob("*.py").glob("*.md");
    assert_eq!(in_files(ws, two).await, ["/b.py", "/src/d/f.md"]);
    let but = grep("needle").glob("*.rs").glob("!c.rs").glob("!src/d/**");
    assert_eq!(in_files(ws, but).await, ["/a.rs"]);
    let all_but = grep("needle").glob("!*.rs");
    assert_eq!(
        in_files(ws, all_but).await,
        ["/Makefile", "/b.py", "/src/d/f.md"]
    );
    let bad = grep("needle").glob("[a");
    refused(ws.grep_with(&bad).await, ErrorKind::InvalidPattern);
}

async fn file_types_filter_by_name(ws: &Workspace) {
    sources(ws).await;
    assert_eq!(
        in_files(ws, grep("needle").file_type("py")).await,
        ["/b.py"]
    );
    let two = grep("needle").file_type("rust").file_type("markdown");
    assert_eq!(
        in_files(ws, two).await,
        ["/a.rs", "/src/c.rs", "/src/d/e.rs", "/src/d/f.md"]
    );
    assert_eq!(
        in_files(ws, grep("needle").file_type("make")).await,
        ["/Makefile"]
    );
    let unknown = grep("needle").file_type("no-such-type");
    let error = refused(ws.grep_with(&unknown).await, ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("no-such-type"), "{error}");
}

async fn one_file_can_be_searched(ws: &Workspace) {
    ws.tree(&[
        ("/d/f.txt", "needle\n"),
        ("/d/g.txt", "needle\n"),
        ("/.h", "needle\n"),
    ])
    .await;
    ws.tree(&[("/.gitignore", "i\n"), ("/i", "needle\n")]).await;
    for path in ["/d/f.txt", "/.h", "/i"] {
        let hits = ws.hits(&grep("needle").path(p(path))).await;
        assert_eq!(hits, [format!("{path}:1:needle")]);
    }
    let filtered = grep("needle").path(p("/d/f.txt")).glob("*.rs");
    assert!(ws.hits(&filtered).await.is_empty());
    let taken = grep("needle").path(p("/d/f.txt")).glob("*.txt");
    assert_eq!(ws.hits(&taken).await, ["/d/f.txt:1:needle"]);
}

async fn a_missing_path_is_not_an_empty_result(ws: &Workspace) {
    ws.put("/f", "x").await;
    let at = |path: &str| grep("x").path(p(path));
    refused_at(
        ws.grep_with(&at("/gone")).await,
        ErrorKind::NotFound,
        "/gone",
    );
    refused_at(
        ws.grep_with(&at("/f/x")).await,
        ErrorKind::NotADirectory,
        "/f/x",
    );
    ws.make("/empty").await;
    assert!(ws.hits(&at("/empty")).await.is_empty());
}

async fn odd_names_are_reported_whole(ws: &Workspace) {
    let mut names = [
        "/w:1:x.txt",
        "/c:1:d.txt",
        "/it's",
        "/a b",
        "/ two  spaces",
        "/\"q\"",
        "/1:2",
    ];
    for name in names {
        ws.put(name, "needle").await;
    }
    names.sort_unstable();
    let found = ws.searched(&grep("needle")).await;
    let paths: Vec<&str> = found.matches.iter().map(|hit| hit.path.as_str()).collect();
    assert_eq!(paths, names);
    assert_eq!(ws.hits(&grep("it's")).await, Vec::<String>::new());
}

async fn matches_are_in_path_and_line_order(ws: &Workspace) {
    let paths = [
        "/B/x", "/a/b/c", "/a/c", "/a-b/x", "/a.c", "/aa", "/b", "/é",
    ];
    for path in paths.iter().rev() {
        ws.put(path, "x\ny\nx\n").await;
    }
    let expected: Vec<String> = paths
        .iter()
        .flat_map(|path| [format!("{path}:1:x"), format!("{path}:3:x")])
        .collect();
    assert_eq!(ws.hits(&grep("x")).await, expected);
}

async fn searched_files_are_counted(ws: &Workspace) {
    ws.tree(&[
        ("/a", "x"),
        ("/b", "y"),
        ("/d/c", ""),
        ("/.h", "x"),
        ("/bin", "x\0"),
    ])
    .await;
    let found = ws.searched(&grep("x")).await;
    assert_eq!(
        (found.searched, found.skipped.hidden, found.skipped.binary),
        (3, 1, 1)
    );
    assert_eq!(ws.searched(&grep("none")).await.searched, 3);
    assert_eq!(ws.searched(&grep("x").glob("a")).await.searched, 1);
}

async fn excluded_trees_are_not_searched(ws: &Workspace) {
    ws.tree(&[
        ("/a/x", "x"),
        ("/a/.h", "x"),
        ("/a/bin", "\0"),
        ("/ab", "x"),
        ("/b/c", "x"),
    ])
    .await;
    let found = ws
        .searched(&grep("x").exclude(p("/a")).exclude(p("/b/c")))
        .await;
    assert_eq!((found.matches.len(), found.searched), (1, 1));
    assert_eq!(found.matches[0].path, "/ab");
    assert!(found.skipped.is_empty(), "{found:?}");
}

async fn seen_at_moves_the_globs(ws: &Workspace) {
    sources(ws).await;
    let seen = |glob: &str| grep("needle").path(p("/src")).seen_at(p("/mnt")).glob(glob);
    assert_eq!(in_files(ws, seen("mnt/*.rs")).await, ["/src/c.rs"]);
    assert_eq!(in_files(ws, seen("mnt/d/*.rs")).await, ["/src/d/e.rs"]);
    assert_eq!(in_files(ws, seen("*.md")).await, ["/src/d/f.md"]);
    assert!(in_files(ws, seen("/c.rs")).await.is_empty());
}
