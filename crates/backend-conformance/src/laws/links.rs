//! Laws about symbolic links, which are made outside this protocol.

use backend_core::{
    Backend, BackendExt, EntryKind, ErrorKind, GlobRequest, GrepRequest, RenameRequest, WriteMode,
    WriteRequest,
};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __link_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args links;
            Y1 a_link_is_shown_and_not_followed [Links]
                "`stat` and `ls` show a link as a link, with the kind and size of what it leads to inside.";
            Y2 a_dangling_link_is_listed [Links]
                "A link to nothing is listed with size 0 and no target; reading it is `not_found`.";
            Y3 reads_follow_links_that_stay_inside [Links]
                "`read`, `read_bytes` and `grep` of a link to a file are of that file.";
            Y4 a_write_through_a_link_keeps_the_link [Links]
                "Writes and edits change the file that the link leads to, and the link stays.";
            Y5 a_delete_removes_the_link [Links]
                "A delete of a link, recursive too, removes the link and nothing behind it.";
            Y6 a_rename_moves_the_link [Links]
                "A rename moves the link itself, and replaces a link itself.";
            Y7 a_link_that_leads_out_is_refused [LinksOut]
                "Every operation through a link that leads out of the workspace is `permission_denied`.";
            Y8 a_link_that_leads_out_has_no_target [LinksOut]
                "A link that leads out is listed with size 0 and no target, and breaks nothing around it.";
            Y9 a_linked_directory_can_be_walked_by_its_name [Links]
                "`ls`, and `glob` and `grep` with it as `path`, follow a link to a directory; paths keep the link's name.";
            Y10 a_search_does_not_follow_links_below [Links]
                "Below `path`, a search shows links, counts them and does not follow them.";
            Y11 a_recursive_delete_stays_in_its_tree [Links]
                "What a link in a deleted directory leads to stays.";
            Y12 a_loop_of_links_is_an_error [Links]
                "Links that lead to themselves are an error in reads, an entry in listings, and harmless to searches.";
            Y13 create_new_and_mkdir_see_links [Links]
                "`create_new` at a link is `already_exists`; `mkdir` at a link to a directory is `created: false`.";
            Y14 a_link_may_go_up_inside [Links]
                "A link with `..` in it works where it stays inside.";
            Y15 a_path_through_a_link_is_the_path_behind_it [Links]
                "Below a link to a directory, every operation acts on what is in that directory.";
        }
    };
}

crate::__link_laws! { registry_of_area [Files] }

async fn linked(ws: &Workspace) {
    ws.tree(&[
        ("/f", "needle\n"),
        ("/d/x", "needle\n"),
        ("/d/.h", "h"),
        ("/sub/", ""),
    ])
    .await;
    ws.link("/to-f", "f").await;
    ws.link("/to-d", "d").await;
}

async fn a_link_is_shown_and_not_followed(ws: &Workspace) {
    linked(ws).await;
    let file = ws.stat("/to-f").await.unwrap();
    assert_eq!(
        (file.kind, file.target, file.size),
        (EntryKind::Symlink, Some(EntryKind::File), 7)
    );
    let directory = ws.stat("/to-d").await.unwrap();
    assert_eq!(directory.kind, EntryKind::Symlink);
    assert_eq!(
        (directory.target, directory.size),
        (Some(EntryKind::Directory), 0)
    );
    assert_eq!(
        ws.listed("/").await,
        ["/d/", "/sub/", "/f", "/to-d@", "/to-f@"]
    );
    for entry in ws.ls("/").await.unwrap() {
        assert_eq!(ws.stat(&entry.path).await.unwrap(), entry);
    }
}

async fn a_dangling_link_is_listed(ws: &Workspace) {
    ws.link("/dangling", "nowhere").await;
    let entry = ws.stat("/dangling").await.unwrap();
    assert_eq!(
        (entry.kind, entry.target, entry.size),
        (EntryKind::Symlink, None, 0)
    );
    assert_eq!(ws.listed("/").await, ["/dangling@"]);
    refused_at(ws.read("/dangling").await, ErrorKind::NotFound, "/dangling");
    refused_at(
        ws.read_bytes("/dangling").await,
        ErrorKind::NotFound,
        "/dangling",
    );
    refused_at(ws.ls("/dangling").await, ErrorKind::NotFound, "/dangling");
}

