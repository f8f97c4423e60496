//! Laws about read-only backends: reads as usual, every change refused, nothing changed.

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, ErrorKind, GrepRequest, LineAnchor, LineEdit,
    RenameRequest, Result, WriteMode, WriteRequest,
};

use crate::Workspace;
use crate::workspace::{p, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __read_only_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args read_only;
            O1 a_read_only_backend_says_so
                "`capabilities().read_only` is true.";
            O2 reads_and_searches_work_as_usual
                "`stat`, `ls`, `read`, `read_bytes`, `glob` and `grep` answer as on a writable backend.";
            O3 a_write_is_refused
                "Every `write` is `permission_denied`, whatever its mode and wherever it goes.";
            O4 an_edit_is_refused
                "Every `edit` is `permission_denied`, by text or by line, whether or not it matches.";
            O5 a_delete_is_refused
                "Every `delete` is `permission_denied`.";
            O6 a_rename_is_refused
                "Every `rename` is `permission_denied`.";
            O7 a_mkdir_is_refused
                "Every `mkdir` of a new directory is `permission_denied`.";
            O8 a_batch_of_writes_is_refused
                "Each request of a `write_many` is `permission_denied`.";
            O9 read_failures_are_those_of_a_writable_backend
                "A missing file is `not_found` for a read, and a directory `is_a_directory`.";
            O10 a_dry_run_is_answered
                "A dry run of an edit changes nothing, and is answered as on a writable backend.";
        }
    };
}

crate::__read_only_laws! { registry_of_area [Files] }

/// What the laws about read-only backends expect to exist, in addition to an empty directory `/empty`.
const FILES: &[(&str, &[u8])] = &[
    ("/a.txt", b"one\ntwo\nthree\n"),
    ("/blob.bin", b"\x00\x01\xff"),
    ("/src/.hidden", b"hidden\n"),
    ("/src/main.rs", b"fn main() {}\r\n"),
];

/// Fills an empty backend with the tree that the laws about read-only backends expect.
///
/// # Errors
///
/// Returns the errors of the backend.
pub async fn populate(backend: &dyn Backend) -> Result<()> {
    for (path, content) in FILES {
        backend.write(*path, content).await?;
    }
    backend.mkdir("/empty").await?;
    Ok(())
}

/// Checks that changes are refused and that nothing changed.
async fn all_denied(ws: &Workspace, outcomes: Vec<(&str, Result<()>)>) {
    for (path, outcome) in outcomes {
        refused_at(outcome, ErrorKind::PermissionDenied, path);
    }
    let tree = ws.everything().await;
    assert_eq!(tree.len(), FILES.len() + 2, "{tree:?}");
    for (path, content) in FILES {
        assert_eq!(tree[&p(path)].1, *content, "{path}");
    }
}

async fn a_read_only_backend_says_so(ws: &Workspace) {
    assert!(ws.capabilities().read_only);
}

async fn reads_and_searches_work_as_usual(ws: &Workspace) {
    assert_eq!(
        ws.listed("/").await,
        ["/empty/", "/src/", "/a.txt", "/blob.bin"]
    );
    assert_eq!(ws.listed("/src").await, ["/src/.hidden", "/src/main.rs"]);
    for (path, content) in FILES {
        assert_eq!(ws.bytes(path).await, *content, "{path}");
        assert_eq!(ws.stat(*path).await.unwrap().size, content.len() as u64);
    }
    assert_eq!(ws.read_lines("/a.txt", 1, 1).await.unwrap().text, "two\n");
    assert_eq!(
        ws.found("**").await,
        ["/a.txt", "/blob.bin", "/src/main.rs"]
    );
    assert_eq!(
        ws.hits(&GrepRequest::new("^t")).await,
        ["/a.txt:2:two", "/a.txt:3:three"]
    );
}

