//! Laws about renames.

use backend_core::{Backend, BackendExt, ErrorKind, RenameRequest};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __rename_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args rename;
            N1 a_file_moves_with_its_bytes
                "After a rename the file is only at the new path, byte for byte, with the version returned.";
            N2 a_directory_moves_with_its_contents
                "Hidden files, empty directories and depths move along.";
            N3 parents_of_the_target_are_created
                "Directories above the target are made, and those above the source stay.";
            N4 a_missing_path_cannot_be_renamed
                "A missing source is `not_found` and names the source, whatever is at the target.";
            N5 a_rename_to_itself_changes_nothing
                "The same path succeeds where something is there, and is `not_found` where nothing is.";
            N6 a_directory_does_not_move_into_itself
                "A target inside of the directory is `invalid_request`, and everything stays.";
            N7 nothing_is_replaced_unasked
                "Whatever is at the target, file or directory, is `already_exists`, and both stay.";
            N8 overwrite_replaces_a_file_by_a_file
                "With `overwrite`, a file at the target is replaced.";
            N9 overwrite_never_involves_a_directory
                "With `overwrite`, a file onto a directory is `is_a_directory`, a directory onto anything `already_exists`.";
            N10 the_root_does_not_move
                "The root as source or target is `invalid_request`.";
            N11 a_target_below_a_file_is_not_a_directory
                "Where a parent of the target is a file, the rename is `not_a_directory` and names the target.";
            N12 similar_names_are_not_inside
                "`/a` can move to `/ab`, and `/a-b` is not in `/a`.";
            N13 a_refused_rename_leaves_nothing
                "A refused rename makes no directories and moves nothing.";
            N14 a_name_can_change_its_case_alone
                "`/a` can become `/A`.";
        }
    };
}

crate::__rename_laws! { registry_of_area [Files] }

fn over(from: &str, to: &str) -> RenameRequest {
    RenameRequest::new(p(from), p(to)).overwrite()
}

async fn a_file_moves_with_its_bytes(ws: &Workspace) {
    ws.put("/a", b"\x00\xff\r\n").await;
    let renamed = ws.rename("/a", "/b").await.unwrap();
    assert_eq!(ws.bytes("/b").await, b"\x00\xff\r\n".as_slice());
    assert_eq!(renamed.version, Some(ws.version("/b").await));
    assert_eq!(ws.listed("/").await, ["/b"]);
    refused_at(ws.read_bytes("/a").await, ErrorKind::NotFound, "/a");
}

async fn a_directory_moves_with_its_contents(ws: &Workspace) {
    ws.tree(&[
        ("/d/f", "f"),
        ("/d/.h", "h"),
        ("/d/e/g", "g"),
        ("/d/empty/", ""),
    ])
    .await;
    let before = ws.everything().await;
    let renamed = ws.rename("/d", "/moved").await.unwrap();
    assert_eq!(renamed.version, None);
    let after = ws.everything().await;
    assert_eq!(after.len(), before.len());
    for (path, content) in before {
        let moved = p(&path.as_str().replacen("/d", "/moved", 1));
        assert_eq!(after.get(&moved), Some(&content), "{moved}");
    }
    assert!(!ws.has("/d").await && !ws.has("/d/f").await);
}

async fn parents_of_the_target_are_created(ws: &Workspace) {
    ws.tree(&[("/a/b/f", "f"), ("/d/g", "g")]).await;
    ws.rename("/a/b/f", "/x/y/f").await.unwrap();
    ws.rename("/d", "/x/z/d").await.unwrap();
    assert_eq!(ws.listed("/").await, ["/a/", "/x/"]);
    assert_eq!(ws.listed("/x").await, ["/x/y/", "/x/z/"]);
    assert_eq!(ws.text("/x/z/d/g").await, "g");
    assert!(ws.listed("/a/b").await.is_empty());
}

async fn a_missing_path_cannot_be_renamed(ws: &Workspace) {
    ws.tree(&[("/f", "f"), ("/d/", "")]).await;
    for to in ["/new", "/f", "/d", "/missing/inside"] {
        refused_at(
            ws.rename("/missing", to).await,
            ErrorKind::NotFound,
            "/missing",
        );
        let forced = ws.rename_with(&over("/missing", to)).await;
        refused_at(forced, ErrorKind::NotFound, "/missing");
    }
    assert_eq!(ws.listed("/").await, ["/d/", "/f"]);
}

async fn a_rename_to_itself_changes_nothing(ws: &Workspace) {
    let version = ws.put("/d/f", "f").await;
    let before = ws.everything().await;
    assert_eq!(
        ws.rename("/d/f", "/d/f").await.unwrap().version,
        Some(version)
    );
    assert_eq!(
        ws.rename_with(&over("/d/f", "/d/f")).await.unwrap().version,
        Some(version)
    );
    assert_eq!(ws.rename("/d", "/d").await.unwrap().version, None);
    assert_eq!(
        ws.rename_with(&over("/d", "/d")).await.unwrap().version,
        None
    );
    refused_at(ws.rename("/x", "/x").await, ErrorKind::NotFound, "/x");
    assert_eq!(ws.everything().await, before);
    assert_eq!(ws.version("/d/f").await, version);
}

