//! The table of evasions. Each one succeeds on the bare backend and gets nothing through the guard, so a row that
//! proves nothing fails.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use backend_core::text::line_hash;
use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, GlobRequest, GrepOutput, GrepRequest,
    LineAnchor, LineEdit, LsRequest, MkdirRequest, ReadBytesRequest, ReadRequest, RenameRequest,
    ResolveRequest, Result, StatRequest, WriteMode, WriteRequest,
};
use backend_fs::FsBackend;
use backend_guard::{Action, Guarded, Permissions, Rule};
use tempfile::TempDir;

use crate::support::{all_but, fs, link, p};

/// The word to look for: it is in the content of denied files, and in names below denied directories.
const CANARY: &str = "xyzzy";

type Told<'a> = Pin<Box<dyn Future<Output = String> + Send + 'a>>;
type Attempt = for<'a> fn(&'a dyn Backend) -> Told<'a>;

/// Everything that an outcome reveals to an agent.
fn told<T: Debug>(outcome: Result<T>) -> String {
    match outcome {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => format!("{error:?} {error} {}", error.for_model()),
    }
}

async fn workspace() -> (TempDir, FsBackend) {
    let (dir, backend) = fs();
    for (path, content) in [
        (
            "/private/key.txt",
            "first line\nthe word is xyzzy\nlast line\n",
        ),
        ("/private/xyzzy-name/more.txt", "nothing\n"),
        ("/private/utf16.txt", "\u{feff}xyzzy\n"),
        ("/pub/notes.txt", "hello\nworld\n"),
        ("/box/.env", "TOKEN=xyzzy\n"),
        ("/box/open.txt", "open\n"),
        ("/.env", "TOKEN=xyzzy\n"),
        ("/.ENV", "TOKEN=xyzzy\n"),
    ] {
        backend.write(path, content).await.unwrap();
    }
    link(dir.path(), "/pub/link", "../private/key.txt");
    link(dir.path(), "/pub/chain", "link");
    link(dir.path(), "/pub/dir", "../private");
    link(dir.path(), "/pub/env", "../box/.env");
    link(dir.path(), "/pub/up", "..");
    (dir, backend)
}

/// Nothing is to be learned of `/private`, nor of any `.env`.
fn rules() -> Permissions {
    let denied = Rule::new(Action::Deny).paths(["/private", ".env"]).unwrap();
    Permissions::all(Action::Allow).with_rule(denied.ignore_case().unwrap())
}

macro_rules! attempts {
    ($($name:literal: |$backend:ident| $body:expr;)*) => {
        &[$(($name, |$backend| Box::pin(async move { $body }))),*]
    };
}

fn edit(path: &str, old: &str) -> EditRequest {
    EditRequest::new(p(path), old, "changed")
}

fn by_line(path: &str, line: u64, text: &str) -> EditRequest {
    let anchor = LineAnchor::new(line, line_hash(text));
    let replace = LineEdit::Replace {
        first: anchor.clone(),
        last: anchor,
        text: "changed".to_owned(),
    };
    EditRequest::lines(p(path), vec![replace])
}

