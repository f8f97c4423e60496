//! Links that are changed in the middle of a call: the content read is not returned.

use std::path::PathBuf;

use async_trait::async_trait;
use backend_core::{
    Backend, BackendExt, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Entry,
    ErrorKind, GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, WriteRequest, Written,
};
use backend_fs::FsBackend;
use backend_guard::Guarded;
use tempfile::TempDir;

use crate::support::{all_but, fs, link, p};

/// A backend next to which another program points `/link` at `to`, at the moment of use.
#[derive(Debug)]
struct Meddled {
    inner: FsBackend,
    dir: PathBuf,
    to: &'static str,
}

impl Meddled {
    fn meddle(&self) {
        let _ = std::fs::remove_file(self.dir.join("link"));
        link(&self.dir, "/link", self.to);
    }
}

macro_rules! meddle {
    ($($method:ident($request:ty) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Backend for Meddled {
            fn capabilities(&self) -> Capabilities {
                self.inner.capabilities()
            }

            async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
                self.inner.resolve_with(request).await
            }

            $(async fn $method(&self, request: &$request) -> Result<$outcome> {
                self.meddle();
                self.inner.$method(request).await
            })*
        }
    };
}

meddle! {
    stat_with(StatRequest) -> Entry;
    ls_with(LsRequest) -> Page<Entry>;
    read_bytes_with(ReadBytesRequest) -> Content;
    write_with(WriteRequest) -> Written;
    delete_with(DeleteRequest) -> Deleted;
    rename_with(RenameRequest) -> Renamed;
    mkdir_with(MkdirRequest) -> MadeDirectory;
    glob_with(GlobRequest) -> Page<Entry>;
    grep_with(GrepRequest) -> Grepped;
}

async fn workspace(to: &'static str) -> (TempDir, Guarded<Meddled>) {
    let (dir, inner) = fs();
    for (path, content) in [
        ("/open/file.txt", "plain\n"),
        ("/else/file.txt", "plain\n"),
        ("/vault/file.txt", "xyzzy\n"),
        ("/vault/xyzzy", "plain\n"),
    ] {
        inner.write(path, content).await.unwrap();
    }
    link(dir.path(), "/link", "open");
    let meddled = Meddled {
        inner,
        dir: dir.path().to_path_buf(),
        to,
    };
    (dir, Guarded::new(meddled, all_but(&["/vault"])))
}

#[tokio::test]
async fn content_read_behind_a_moved_link_is_withheld() {
    let file = p("/link/file.txt");
    macro_rules! refused {
        ($guarded:ident => $call:expr) => {
            let (_dir, $guarded) = workspace("vault").await;
            let outcome = $call.await;
            let error = outcome.expect_err("what was read is handed out");
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            assert!(!error.for_model().contains("xyzzy"));
        };
    }
    refused!(g => g.read(&file));
    refused!(g => g.read_bytes(&file));
    refused!(g => g.stat(&file));
    refused!(g => g.ls("/link"));
    refused!(g => g.glob_with(&GlobRequest::new("**").path(p("/link"))));
    refused!(g => g.grep_with(&GrepRequest::new("x").path(p("/link"))));
    refused!(g => g.grep_with(&GrepRequest::new("x").path(file.clone())));
    refused!(g => g.edit_with(&EditRequest::new(&file, "xyzz", "").dry_run()));
    let (_dir, guarded) = workspace("vault").await;
    for page in guarded.read_many_with(&[ReadRequest::new(&file)]).await {
        assert_eq!(page.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
}

#[tokio::test]
async fn a_link_may_move_to_another_allowed_target() {
    let (_dir, guarded) = workspace("else").await;
    assert_eq!(
        guarded.read("/link/file.txt").await.unwrap().text,
        "plain\n"
    );
}

/// The test itself: without the guard, the meddler wins.
#[tokio::test]
async fn without_the_guard_it_is_handed_out() {
    let (_dir, guarded) = workspace("vault").await;
    let page = guarded.inner().read("/link/file.txt").await.unwrap();
    assert_eq!(page.text, "xyzzy\n");
}