async fn a_write_is_refused(ws: &Workspace) {
    let version = ws.version("/a.txt").await;
    let mut outcomes = Vec::new();
    for path in ["/a.txt", "/new.txt", "/src/new/deep.txt", "/empty/x"] {
        for mode in [
            WriteMode::Overwrite,
            WriteMode::CreateNew,
            WriteMode::IfVersion(version),
        ] {
            let request = WriteRequest::new(p(path), "x").mode(mode);
            outcomes.push((path, ws.write_with(&request).await.map(drop)));
        }
    }
    all_denied(ws, outcomes).await;
}

async fn an_edit_is_refused(ws: &Workspace) {
    let anchor = LineAnchor::new(1, "none");
    let by_line = LineEdit::Delete {
        first: anchor.clone(),
        last: anchor,
    };
    let mut outcomes = Vec::new();
    for request in [
        EditRequest::new(p("/a.txt"), "one", "1"),
        EditRequest::new(p("/a.txt"), "absent", "1"),
        EditRequest::lines(p("/a.txt"), vec![by_line]),
    ] {
        outcomes.push(("/a.txt", ws.edit_with(&request).await.map(drop)));
    }
    all_denied(ws, outcomes).await;
}

async fn a_delete_is_refused(ws: &Workspace) {
    let mut outcomes = Vec::new();
    for path in ["/a.txt", "/empty", "/src"] {
        let request = DeleteRequest::new(p(path));
        outcomes.push((path, ws.delete_with(&request).await.map(drop)));
        outcomes.push((path, ws.delete_with(&request.recursive()).await.map(drop)));
    }
    all_denied(ws, outcomes).await;
}

async fn a_rename_is_refused(ws: &Workspace) {
    let mut outcomes = Vec::new();
    for (from, to) in [
        ("/a.txt", "/b.txt"),
        ("/src", "/lib"),
        ("/a.txt", "/new/deep/a.txt"),
    ] {
        let request = RenameRequest::new(p(from), p(to));
        outcomes.push((from, ws.rename_with(&request).await.map(drop)));
        outcomes.push((from, ws.rename_with(&request.overwrite()).await.map(drop)));
    }
    all_denied(ws, outcomes).await;
}

async fn a_mkdir_is_refused(ws: &Workspace) {
    let mut outcomes = Vec::new();
    for path in ["/new", "/src/new", "/new/deep"] {
        outcomes.push((path, ws.mkdir(path).await.map(drop)));
    }
    all_denied(ws, outcomes).await;
}

async fn a_batch_of_writes_is_refused(ws: &Workspace) {
    let paths = ["/a.txt", "/new.txt"];
    let requests = paths.map(|path| WriteRequest::new(p(path), "x"));
    let outcomes = ws.write_many_with(&requests).await;
    let outcomes = outcomes.into_iter().map(|outcome| outcome.map(drop));
    all_denied(ws, paths.into_iter().zip(outcomes).collect()).await;
}

async fn read_failures_are_those_of_a_writable_backend(ws: &Workspace) {
    refused_at(ws.read("/missing").await, ErrorKind::NotFound, "/missing");
    refused_at(ws.read("/src").await, ErrorKind::IsADirectory, "/src");
    refused_at(ws.read("/blob.bin").await, ErrorKind::NotText, "/blob.bin");
    refused_at(
        ws.ls("/a.txt/x").await,
        ErrorKind::NotADirectory,
        "/a.txt/x",
    );
}

async fn a_dry_run_is_answered(ws: &Workspace) {
    let dry = EditRequest::new(p("/a.txt"), "one", "1").dry_run();
    let edited = ws.edit_with(&dry).await.unwrap();
    assert_eq!(
        (edited.replacements, edited.version),
        (1, ws.version("/a.txt").await)
    );
    let absent = EditRequest::new(p("/a.txt"), "absent", "1").dry_run();
    refused_at(ws.edit_with(&absent).await, ErrorKind::NoMatch, "/a.txt");
    all_denied(ws, Vec::new()).await;
}