const READS: &[(&str, Attempt)] = attempts! {
    "read": |b| told(b.read("/private/key.txt").await);
    "read with a dot": |b| told(b.read("./private/./key.txt").await);
    "read with slashes": |b| told(b.read("//private//key.txt/").await);
    "read relative to the work directory": |b| told(b.read("private/key.txt").await);
    "read in another case": |b| told(b.read("/.ENV").await);
    "read at depth": |b| told(b.read("/box/.env").await);
    "read through a link to a file": |b| told(b.read("/pub/link").await);
    "read through a link to a link": |b| told(b.read("/pub/chain").await);
    "read through a link to a directory": |b| told(b.read("/pub/dir/key.txt").await);
    "read through a link that goes up": |b| told(b.read("/pub/up/private/key.txt").await);
    "read up and down": |b| told(b.read("/pub/up/pub/up/pub/link").await);
    "read a pattern's name through a link": |b| told(b.read("/pub/env").await);
    "read a window": |b| told(b.read_lines("/private/key.txt", 1, 1).await);
    "read bytes": |b| told(b.read_bytes("/private/key.txt").await);
    "read a range of bytes": |b| {
        told(b.read_bytes_with(&ReadBytesRequest::new(p("/private/key.txt")).range(20..40)).await)
    };
    "read bytes through a link": |b| told(b.read_bytes("/pub/chain").await);
    "read UTF-16": |b| told(b.read("/private/utf16.txt").await);
    "read many": |b| {
        let requests = ["/pub/notes.txt", "/private/key.txt", "/pub/link"];
        let pages = b.read_many_with(&requests.map(|path| ReadRequest::new(p(path)))).await;
        assert!(told(pages[0].clone()).contains("hello"));
        pages.into_iter().map(told).collect()
    };
    "grep": |b| told(b.grep(CANARY).await);
    "grep hidden files": |b| told(b.grep_with(&GrepRequest::new("TOKEN").hidden()).await);
    "grep a named hidden file": |b| told(b.grep_with(&GrepRequest::new("TOKEN").glob(".env")).await);
    "grep by type": |b| told(b.grep_with(&GrepRequest::new("word").file_type("txt")).await);
    "grep in the directory": |b| told(b.grep_with(&GrepRequest::new("word").path(p("/private"))).await);
    "grep in a linked directory": |b| told(b.grep_with(&GrepRequest::new("word").path(p("/pub/dir"))).await);
    "grep one file": |b| told(b.grep_with(&GrepRequest::new("word").path(p("/private/key.txt"))).await);
    "grep one linked file": |b| told(b.grep_with(&GrepRequest::new("word").path(p("/pub/link"))).await);
    "grep through a link that goes up": |b| {
        told(b.grep_with(&GrepRequest::new("word").path(p("/pub/up/private"))).await)
    };
    "context lines": |b| told(b.grep_with(&GrepRequest::new("^first").context(0, 1)).await);
    "context lines before": |b| told(b.grep_with(&GrepRequest::new("^last").context(1, 0)).await);
    "a match over several lines": |b| told(b.grep_with(&GrepRequest::new("first.*last").multi_line()).await);
    "the near miss of an edit": |b| told(b.edit_with(&edit("/private/key.txt", "the word  is xyzzy")).await);
    "the near miss of an edit through a link": |b| {
        told(b.edit_with(&edit("/pub/link", "The word is")).await)
    };
    "the diff of an edit": |b| told(b.edit_with(&edit("/private/key.txt", "first")).await);
    "the diff of an edit that is not done": |b| {
        told(b.edit_with(&edit("/private/key.txt", "first").dry_run()).await)
    };
    "the diff of an edit through a link": |b| told(b.edit_with(&edit("/pub/chain", "first")).await);
    "the diff of an edit by line": |b| told(b.edit_with(&by_line("/private/key.txt", 1, "first line")).await);
    "the diff of an edit by line that is not done": |b| {
        told(b.edit_with(&by_line("/pub/link", 3, "last line").dry_run()).await)
    };
    "a rename into a readable place": |b| {
        let moved = told(b.rename("/private/key.txt", "/pub/key.txt").await);
        moved + &told(b.read("/pub/key.txt").await)
    };
    "a rename of the directory": |b| {
        let moved = told(b.rename("/private", "/pub/mine").await);
        moved + &told(b.read("/pub/mine/key.txt").await)
    };
    "a rename of a directory with a denied file in it": |b| {
        b.write("/pub/x/open", "").await.unwrap();
        let moved = told(b.rename("/box", "/crate").await);
        let moved = moved + &told(b.rename("/crate/.env", "/crate/env").await);
        moved + &told(b.read("/crate/env").await)
    };
    "a rename by way of a link": |b| {
        let moved = told(b.rename("/pub/dir/key.txt", "/pub/key.txt").await);
        moved + &told(b.read("/pub/key.txt").await)
    };
    "a rename of a pattern's name": |b| {
        let moved = told(b.rename("/.env", "/env").await);
        moved + &told(b.read("/env").await)
    };
    "a rename over a file that is read": |b| {
        let rename = RenameRequest::new(p("/private/key.txt"), p("/pub/notes.txt")).overwrite();
        let moved = told(b.rename_with(&rename).await);
        moved + &told(b.read("/pub/notes.txt").await)
    };
};