async fn a_directory_does_not_move_into_itself(ws: &Workspace) {
    ws.tree(&[("/d/f", "f"), ("/d/e/", "")]).await;
    let before = ws.everything().await;
    for to in ["/d/new", "/d/e", "/d/e/new", "/d/f", "/d/new/deep"] {
        refused(ws.rename("/d", to).await, ErrorKind::InvalidRequest);
        refused(
            ws.rename_with(&over("/d", to)).await,
            ErrorKind::InvalidRequest,
        );
    }
    assert_eq!(ws.everything().await, before);
}

async fn nothing_is_replaced_unasked(ws: &Workspace) {
    ws.tree(&[("/f", "f"), ("/g", "g"), ("/d/x", "x"), ("/e/", "")])
        .await;
    let before = ws.everything().await;
    for (from, to) in [
        ("/f", "/g"),
        ("/f", "/d"),
        ("/f", "/e"),
        ("/d", "/f"),
        ("/d", "/e"),
    ] {
        refused_at(ws.rename(from, to).await, ErrorKind::AlreadyExists, to);
    }
    assert_eq!(ws.everything().await, before);
}

async fn overwrite_replaces_a_file_by_a_file(ws: &Workspace) {
    ws.tree(&[("/f", "f"), ("/d/g", "a longer text")]).await;
    let renamed = ws.rename_with(&over("/f", "/d/g")).await.unwrap();
    assert_eq!(ws.text("/d/g").await, "f");
    assert_eq!(renamed.version, Some(ws.version("/d/g").await));
    assert_eq!(ws.listed("/").await, ["/d/"]);
    ws.rename_with(&over("/d/g", "/new")).await.unwrap();
    assert_eq!(ws.text("/new").await, "f");
}

async fn overwrite_never_involves_a_directory(ws: &Workspace) {
    ws.tree(&[("/f", "f"), ("/d/x", "x"), ("/e/", "")]).await;
    let before = ws.everything().await;
    for to in ["/d", "/e"] {
        refused_at(
            ws.rename_with(&over("/f", to)).await,
            ErrorKind::IsADirectory,
            to,
        );
    }
    for (from, to) in [("/d", "/f"), ("/d", "/e"), ("/e", "/d")] {
        refused_at(
            ws.rename_with(&over(from, to)).await,
            ErrorKind::AlreadyExists,
            to,
        );
    }
    assert_eq!(ws.everything().await, before);
}

async fn the_root_does_not_move(ws: &Workspace) {
    ws.tree(&[("/f", "f"), ("/d/", "")]).await;
    for (from, to) in [
        ("/", "/x"),
        ("/f", "/"),
        ("/d", "/"),
        ("/", "/"),
        ("/missing", "/"),
    ] {
        refused(ws.rename(from, to).await, ErrorKind::InvalidRequest);
        refused(
            ws.rename_with(&over(from, to)).await,
            ErrorKind::InvalidRequest,
        );
    }
    assert_eq!(ws.listed("/").await, ["/d/", "/f"]);
}

async fn a_target_below_a_file_is_not_a_directory(ws: &Workspace) {
    ws.tree(&[("/f", "f"), ("/g", "g"), ("/d/", "")]).await;
    for (from, to) in [("/g", "/f/x"), ("/d", "/f/x/y"), ("/f", "/f/x")] {
        refused_at(ws.rename(from, to).await, ErrorKind::NotADirectory, to);
        refused_at(
            ws.rename_with(&over(from, to)).await,
            ErrorKind::NotADirectory,
            to,
        );
    }
    assert_eq!(ws.listed("/").await, ["/d/", "/f", "/g"]);
}

async fn similar_names_are_not_inside(ws: &Workspace) {
    ws.tree(&[("/a/f", "f"), ("/a-b/g", "g")]).await;
    ws.rename("/a", "/ab").await.unwrap();
    ws.rename("/ab", "/a").await.unwrap();
    ws.rename("/a-b", "/a/b").await.unwrap();
    assert_eq!(ws.listed("/a").await, ["/a/b/", "/a/f"]);
}

async fn a_refused_rename_leaves_nothing(ws: &Workspace) {
    ws.tree(&[("/f", "f"), ("/d/x", "x")]).await;
    let before = ws.everything().await;
    refused(
        ws.rename("/missing", "/new/deep/x").await,
        ErrorKind::NotFound,
    );
    refused(
        ws.rename("/d", "/d/new/deep").await,
        ErrorKind::InvalidRequest,
    );
    refused(ws.rename("/d", "/f/new").await, ErrorKind::NotADirectory);
    refused(ws.rename("/f", "/d/x/new").await, ErrorKind::NotADirectory);
    assert_eq!(ws.everything().await, before);
}

async fn a_name_can_change_its_case_alone(ws: &Workspace) {
    ws.tree(&[("/a", "file"), ("/d/f", "f")]).await;
    ws.rename("/a", "/A").await.unwrap();
    ws.rename("/d", "/D").await.unwrap();
    assert_eq!(ws.listed("/").await, ["/D/", "/A"]);
    assert_eq!(ws.text("/D/f").await, "f");
}
