//! Laws about entries: what `stat` and `ls` say, and in which order.

use backend_core::{
    Backend, BackendExt, Entry, EntryKind, ErrorKind, LsRequest, Page, Truncation, WriteRequest,
};

use crate::Workspace;
use crate::workspace::{kinds, p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __listing_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args listing;
            L1 the_root_is_always_there
                "An empty workspace has a root: a directory at `/` that lists nothing.";
            L2 directories_come_first_then_names_in_byte_order
                "A listing has directories first, then everything else, each in byte order of names.";
            L3 a_listing_has_only_the_children
                "A listing shows the entries of one directory, not those below.";
            L4 a_directory_that_a_write_made_is_listed
                "Directories made by a write to a path below them are entries like others.";
            L5 a_size_is_the_number_of_bytes_read
                "The size of a file is the length of what `read_bytes` returns, in bytes.";
            L6 an_empty_file_is_a_file
                "An empty file is listed as a file of size 0, and is not a missing file.";
            L7 stat_shows_what_the_listing_shows
                "`stat` returns the same entry as the listing of the directory above.";
            L8 a_file_has_no_listing
                "`ls` of a file is `not_a_directory`.";
            L9 a_limit_returns_the_first_entries_and_says_so
                "A limited listing has the first entries in order; `truncated` is set if and only if there is one more.";
            L10 a_limit_of_zero_is_refused
                "A listing with a limit of 0 is `invalid_request`.";
            L11 hidden_and_ignored_entries_are_listed
                "`ls` shows names with a leading dot and names that ignore files exclude.";
            L12 a_large_directory_is_listed_whole_and_in_order
                "1500 entries come back complete, in order, each once.";
            L13 looking_changes_nothing
                "`stat`, `ls`, reads and searches leave every entry as it was, times and versions included.";
            L14 a_listing_follows_every_change
                "Writes, deletes, renames and new directories are in the next listing.";
            L15 a_backend_says_what_it_can_do
                "`capabilities` are the same each time, and those of a writable backend are not read-only.";
        }
    };
}

crate::__listing_laws! { registry_of_area [Files] }

async fn the_root_is_always_there(ws: &Workspace) {
    let root = ws.stat("/").await.unwrap();
    assert_eq!((root.path.as_str(), root.kind), ("/", EntryKind::Directory));
    let page = ws.ls("/").await.unwrap();
    assert!(page.items.is_empty() && page.is_whole(), "{page:?}");
}

async fn directories_come_first_then_names_in_byte_order(ws: &Workspace) {
    let names = [
        "/b/", "/z/", "/-x", "/10", "/9", "/B", "/Z.txt", "/_", "/a", "/a-b", "/a.txt", "/a0",
        "/é", "/日",
    ];
    // Neither in this order nor in its reverse.
    let shuffled = (0..names.len()).map(|n| names[n * 5 % names.len()]);
    let files: Vec<(&str, &str)> = shuffled.map(|name| (name, "x")).collect();
    ws.tree(&files).await;
    assert_eq!(ws.listed("/").await, names);
}

async fn a_listing_has_only_the_children(ws: &Workspace) {
    ws.tree(&[("/a/b/c.txt", "c"), ("/a/x.txt", "x"), ("/top.txt", "t")])
        .await;
    assert_eq!(ws.listed("/").await, ["/a/", "/top.txt"]);
    assert_eq!(ws.listed("/a").await, ["/a/b/", "/a/x.txt"]);
    assert_eq!(ws.listed("/a/b").await, ["/a/b/c.txt"]);
}

async fn a_directory_that_a_write_made_is_listed(ws: &Workspace) {
    ws.put("/a/b/c.txt", "c").await;
    for path in ["/a", "/a/b"] {
        let entry = ws.stat(path).await.unwrap();
        assert_eq!(
            (entry.kind, entry.size),
            (EntryKind::Directory, 0),
            "{path}"
        );
    }
}

async fn a_size_is_the_number_of_bytes_read(ws: &Workspace) {
    let contents: [(&str, &[u8]); 6] = [
        ("/ascii", b"one\n"),
        ("/utf8", "é\n".as_bytes()),
        ("/crlf", b"a\r\nb\r\n"),
        ("/bom", b"\xef\xbb\xbfx"),
        ("/binary", b"\x89PNG\x00\xff"),
        ("/empty", b""),
    ];
    for (path, content) in contents {
        ws.put(path, content).await;
    }
    for entry in ws.ls("/").await.unwrap() {
        let read = ws.bytes(entry.path.as_str()).await;
        assert_eq!(entry.size, read.len() as u64, "{entry:?}");
        assert_eq!(ws.stat(&entry.path).await.unwrap().size, entry.size);
        let (_, content) = contents
            .iter()
            .find(|(path, _)| entry.path == *path)
            .unwrap();
        assert_eq!(read, *content, "{entry:?}");
    }
}