const NAMES: &[(&str, Attempt)] = attempts! {
    "ls": |b| told(b.ls("/private").await);
    "ls through a link": |b| told(b.ls("/pub/dir").await);
    "ls through a link that goes up": |b| told(b.ls("/pub/up/private").await);
    "ls with a limit": |b| told(b.ls_with(&LsRequest::new(p("/private")).limit(1)).await);
    "glob": |b| told(b.glob("**").await);
    "glob by name": |b| told(b.glob("**/*more*").await);
    "glob of the directory": |b| told(b.glob("/private/**").await);
    "glob in the directory": |b| told(b.glob_with(&GlobRequest::new("**").path(p("/private"))).await);
    "glob in a linked directory": |b| told(b.glob_with(&GlobRequest::new("**").path(p("/pub/dir"))).await);
    "glob of directories": |b| told(b.glob_with(&GlobRequest::new("private/*").directories()).await);
    "glob with a mark": |b| told(b.glob_with(&GlobRequest::new("privat?/**")).await);
    "the files of a grep": |b| {
        told(b.grep_with(&GrepRequest::new("nothing").output(GrepOutput::Files)).await)
    };
    "the counts of a grep": |b| {
        told(b.grep_with(&GrepRequest::new("nothing").output(GrepOutput::Counts)).await)
    };
    "stat": |b| {
        let entry = b.stat_with(&StatRequest::new(p("/private/key.txt"))).await;
        // The size must not be known.
        told(entry).replace("size: 39", CANARY)
    };
    "the size behind a link": |b| told(b.stat("/pub/link").await).replace("size: 39", CANARY);
    "the kind behind a link": |b| told(b.stat("/pub/dir").await).replace("Some(Directory)", CANARY);
    "the sizes of links in a listing": |b| told(b.ls("/pub").await).replace("size: 39", CANARY);
    "where a link leads": |b| {
        let led = b.resolve_with(&ResolveRequest::new(p("/pub/dir"))).await;
        told(led).replace("path: \"/private\"", CANARY)
    };
    "names of the parent": |b| {
        let names = told(b.ls("/").await);
        names.replace("\"/private\"", CANARY)
    };
    "hidden names of the parent": |b| told(b.ls("/box").await).replace(".env", CANARY);
    "hidden names by pattern": |b| told(b.glob("box/.e*").await).replace("/.env", CANARY);
    "what a search passes over": |b| {
        let page = b.glob_with(&GlobRequest::new("box/*v").directories()).await.unwrap();
        if page.skipped.hidden > 0 { CANARY.to_owned() } else { String::new() }
    };
    "what a grep passes over": |b| {
        let found = b.grep_with(&GrepRequest::new("x").path(p("/box"))).await.unwrap();
        if found.skipped.hidden > 0 { CANARY.to_owned() } else { String::new() }
    };
    "how many files a grep searched": |b| {
        let found = b.grep_with(&GrepRequest::new("x").hidden().path(p("/box"))).await.unwrap();
        if found.searched > 1 { CANARY.to_owned() } else { String::new() }
    };
    "whether a search found more": |b| {
        let found = b.grep_with(&GrepRequest::new("hello|the word").limit(1)).await.unwrap();
        let more = b.grep_with(&GrepRequest::new("world|the wurd").limit(1)).await.unwrap();
        if found.truncated == more.truncated { String::new() } else { CANARY.to_owned() }
    };
};

const CHANGES: &[(&str, Attempt)] = attempts! {
    "write over": |b| told(b.write("/private/key.txt", "").await);
    "write over through a link": |b| told(b.write("/pub/link", "").await);
    "write over through a directory": |b| told(b.write("/pub/dir/key.txt", "").await);
    "write a new file": |b| told(b.write("/private/new.txt", "").await);
    "write a new file by way of a link": |b| told(b.write("/pub/dir/new/deep.txt", "").await);
    "write many": |b| {
        let requests = ["/pub/a.txt", "/private/key.txt", "/pub/chain"];
        let written = b.write_many_with(&requests.map(|path| WriteRequest::new(p(path), ""))).await;
        assert!(written[0].is_ok());
        written.into_iter().map(told).collect()
    };
    "create": |b| {
        told(b.write_with(&WriteRequest::new(p("/private/z"), "").mode(WriteMode::CreateNew)).await)
    };
    "edit": |b| told(b.edit("/private/key.txt", "first", "changed").await);
    "edit by line": |b| told(b.edit_with(&by_line("/private/key.txt", 1, "first line")).await);
    "edit through a link": |b| told(b.edit("/pub/chain", "first", "changed").await);
    "edit by line through a link": |b| told(b.edit_with(&by_line("/pub/link", 1, "first line")).await);
    "delete": |b| told(b.delete("/private/key.txt").await);
    "delete by way of a link": |b| told(b.delete("/pub/dir/key.txt").await);
    "delete the directory": |b| told(b.delete_with(&DeleteRequest::new(p("/private")).recursive()).await);
    "delete the parent": |b| told(b.delete_with(&DeleteRequest::new(p("/box")).recursive()).await);
    "delete the parent by way of a link": |b| {
        told(b.delete_with(&DeleteRequest::new(p("/pub/up/box")).recursive()).await)
    };
    "rename over": |b| {
        let over = RenameRequest::new(p("/pub/notes.txt"), p("/private/key.txt")).overwrite();
        told(b.rename_with(&over).await)
    };
    "rename over by way of a link": |b| {
        let over = RenameRequest::new(p("/pub/notes.txt"), p("/pub/dir/key.txt")).overwrite();
        told(b.rename_with(&over).await)
    };
    "rename into": |b| told(b.rename("/pub/notes.txt", "/private/notes.txt").await);
    "rename away": |b| told(b.rename("/private/key.txt", "/gone").await);
    "rename the parent": |b| told(b.rename("/box", "/elsewhere").await);
    "make a directory": |b| told(b.mkdir_with(&MkdirRequest::new(p("/private/new"))).await);
    "make a directory by way of a link": |b| told(b.mkdir("/pub/dir/new").await);
};