async fn reads_follow_links_that_stay_inside(ws: &Workspace) {
    linked(ws).await;
    assert_eq!(ws.read("/to-f").await.unwrap().text, "needle\n");
    assert_eq!(ws.text("/to-f").await, "needle\n");
    assert_eq!(ws.text("/to-d/x").await, "needle\n");
    let hits = ws.hits(&GrepRequest::new("needle").path(p("/to-f"))).await;
    assert_eq!(hits, ["/to-f:1:needle"]);
    assert_eq!(ws.version("/to-f").await, ws.version("/f").await);
}

async fn a_write_through_a_link_keeps_the_link(ws: &Workspace) {
    linked(ws).await;
    assert!(!ws.write("/to-f", "one\n").await.unwrap().created);
    assert_eq!(ws.text("/f").await, "one\n");
    ws.edit("/to-f", "one", "two").await.unwrap();
    assert_eq!(ws.text("/f").await, "two\n");
    assert_eq!(ws.stat("/to-f").await.unwrap().kind, EntryKind::Symlink);
    ws.put("/to-d/new", "n").await;
    assert_eq!(ws.text("/d/new").await, "n");
    assert_eq!(ws.stat("/to-d").await.unwrap().kind, EntryKind::Symlink);
}

async fn a_delete_removes_the_link(ws: &Workspace) {
    linked(ws).await;
    assert_eq!(ws.delete("/to-f").await.unwrap().entries, 1);
    assert_eq!(ws.delete_all("/to-d").await, 1);
    assert_eq!(ws.listed("/").await, ["/d/", "/sub/", "/f"]);
    assert_eq!(ws.listed("/d").await, ["/d/.h", "/d/x"]);
}

async fn a_rename_moves_the_link(ws: &Workspace) {
    linked(ws).await;
    ws.rename("/to-f", "/moved").await.unwrap();
    assert_eq!(ws.stat("/moved").await.unwrap().kind, EntryKind::Symlink);
    assert_eq!(ws.text("/moved").await, "needle\n");
    ws.put("/g", "g").await;
    let over = RenameRequest::new(p("/g"), p("/moved")).overwrite();
    ws.rename_with(&over).await.unwrap();
    assert_eq!(ws.stat("/moved").await.unwrap().kind, EntryKind::File);
    assert_eq!(
        (ws.text("/moved").await, ws.text("/f").await),
        ("g".into(), "needle\n".into())
    );
    refused(ws.rename("/f", "/to-d").await, ErrorKind::AlreadyExists);
}

async fn a_link_that_leads_out_is_refused(ws: &Workspace) {
    ws.make("/sub").await;
    ws.link("/out", "..").await;
    ws.link("/sub/out", "../..").await;
    ws.link("/through", "out/x").await;
    for path in ["/out", "/sub/out", "/out/x", "/through"] {
        let denied = ErrorKind::PermissionDenied;
        refused_at(ws.ls(path).await, denied, path);
        refused_at(ws.read(path).await, denied, path);
        refused_at(ws.read_bytes(path).await, denied, path);
        refused_at(ws.write(path, "x").await, denied, path);
        refused_at(ws.edit(path, "a", "b").await, denied, path);
        let glob = GlobRequest::new("*").path(p(path));
        refused_at(ws.glob_with(&glob).await, denied, path);
        let grep = GrepRequest::new("x").path(p(path));
        refused_at(ws.grep_with(&grep).await, denied, path);
    }
    for path in ["/out/x", "/out/x/y"] {
        let denied = ErrorKind::PermissionDenied;
        refused_at(ws.stat(path).await, denied, path);
        refused_at(ws.mkdir(path).await, denied, path);
        refused_at(ws.delete(path).await, denied, path);
        refused_at(ws.rename(path, "/x").await, denied, path);
        refused_at(ws.rename("/sub", path).await, denied, path);
    }
}

async fn a_link_that_leads_out_has_no_target(ws: &Workspace) {
    ws.put("/f", "needle").await;
    ws.link("/out", "..").await;
    let entry = ws.stat("/out").await.unwrap();
    assert_eq!(
        (entry.kind, entry.target, entry.size),
        (EntryKind::Symlink, None, 0)
    );
    assert_eq!(ws.listed("/").await, ["/f", "/out@"]);
    assert_eq!(ws.hits(&GrepRequest::new("needle")).await, ["/f:1:needle"]);
    assert_eq!(ws.found("**").await, ["/f", "/out@"]);
    ws.delete("/out").await.unwrap();
}

async fn a_linked_directory_can_be_walked_by_its_name(ws: &Workspace) {
    linked(ws).await;
    assert_eq!(ws.listed("/to-d").await, ["/to-d/.h", "/to-d/x"]);
    let glob = GlobRequest::new("**").path(p("/to-d"));
    assert_eq!(ws.globbed(&glob).await, ["/to-d/x"]);
    let hits = ws.hits(&GrepRequest::new("needle").path(p("/to-d"))).await;
    assert_eq!(hits, ["/to-d/x:1:needle"]);
}