async fn an_empty_file_is_a_file(ws: &Workspace) {
    ws.put("/empty", "").await;
    let entry = ws.stat("/empty").await.unwrap();
    assert_eq!((entry.kind, entry.size), (EntryKind::File, 0));
    assert_eq!(ws.listed("/").await, ["/empty"]);
    assert!(ws.bytes("/empty").await.is_empty());
}

async fn stat_shows_what_the_listing_shows(ws: &Workspace) {
    ws.tree(&[
        ("/d/sub/", ""),
        ("/d/a.txt", "text"),
        ("/d/.b", ""),
        ("/d/c.bin", "\0"),
    ])
    .await;
    for entry in ws.ls("/d").await.unwrap() {
        assert_eq!(ws.stat(&entry.path).await.unwrap(), entry);
    }
}

async fn a_file_has_no_listing(ws: &Workspace) {
    ws.put("/d/f.txt", "text").await;
    refused_at(
        ws.ls("/d/f.txt").await,
        ErrorKind::NotADirectory,
        "/d/f.txt",
    );
}

async fn limited(ws: &Workspace, limit: usize) -> Page<Entry> {
    let request = LsRequest::new(p("/")).limit(limit);
    ws.ls_with(&request).await.unwrap()
}

async fn a_limit_returns_the_first_entries_and_says_so(ws: &Workspace) {
    ws.tree(&[("/d/", ""), ("/a", ""), ("/b", ""), ("/c", "")])
        .await;
    let page = limited(ws, 3).await;
    assert_eq!(kinds(&page), ["/d/", "/a", "/b"]);
    assert_eq!(page.truncated, Some(Truncation::Limit));
    for limit in [4, 5, usize::MAX] {
        let page = limited(ws, limit).await;
        assert_eq!(page.items.len(), 4, "limit {limit}");
        assert_eq!(page.truncated, None, "limit {limit}");
    }
}

async fn a_limit_of_zero_is_refused(ws: &Workspace) {
    let request = LsRequest::new(p("/")).limit(0);
    let error = refused(ws.ls_with(&request).await, ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("at least 1"), "{error}");
}

async fn hidden_and_ignored_entries_are_listed(ws: &Workspace) {
    ws.tree(&[
        (".git/config", ""),
        (".gitignore", "*.log\n"),
        ("a.log", ""),
    ])
    .await;
    assert_eq!(ws.listed("/").await, ["/.git/", "/.gitignore", "/a.log"]);
}

async fn a_large_directory_is_listed_whole_and_in_order(ws: &Workspace) {
    let mut names: Vec<String> = (0..1500).map(|n| format!("/d/{n}")).collect();
    let writes: Vec<WriteRequest> = names
        .iter()
        .map(|name| WriteRequest::new(p(name), "x"))
        .collect();
    for outcome in ws.write_many_with(&writes).await {
        outcome.unwrap();
    }
    names.sort();
    assert_eq!(ws.listed("/d").await, names);
}

async fn looking_changes_nothing(ws: &Workspace) {
    ws.tree(&[("/d/a.txt", "needle\n"), ("/d/sub/", "")]).await;
    let before = (ws.ls("/").await.unwrap(), ws.ls("/d").await.unwrap());
    for _ in 0..3 {
        ws.read("/d/a.txt").await.unwrap();
        ws.bytes("/d/a.txt").await;
        ws.grep("needle").await.unwrap();
        ws.glob("**/*").await.unwrap();
    }
    assert_eq!(ws.ls("/").await.unwrap().items, before.0.items);
    assert_eq!(ws.ls("/d").await.unwrap().items, before.1.items);
}

async fn a_listing_follows_every_change(ws: &Workspace) {
    ws.put("/a", "x").await;
    assert_eq!(ws.listed("/").await, ["/a"]);
    ws.make("/d").await;
    assert_eq!(ws.listed("/").await, ["/d/", "/a"]);
    ws.rename("/a", "/d/a").await.unwrap();
    assert_eq!(ws.listed("/").await, ["/d/"]);
    assert_eq!(ws.listed("/d").await, ["/d/a"]);
    ws.delete("/d/a").await.unwrap();
    assert!(ws.listed("/d").await.is_empty());
}

async fn a_backend_says_what_it_can_do(ws: &Workspace) {
    let before = ws.capabilities();
    assert!(!before.read_only);
    ws.put("/f", "x").await;
    ws.delete("/f").await.unwrap();
    assert_eq!(ws.capabilities(), before);
}
