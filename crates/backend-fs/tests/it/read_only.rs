//! A read-only backend changes nothing, and still shows everything.

use backend_core::{Backend, BackendExt, DeleteRequest, EditRequest, ErrorKind, WriteRequest};
use backend_fs::FsBackend;

use crate::support::{Host, p, refused, run, snapshot};

#[test]
fn nothing_is_changed_and_everything_is_shown() {
    let host = Host::new();
    host.put("d/f", "text");
    host.put(".~ab-0123456789abcdef", "half");
    let before = snapshot(&host.root());
    run(async {
        let backend = FsBackend::builder(host.root()).read_only().build().unwrap();
        assert!(backend.capabilities().read_only);
        let denied = ErrorKind::PermissionDenied;
        let error = refused(backend.write("/d/f", "x").await, denied);
        assert!(error.to_string().contains("read-only"), "{error}");
        refused(backend.write("/new/g", "x").await, denied);
        refused(backend.edit("/d/f", "text", "x").await, denied);
        refused(backend.delete("/d/f").await, denied);
        refused(
            backend
                .delete_with(&DeleteRequest::new(p("/d")).recursive())
                .await,
            denied,
        );
        refused(backend.rename("/d/f", "/g").await, denied);
        refused(backend.mkdir("/new").await, denied);
        refused(backend.remove_leftovers().await, denied);
        for outcome in backend
            .write_many_with(&[WriteRequest::new(p("/a"), "x")])
            .await
        {
            refused(outcome, denied);
        }
        assert_eq!(backend.read("/d/f").await.unwrap().text, "text");
        assert_eq!(backend.ls("/").await.unwrap().items.len(), 1);
        assert_eq!(backend.grep("text").await.unwrap().matches.len(), 1);
        let dry = EditRequest::new(p("/d/f"), "text", "x").dry_run();
        assert_eq!(backend.edit_with(&dry).await.unwrap().replacements, 1);
    });
    assert_eq!(snapshot(&host.root()), before);
}