async fn a_search_does_not_follow_links_below(ws: &Workspace) {
    linked(ws).await;
    assert_eq!(ws.found("**").await, ["/d/x", "/f", "/to-d@", "/to-f@"]);
    assert!(ws.found("to-d/*").await.is_empty());
    let found = ws.searched(&GrepRequest::new("needle")).await;
    let paths: Vec<&str> = found.matches.iter().map(|hit| hit.path.as_str()).collect();
    assert_eq!(paths, ["/d/x", "/f"]);
    assert_eq!(found.skipped.symlinks, 2, "{:?}", found.skipped);
}

async fn a_recursive_delete_stays_in_its_tree(ws: &Workspace) {
    linked(ws).await;
    ws.link("/sub/to-d", "../d").await;
    ws.link("/sub/to-f", "../f").await;
    assert_eq!(ws.delete_all("/sub").await, 3);
    assert_eq!(ws.listed("/d").await, ["/d/.h", "/d/x"]);
    assert_eq!(ws.text("/f").await, "needle\n");
}

async fn a_loop_of_links_is_an_error(ws: &Workspace) {
    ws.put("/f", "needle").await;
    ws.link("/self", "self").await;
    ws.link("/a", "b").await;
    ws.link("/b", "a").await;
    ws.make("/d").await;
    ws.link("/d/up", "..").await;
    for path in ["/self", "/a"] {
        assert!(ws.read(path).await.is_err() && ws.read_bytes(path).await.is_err());
        assert!(ws.ls(path).await.is_err());
        assert_eq!(ws.stat(path).await.unwrap().target, None);
    }
    assert_eq!(ws.listed("/").await, ["/d/", "/a@", "/b@", "/f", "/self@"]);
    assert_eq!(ws.hits(&GrepRequest::new("needle")).await, ["/f:1:needle"]);
    assert_eq!(
        ws.found("**").await,
        ["/a@", "/b@", "/d/up@", "/f", "/self@"]
    );
    assert_eq!(ws.text("/d/up/d/up/f").await, "needle");
}

async fn create_new_and_mkdir_see_links(ws: &Workspace) {
    linked(ws).await;
    ws.link("/dangling", "nowhere").await;
    for path in ["/to-f", "/to-d", "/dangling"] {
        let request = WriteRequest::new(p(path), "x").mode(WriteMode::CreateNew);
        refused_at(
            ws.write_with(&request).await,
            ErrorKind::AlreadyExists,
            path,
        );
    }
    assert!(!ws.mkdir("/to-d").await.unwrap().created);
    refused_at(ws.mkdir("/to-f").await, ErrorKind::AlreadyExists, "/to-f");
    assert!(ws.mkdir("/to-d/new").await.unwrap().created);
    assert_eq!(ws.listed("/d").await, ["/d/new/", "/d/.h", "/d/x"]);
    assert!(!ws.has("/nowhere").await);
}

async fn a_link_may_go_up_inside(ws: &Workspace) {
    ws.tree(&[("/f", "top"), ("/a/b/", ""), ("/c/g", "side")])
        .await;
    ws.link("/a/b/up", "../../f").await;
    ws.link("/a/b/side", "../../c").await;
    assert_eq!(ws.text("/a/b/up").await, "top");
    assert_eq!(ws.text("/a/b/side/g").await, "side");
    assert_eq!(
        ws.stat("/a/b/up").await.unwrap().target,
        Some(EntryKind::File)
    );
}

async fn a_path_through_a_link_is_the_path_behind_it(ws: &Workspace) {
    linked(ws).await;
    ws.rename("/to-d/x", "/to-d/y").await.unwrap();
    assert_eq!(ws.listed("/d").await, ["/d/.h", "/d/y"]);
    ws.rename("/f", "/to-d/f").await.unwrap();
    ws.mkdir("/to-d/e/g").await.unwrap();
    assert_eq!(ws.delete("/to-d/y").await.unwrap().entries, 1);
    assert_eq!(ws.listed("/d").await, ["/d/e/", "/d/.h", "/d/f"]);
    assert_eq!(ws.stat("/to-d/f").await.unwrap().path, "/to-d/f");
    refused_at(ws.read("/to-d/x").await, ErrorKind::NotFound, "/to-d/x");
    assert_eq!(ws.stat("/to-d").await.unwrap().kind, EntryKind::Symlink);
}
