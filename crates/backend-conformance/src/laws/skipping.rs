//! Laws about what searches skip, which is the same for globs and greps. Each law checks both.

use backend_core::{Backend, BackendExt, GlobRequest, GrepOutput, GrepRequest, Skipped};

use crate::Workspace;
use crate::workspace::p;

#[doc(hidden)]
#[macro_export]
macro_rules! __skipping_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args skipping;
            S1 hidden_entries_are_skipped_and_counted
                "Names with a leading dot are passed over, a directory as one, and counted.";
            S2 hidden_entries_are_searched_when_asked_for
                "`hidden` searches them all.";
            S3 a_hidden_name_in_the_pattern_is_meant
                "A segment of a glob that starts with a dot matches hidden names; `*` does not.";
            S4 a_hidden_directory_named_by_the_path_is_searched
                "Only entries below `path` count as hidden: `/.github` as `path` is searched, `/.github/.x` is not.";
            S5 ignored_entries_are_skipped_and_counted
                "What `.gitignore` excludes is passed over, a directory as one, and counted.";
            S6 ignored_entries_are_searched_when_asked_for
                "`ignored` searches them all.";
            S7 a_path_inside_an_ignored_directory_is_searched
                "With `path` in an ignored directory, what is in it is searched.";
            S8 an_ignore_file_needs_no_repository
                "Rules count without a `.git` directory, and `.git/info/exclude` does not count.";
            S9 ignore_rules_apply_below_their_directory
                "Rules in a subdirectory are relative to it; an anchored rule matches there alone.";
            S10 a_deeper_rule_wins
                "A rule of a deeper ignore file overrides one from above, and `!` re-includes.";
            S11 dot_ignore_counts_and_wins
                "`.ignore` works as `.gitignore` does, and wins over it in one directory.";
            S12 a_directory_rule_does_not_match_files
                "`build/` excludes directories of that name, at any depth, and no file.";
            S13 nothing_in_an_ignored_directory_is_re_included
                "A file in an excluded directory cannot be re-included.";
            S14 rules_above_the_path_count
                "A search from a subdirectory keeps the rules of the directories above it.";
            S15 comments_blank_lines_and_escapes_are_not_rules
                "`#` comments and blank lines exclude nothing; `\\#` and `\\!` are names.";
            S16 two_stars_in_a_rule_cross_segments
                "`**/x`, `x/**` and `a/**/b` mean in a rule what they mean to git.";
            S17 nothing_else_is_skipped
                "Without dots and rules everything is searched, `node_modules` and `target` too.";
            S18 a_rule_follows_its_file
                "Rules count from the next search on after an ignore file is written, edited or deleted.";
            S19 skipped_files_can_be_read
                "Hidden and ignored files can be read, edited and listed as others.";
        }
    };
}

crate::__skipping_laws! { registry_of_area [Files] }

/// Writes files that each hold one line to find.
async fn files(ws: &Workspace, paths: &[&str]) {
    for path in paths {
        ws.put(path, "needle\n").await;
    }
}

fn strings(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// Checks that a glob and a grep both find these files with a needle, and returns what the glob skipped.
async fn finds(ws: &Workspace, glob: &GlobRequest, expected: &[&str]) -> Skipped {
    let page = ws.glob_with(glob).await.unwrap();
    let globbed: Vec<&str> = page.items.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(globbed, expected, "{glob:?}: {page:?}");
    let mut grep = GrepRequest::new("needle")
        .path(&glob.path)
        .output(GrepOutput::Files);
    grep.hidden = glob.hidden;
    grep.ignored = glob.ignored;
    let found = ws.grep_with(&grep).await.unwrap();
    let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, expected, "{grep:?}: {found:?}");
    let counts = |skipped: &Skipped| (skipped.hidden, skipped.ignored);
    assert_eq!(
        counts(&found.skipped),
        counts(&page.skipped),
        "glob and grep count alike"
    );
    page.skipped
}

fn all() -> GlobRequest {
    GlobRequest::new("**")
}

async fn hidden_entries_are_skipped_and_counted(ws: &Workspace) {
    files(ws, &["/a", "/.b", "/.git/x", "/.git/y", "/d/.c", "/d/e"]).await;
    let skipped = finds(ws, &all(), &["/a", "/d/e"]).await;
    assert_eq!((skipped.hidden, skipped.ignored), (3, 0), "{skipped:?}");
}

