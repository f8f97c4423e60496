//! Laws about directories that are made.

use backend_core::{BackendExt, ErrorKind};

use crate::Workspace;
use crate::workspace::refused_at;

#[doc(hidden)]
#[macro_export]
macro_rules! __mkdir_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args mkdir;
            M1 a_directory_is_made_with_its_parents
                "`mkdir` makes the directory and all above it, and `created` is true.";
            M2 a_directory_that_is_there_is_left_as_it_is
                "`mkdir` of a directory, made by hand or by a write, is `created: false` and changes nothing.";
            M3 the_root_is_there
                "`mkdir` of the root is `created: false`.";
            M4 a_file_is_not_made_a_directory
                "`mkdir` where a file is, is `already_exists`.";
            M5 a_file_above_is_not_a_directory
                "`mkdir` below a file is `not_a_directory`, and makes nothing.";
            M6 an_empty_directory_stays
                "A directory without entries is listed and can be listed.";
        }
    };
}

crate::__mkdir_laws! { registry_of_area [Files] }

async fn a_directory_is_made_with_its_parents(ws: &Workspace) {
    assert!(ws.mkdir("/a/b/c").await.unwrap().created);
    assert!(ws.mkdir("/a/x").await.unwrap().created);
    assert_eq!(ws.listed("/a").await, ["/a/b/", "/a/x/"]);
    assert_eq!(ws.listed("/a/b").await, ["/a/b/c/"]);
}

async fn a_directory_that_is_there_is_left_as_it_is(ws: &Workspace) {
    ws.tree(&[("/a/b/f", "f"), ("/c/", "")]).await;
    let before = ws.everything().await;
    for path in ["/a", "/a/b", "/c"] {
        assert!(!ws.mkdir(path).await.unwrap().created, "{path}");
    }
    assert_eq!(ws.everything().await, before);
}

async fn the_root_is_there(ws: &Workspace) {
    assert!(!ws.mkdir("/").await.unwrap().created);
    assert!(ws.listed("/").await.is_empty());
}

async fn a_file_is_not_made_a_directory(ws: &Workspace) {
    ws.put("/d/f", "f").await;
    refused_at(ws.mkdir("/d/f").await, ErrorKind::AlreadyExists, "/d/f");
    assert_eq!(ws.text("/d/f").await, "f");
}

async fn a_file_above_is_not_a_directory(ws: &Workspace) {
    ws.put("/f", "f").await;
    for path in ["/f/a", "/f/a/b"] {
        refused_at(ws.mkdir(path).await, ErrorKind::NotADirectory, path);
    }
    assert_eq!(ws.listed("/").await, ["/f"]);
}

async fn an_empty_directory_stays(ws: &Workspace) {
    ws.make("/a/empty").await;
    ws.put("/a/f", "f").await;
    ws.delete("/a/f").await.unwrap();
    assert_eq!(ws.listed("/a").await, ["/a/empty/"]);
    assert!(ws.listed("/a/empty").await.is_empty());
}