/// The protected files, in their current state.
async fn kept(backend: &FsBackend) -> Vec<(String, Option<Vec<u8>>)> {
    let mut kept = Vec::new();
    for base in ["/private", "/box", "/"] {
        let request = GlobRequest::new("**").path(p(base)).hidden().directories();
        for entry in backend
            .glob_with(&request)
            .await
            .map(|page| page.items)
            .unwrap_or_default()
        {
            let path = entry.path.as_str();
            if path.starts_with("/private") || path.ends_with(".env") {
                let content = backend.read_bytes(&entry.path).await.ok();
                kept.push((path.to_owned(), content.map(|bytes| bytes.to_vec())));
            }
        }
    }
    kept
}

async fn check_told(attempts: &[(&str, Attempt)], rules: impl Fn() -> Permissions) {
    for (name, attempt) in attempts {
        let (_dir, bare) = workspace().await;
        let control = attempt(&bare).await;
        assert!(
            control.contains(CANARY),
            "{name}: proves nothing: {control}"
        );
        let (_dir, bare) = workspace().await;
        let guarded = Guarded::new(bare, rules());
        let answer = attempt(&guarded).await;
        assert!(!answer.contains(CANARY), "{name}: told: {answer}");
    }
}

#[tokio::test]
async fn no_content_is_revealed() {
    check_told(READS, rules).await;
}

#[tokio::test]
async fn no_name_is_revealed() {
    check_told(NAMES, rules).await;
}

#[tokio::test]
async fn no_content_is_revealed_where_names_are() {
    let reads = || {
        let rule = Rule::new(Action::Deny)
            .operations([backend_guard::Operation::Read])
            .unwrap()
            .paths(["/private", ".env"])
            .unwrap();
        Permissions::all(Action::Allow).with_rule(rule.ignore_case().unwrap())
    };
    // Names are not secret here, so attempts that reveal one do not count.
    let contents: Vec<(&str, Attempt)> = READS.to_vec();
    check_told(&contents, reads).await;
}