async fn hidden_entries_are_searched_when_asked_for(ws: &Workspace) {
    let paths = ["/.b", "/.git/.x", "/.git/y", "/a", "/d/.c"];
    files(ws, &paths).await;
    let skipped = finds(ws, &all().hidden(), &paths).await;
    assert_eq!(skipped.hidden, 0, "{skipped:?}");
}

async fn a_hidden_name_in_the_pattern_is_meant(ws: &Workspace) {
    files(
        ws,
        &[
            "/.env",
            "/.github/w/ci.yml",
            "/.github/.x",
            "/a/.env",
            "/a/b",
            "/.git/config",
        ],
    )
    .await;
    assert_eq!(ws.found(".env").await, ["/.env"]);
    assert_eq!(ws.found("**/.env").await, ["/.env", "/a/.env"]);
    assert_eq!(ws.found(".github/**").await, ["/.github/w/ci.yml"]);
    assert_eq!(ws.found(".github/**/*.yml").await, ["/.github/w/ci.yml"]);
    assert_eq!(ws.found(".g*/w/*").await, ["/.github/w/ci.yml"]);
    assert_eq!(ws.found(".*").await, ["/.env"]);
    assert!(ws.found("*env").await.is_empty());
    assert!(ws.found("?env").await.is_empty());
    assert!(ws.found("[.]env").await.is_empty());
}

async fn a_hidden_directory_named_by_the_path_is_searched(ws: &Workspace) {
    files(
        ws,
        &["/.github/w/ci.yml", "/.github/.x", "/.github/a", "/b"],
    )
    .await;
    let at = |path: &str| all().path(p(path));
    let skipped = finds(ws, &at("/.github"), &["/.github/a", "/.github/w/ci.yml"]).await;
    assert_eq!(skipped.hidden, 1);
    finds(ws, &at("/.github/w"), &["/.github/w/ci.yml"]).await;
}

async fn ignored_entries_are_skipped_and_counted(ws: &Workspace) {
    ws.put("/.gitignore", "*.log\nbuild\n/only-here\n").await;
    files(
        ws,
        &[
            "/a",
            "/b.log",
            "/build/x",
            "/build/y",
            "/d/c.log",
            "/d/build/z",
        ],
    )
    .await;
    files(ws, &["/only-here", "/d/only-here"]).await;
    let skipped = finds(ws, &all(), &["/a", "/d/only-here"]).await;
    assert_eq!((skipped.hidden, skipped.ignored), (1, 5), "{skipped:?}");
}

async fn ignored_entries_are_searched_when_asked_for(ws: &Workspace) {
    ws.put("/.gitignore", "*.log\nbuild/\n").await;
    let paths = ["/a", "/b.log", "/build/x", "/d/c.log"];
    files(ws, &paths).await;
    let skipped = finds(ws, &all().ignored(), &paths).await;
    assert_eq!((skipped.hidden, skipped.ignored), (1, 0), "{skipped:?}");
}

async fn a_path_inside_an_ignored_directory_is_searched(ws: &Workspace) {
    ws.put("/.gitignore", "build/\n*.log\n").await;
    files(ws, &["/build/x", "/build/d/y", "/z"]).await;
    finds(ws, &all().path(p("/build")), &["/build/d/y", "/build/x"]).await;
    finds(ws, &all().path(p("/build/d")), &["/build/d/y"]).await;
    finds(ws, &all(), &["/z"]).await;
}

async fn an_ignore_file_needs_no_repository(ws: &Workspace) {
    ws.put("/.gitignore", "a\n").await;
    files(ws, &["/a", "/b", "/c"]).await;
    finds(ws, &all(), &["/b", "/c"]).await;
    ws.put("/.git/info/exclude", "b\n").await;
    ws.put("/.git/HEAD", "ref: refs/heads/main\n").await;
    finds(ws, &all(), &["/b", "/c"]).await;
}

async fn ignore_rules_apply_below_their_directory(ws: &Workspace) {
    ws.put("/d/.gitignore", "x\n/y\ne/z\n").await;
    files(
        ws,
        &[
            "/x", "/y", "/e/z", "/d/x", "/d/y", "/d/e/x", "/d/e/y", "/d/e/z", "/d/e/f/z",
        ],
    )
    .await;
    finds(ws, &all(), &["/d/e/f/z", "/d/e/y", "/e/z", "/x", "/y"]).await;
}

