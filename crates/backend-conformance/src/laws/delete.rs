//! Laws about deletes.

use backend_core::{Backend, BackendExt, DeleteRequest, Error, ErrorKind};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __delete_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args delete;
            D1 a_deleted_file_is_gone
                "A deleted file is in no listing and cannot be read; one entry is counted.";
            D2 a_missing_path_cannot_be_deleted
                "A delete of a missing path is `not_found`, with an expected version too.";
            D3 an_empty_directory_is_deleted
                "An empty directory can be deleted without `recursive`.";
            D4 a_directory_with_content_needs_recursive
                "Without `recursive`, a directory with anything in it, hidden or not, is `invalid_request` and stays.";
            D5 a_recursive_delete_counts_everything
                "A recursive delete removes a whole tree, and counts every entry and the directory.";
            D6 the_root_is_not_deleted
                "A delete of the root is `invalid_request`, recursive or not, and everything stays.";
            D7 an_expected_version_guards_a_delete
                "With an expected version that is not the current one, a delete is a `conflict` with the current one.";
            D8 a_directory_has_no_version_to_expect
                "A delete of a directory that expects a version is a `conflict`.";
            D9 parents_stay
                "Deleting the last file of a directory leaves the directory.";
            D10 recursive_deletes_a_single_file
                "A recursive delete of a file deletes the file.";
            D11 a_large_tree_is_deleted
                "A tree of hundreds of entries is gone after one request.";
        }
    };
}

crate::__delete_laws! { registry_of_area [Files] }

async fn a_deleted_file_is_gone(ws: &Workspace) {
    ws.tree(&[("/f", "x"), ("/g", "x")]).await;
    assert_eq!(ws.delete("/f").await.unwrap().entries, 1);
    assert_eq!(ws.listed("/").await, ["/g"]);
    refused(ws.read("/f").await, ErrorKind::NotFound);
    assert_eq!(ws.found("**").await, ["/g"]);
}

async fn a_missing_path_cannot_be_deleted(ws: &Workspace) {
    let version = ws.put("/f", "x").await;
    let missing = DeleteRequest::new(p("/missing"));
    for request in [
        missing.clone(),
        missing.clone().recursive(),
        missing.expect(version),
    ] {
        refused_at(
            ws.delete_with(&request).await,
            ErrorKind::NotFound,
            "/missing",
        );
    }
    ws.delete("/f").await.unwrap();
    refused_at(ws.delete("/f").await, ErrorKind::NotFound, "/f");
}

async fn an_empty_directory_is_deleted(ws: &Workspace) {
    ws.make("/a/b").await;
    assert_eq!(ws.delete("/a/b").await.unwrap().entries, 1);
    assert_eq!(ws.delete("/a").await.unwrap().entries, 1);
    assert!(ws.listed("/").await.is_empty());
}

async fn a_directory_with_content_needs_recursive(ws: &Workspace) {
    ws.tree(&[("/a/f", "x"), ("/b/.hidden", "x"), ("/c/d/", "")])
        .await;
    let before = ws.everything().await;
    for path in ["/a", "/b", "/c"] {
        refused(ws.delete(path).await, ErrorKind::InvalidRequest);
    }
    assert_eq!(ws.everything().await, before);
}

async fn a_recursive_delete_counts_everything(ws: &Workspace) {
    ws.tree(&[
        ("/d/a", "x"),
        ("/d/.b", "x"),
        ("/d/e/f/g", "x"),
        ("/d/empty/", ""),
        ("/dd", "x"),
    ])
    .await;
    assert_eq!(ws.delete_all("/d").await, 7);
    assert_eq!(ws.listed("/").await, ["/dd"]);
    assert!(!ws.has("/d").await && !ws.has("/d/e/f/g").await);
}

async fn the_root_is_not_deleted(ws: &Workspace) {
    for content in [false, true] {
        if content {
            ws.put("/f", "x").await;
        }
        let root = DeleteRequest::new(p("/"));
        for request in [root.clone(), root.recursive()] {
            refused(ws.delete_with(&request).await, ErrorKind::InvalidRequest);
        }
    }
    assert_eq!(ws.listed("/").await, ["/f"]);
}

async fn an_expected_version_guards_a_delete(ws: &Workspace) {
    let old = ws.put("/f", "old").await;
    let new = ws.put("/f", "new").await;
    let stale = DeleteRequest::new(p("/f")).expect(old);
    match refused_at(ws.delete_with(&stale).await, ErrorKind::Conflict, "/f") {
        Error::Conflict { current, .. } => assert_eq!(current, Some(new)),
        other => panic!("{other:?}"),
    }
    assert_eq!(ws.text("/f").await, "new");
    let fresh = DeleteRequest::new(p("/f")).expect(new);
    assert_eq!(ws.delete_with(&fresh).await.unwrap().entries, 1);
    assert!(!ws.has("/f").await);
}

async fn a_directory_has_no_version_to_expect(ws: &Workspace) {
    let version = ws.put("/d/f", "x").await;
    let request = DeleteRequest::new(p("/d")).recursive().expect(version);
    refused_at(ws.delete_with(&request).await, ErrorKind::Conflict, "/d");
    assert_eq!(ws.listed("/d").await, ["/d/f"]);
}

async fn parents_stay(ws: &Workspace) {
    ws.put("/a/b/f", "x").await;
    ws.delete("/a/b/f").await.unwrap();
    assert_eq!(ws.listed("/a").await, ["/a/b/"]);
    assert!(ws.listed("/a/b").await.is_empty());
    ws.put("/g", "x").await;
    ws.delete("/g").await.unwrap();
    assert_eq!(ws.listed("/").await, ["/a/"]);
}

async fn recursive_deletes_a_single_file(ws: &Workspace) {
    ws.tree(&[("/d/f", "x"), ("/d/g", "x")]).await;
    assert_eq!(ws.delete_all("/d/f").await, 1);
    assert_eq!(ws.listed("/d").await, ["/d/g"]);
}

async fn a_large_tree_is_deleted(ws: &Workspace) {
    for directory in 0..20 {
        for file in 0..20 {
            ws.put(&format!("/d/{directory}/{file}"), "x").await;
        }
    }
    ws.put("/stays", "x").await;
    assert_eq!(ws.delete_all("/d").await, 1 + 20 + 400);
    assert_eq!(ws.listed("/").await, ["/stays"]);
}