#[tokio::test]
async fn nothing_is_changed() {
    for (name, attempt) in CHANGES {
        let (_dir, bare) = workspace().await;
        let before = kept(&bare).await;
        let control = attempt(&bare).await;
        assert_ne!(
            kept(&bare).await,
            before,
            "{name}: proves nothing: {control}"
        );
        let (_dir, bare) = workspace().await;
        let guarded = Guarded::new(bare, rules());
        let answer = attempt(&guarded).await;
        assert_eq!(kept(guarded.inner()).await, before, "{name}: {answer}");
        assert!(
            answer.contains("permission_denied") || answer.contains("PermissionDenied"),
            "{name}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_spelling_with_two_dots_is_an_invalid_path() {
    let (_dir, bare) = workspace().await;
    let guarded = Guarded::new(bare, rules());
    for path in [
        "/a/../private/key.txt",
        "pub/../private/key.txt",
        "../private",
        "/private/..",
    ] {
        let kind = guarded.read(path).await.unwrap_err().kind();
        assert_eq!(kind, backend_core::ErrorKind::InvalidPath, "{path}");
    }
}

#[tokio::test]
async fn a_refusal_is_the_same_whether_something_is_there_or_not() {
    let (_dir, bare) = workspace().await;
    let guarded = Guarded::new(bare, rules());
    for there in ["/private/key.txt", "/private/xyzzy-name"] {
        let absent = "/private/absent-from-here";
        let same = |outcome: String, path: &str| outcome.replace(path, "PATH");
        let pairs = [
            (
                told(guarded.read(there).await),
                told(guarded.read(absent).await),
            ),
            (
                told(guarded.stat(there).await),
                told(guarded.stat(absent).await),
            ),
            (
                told(guarded.ls(there).await),
                told(guarded.ls(absent).await),
            ),
            (
                told(guarded.delete(there).await),
                told(guarded.delete(absent).await),
            ),
            (
                told(guarded.mkdir(there).await),
                told(guarded.mkdir(absent).await),
            ),
            (
                told(guarded.write(there, "").await),
                told(guarded.write(absent, "").await),
            ),
            (
                told(guarded.rename(there, "/x").await),
                told(guarded.rename(absent, "/x").await),
            ),
            (
                told(guarded.edit(there, "a", "b").await),
                told(guarded.edit(absent, "a", "b").await),
            ),
            (
                told(
                    guarded
                        .grep_with(&GrepRequest::new("x").path(p(there)))
                        .await,
                ),
                told(
                    guarded
                        .grep_with(&GrepRequest::new("x").path(p(absent)))
                        .await,
                ),
            ),
            (
                told(
                    guarded
                        .glob_with(&GlobRequest::new("**").path(p(there)))
                        .await,
                ),
                told(
                    guarded
                        .glob_with(&GlobRequest::new("**").path(p(absent)))
                        .await,
                ),
            ),
        ];
        for (left, right) in pairs {
            assert_eq!(same(left, there), same(right, absent));
        }
    }
}

#[tokio::test]
async fn a_link_reveals_nothing_of_its_target() {
    let (dir, bare) = workspace().await;
    link(dir.path(), "/pub/name", "../private/xyzzy-name/more.txt");
    let guarded = Guarded::new(bare, rules());
    for answer in [
        told(guarded.read("/pub/name").await),
        told(guarded.stat("/pub/name").await),
        told(guarded.edit("/pub/name", "a", "b").await),
        told(guarded.write("/pub/name", "a").await),
        told(guarded.ls("/pub/name").await),
    ] {
        assert!(
            !answer.contains(CANARY) && !answer.contains("private"),
            "{answer}"
        );
    }
    // The link itself is in an open directory, and can be moved and removed.
    guarded.rename("/pub/name", "/pub/other").await.unwrap();
    guarded.delete("/pub/other").await.unwrap();
}

#[tokio::test]
async fn a_moved_link_is_checked_anew() {
    let (dir, bare) = workspace().await;
    bare.write("/pub/private/key.txt", "harmless")
        .await
        .unwrap();
    link(dir.path(), "/pub/here", "private/key.txt");
    let guarded = Guarded::new(bare, rules());
    assert!(guarded.read("/pub/here").await.is_ok());
    guarded.rename("/pub/here", "/here").await.unwrap();
    assert!(guarded.read("/here").await.is_err());
}

#[tokio::test]
async fn a_mount_is_not_a_way_around() {
    use backend_composite::CompositeBackend;
    use std::sync::Arc;

    let (_dir, bare) = workspace().await;
    let default: Arc<dyn Backend> = Arc::new(backend_state::StateBackend::new());
    let composite = CompositeBackend::builder(default).mount("/mnt", Arc::new(bare));
    let composite = Arc::new(composite.build().unwrap());
    assert!(told(composite.read("/mnt/pub/link").await).contains(CANARY));
    let guarded = Guarded::new(composite, all_but(&["/mnt/private"]));
    for path in [
        "/mnt/private/key.txt",
        "/mnt/pub/link",
        "/mnt/pub/dir/key.txt",
    ] {
        let answer = told(guarded.read(path).await);
        assert!(!answer.contains(CANARY), "{answer}");
    }
    let moved = told(guarded.rename("/mnt/private/key.txt", "/here").await);
    assert!(moved.contains("PermissionDenied"), "{moved}");
    assert!(guarded.grep(CANARY).await.unwrap().matches.is_empty());
}

#[tokio::test]
async fn a_rule_for_the_name_of_a_link_is_about_that_name() {
    let (dir, bare) = workspace().await;
    link(dir.path(), "/box/denied", "../pub");
    link(dir.path(), "/pub/round", "../box/denied/notes.txt");
    let guarded = Guarded::new(bare, all_but(&["denied"]));
    assert!(guarded.read("/box/denied/notes.txt").await.is_err());
    assert!(guarded.read("/pub/notes.txt").await.is_ok());
    assert!(guarded.read("/pub/round").await.is_ok());
}