async fn a_deeper_rule_wins(ws: &Workspace) {
    ws.put("/.gitignore", "*.log\n!keep.log\n").await;
    ws.put("/d/.gitignore", "!d.log\nkeep.log\n").await;
    files(
        ws,
        &["/a.log", "/keep.log", "/d/a.log", "/d/d.log", "/d/keep.log"],
    )
    .await;
    finds(ws, &all(), &["/d/d.log", "/keep.log"]).await;
}

async fn dot_ignore_counts_and_wins(ws: &Workspace) {
    ws.put("/.ignore", "a\n!c\n").await;
    ws.put("/.gitignore", "b\nc\n").await;
    files(ws, &["/a", "/b", "/c", "/d/a", "/d/b"]).await;
    finds(ws, &all(), &["/c"]).await;
}

async fn a_directory_rule_does_not_match_files(ws: &Workspace) {
    ws.put("/.gitignore", "build/\n").await;
    files(ws, &["/build/x", "/d/build", "/e/build/y", "/z"]).await;
    finds(ws, &all(), &["/d/build", "/z"]).await;
}

async fn nothing_in_an_ignored_directory_is_re_included(ws: &Workspace) {
    ws.put("/.gitignore", "d/\n!d/x\n").await;
    ws.put("/d/.gitignore", "!*\n").await;
    files(ws, &["/d/x", "/y"]).await;
    finds(ws, &all(), &["/y"]).await;
}

async fn rules_above_the_path_count(ws: &Workspace) {
    ws.put("/.gitignore", "*.log\n/src/gen\n").await;
    files(
        ws,
        &[
            "/src/a",
            "/src/b.log",
            "/src/gen/c",
            "/src/d/gen/e",
            "/src/d/f.log",
        ],
    )
    .await;
    finds(ws, &all().path(p("/src")), &["/src/a", "/src/d/gen/e"]).await;
    finds(ws, &all().path(p("/src/d")), &["/src/d/gen/e"]).await;
}

async fn comments_blank_lines_and_escapes_are_not_rules(ws: &Workspace) {
    ws.put("/.gitignore", "# a\n\n   \n\\#b\n\\!c\nd   \n")
        .await;
    files(ws, &["/a", "/# a", "/#b", "/!c", "/d", "/e"]).await;
    finds(ws, &all(), &["/# a", "/a", "/e"]).await;
}

async fn two_stars_in_a_rule_cross_segments(ws: &Workspace) {
    ws.put("/.gitignore", "**/x\ny/**\na/**/b\n").await;
    files(
        ws,
        &[
            "/x", "/d/x", "/y/1", "/y/e/2", "/z/y/3", "/a/b", "/a/c/d/b", "/c/b",
        ],
    )
    .await;
    finds(ws, &all(), &["/c/b", "/z/y/3"]).await;
}

async fn nothing_else_is_skipped(ws: &Workspace) {
    let paths = [
        "/__pycache__/a",
        "/build/a",
        "/dist/a",
        "/node_modules/a/b",
        "/target/a",
        "/vendor/a",
        "/x.min.js",
        "/~tmp",
    ];
    files(ws, &paths).await;
    let skipped = finds(ws, &all(), &paths).await;
    assert!(skipped.is_empty(), "{skipped:?}");
}

async fn a_rule_follows_its_file(ws: &Workspace) {
    files(ws, &["/a", "/b"]).await;
    finds(ws, &all(), &["/a", "/b"]).await;
    ws.put("/.gitignore", "a\n").await;
    finds(ws, &all(), &["/b"]).await;
    ws.edit("/.gitignore", "a\n", "b\n").await.unwrap();
    finds(ws, &all(), &["/a"]).await;
    ws.delete("/.gitignore").await.unwrap();
    finds(ws, &all(), &["/a", "/b"]).await;
}

async fn skipped_files_can_be_read(ws: &Workspace) {
    ws.put("/.gitignore", "secret\n").await;
    files(ws, &["/secret", "/.hidden"]).await;
    for path in ["/secret", "/.hidden"] {
        assert_eq!(ws.read(path).await.unwrap().text, "needle\n");
        ws.edit(path, "needle", "pin").await.unwrap();
    }
    assert_eq!(
        ws.listed("/").await,
        strings(&["/.gitignore", "/.hidden", "/secret"])
    );
}
