//! No error, in any form, reveals the path of the root on the host.

use std::fs;

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, Error, ErrorKind, GlobRequest, GrepRequest,
    LsRequest, ReadBytesRequest, ReadRequest, RenameRequest, WriteMode, WriteRequest,
};
use backend_fs::FsBackend;

use crate::support::{Host, p, refused, run};

/// Every form in which an error can be shown, including its causes.
fn forms(error: &Error) -> String {
    let mut forms = format!(
        "{error}\n{error:?}\n{error:#?}\n{}\n{}",
        error.for_model(),
        serde_json::to_string(error).unwrap()
    );
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        forms.push_str(&format!("\n{error}\n{error:?}"));
        cause = error.source();
    }
    forms
}

#[test]
fn no_failure_of_any_operation_names_the_root() {
    let host = Host::new();
    host.put("f", "text text");
    host.put("d/g", "x");
    host.put("bin", b"\0\xff");
    host.put("locked", "x");
    let locked = std::os::unix::fs::PermissionsExt::from_mode(0o444);
    fs::set_permissions(host.root().join("locked"), locked).unwrap();
    host.link("out", "../outside");
    host.link("absolute", host.outside());
    host.link("loop", "loop");
    host.link("dangling", "nowhere/../../..");
    let paths = [
        "/",
        "/f",
        "/f/x",
        "/d",
        "/d/g/y/z",
        "/bin",
        "/locked",
        "/out",
        "/out/f",
        "/absolute/f",
        "/loop",
        "/loop/x",
        "/dangling",
        "/missing",
        "/missing/x",
        "/.~ab-0123456789abcdef",
    ];
    let mut kinds = std::collections::BTreeSet::new();
    let mut check = |error: Option<Error>| {
        let Some(error) = error else { return };
        let forms = forms(&error);
        let base = host.base().to_str().unwrap();
        assert!(!forms.contains(base), "{forms}");
        assert!(!forms.contains("outside/"), "{forms}");
        kinds.insert(error.kind().as_str());
    };
    run(async {
        let backend = host.backend();
        let version = backend.read("/f").await.unwrap().version;
        let other = backend.write("/other", "x").await.unwrap().version;
        for path in paths.map(p) {
            let write = |mode| WriteRequest::new(&path, "x").mode(mode);
            check(backend.stat(&path).await.err());
            check(backend.ls(&path).await.err());
            check(backend.ls_with(&LsRequest::new(&path).limit(0)).await.err());
            check(backend.read(&path).await.err());
            check(
                backend
                    .read_with(&ReadRequest::new(&path).offset(99))
                    .await
                    .err(),
            );
            check(
                backend
                    .read_bytes_with(&ReadBytesRequest::new(&path).limit(1))
                    .await
                    .err(),
            );
            check(
                backend
                    .read_bytes_with(&ReadBytesRequest::new(&path).range(50..60))
                    .await
                    .err(),
            );
            check(backend.edit(&path, "text", "y").await.err());
            check(backend.edit(&path, "no such text", "y").await.err());
            check(backend.edit(&path, "", "y").await.err());
            check(
                backend
                    .edit_with(&EditRequest::new(&path, "a", "b").expect(other))
                    .await
                    .err(),
            );
            check(backend.write_with(&write(WriteMode::CreateNew)).await.err());
            check(
                backend
                    .write_with(&write(WriteMode::IfVersion(other)))
                    .await
                    .err(),
            );
            check(
                backend
                    .delete_with(&DeleteRequest::new(&path).expect(other))
                    .await
                    .err(),
            );
            check(
                backend
                    .delete_with(&DeleteRequest::new(p("/d")))
                    .await
                    .err(),
            );
            check(backend.mkdir(path.child("x").unwrap()).await.err());
            check(backend.rename(&path, "/f").await.err());
            check(backend.rename("/f", &path).await.err());
            check(
                backend
                    .rename_with(&RenameRequest::new(p("/d"), &path).overwrite())
                    .await
                    .err(),
            );
            check(
                backend
                    .glob_with(&GlobRequest::new("{a").path(&path))
                    .await
                    .err(),
            );
            check(
                backend
                    .glob_with(&GlobRequest::new("*").path(&path))
                    .await
                    .err(),
            );
            check(
                backend
                    .grep_with(&GrepRequest::new("(").path(&path))
                    .await
                    .err(),
            );
            check(
                backend
                    .grep_with(&GrepRequest::new("x").path(&path))
                    .await
                    .err(),
            );
            check(
                backend
                    .grep_with(&GrepRequest::new("x").path(&path).file_type("none"))
                    .await
                    .err(),
            );
        }
        let _ = version;
    });
    let wanted = [
        "already_exists",
        "ambiguous_match",
        "conflict",
        "invalid_path",
        "invalid_pattern",
        "invalid_request",
        "is_a_directory",
        "no_match",
        "not_a_directory",
        "not_found",
        "not_text",
        "permission_denied",
        "too_large",
    ];
    for kind in wanted {
        assert!(kinds.contains(kind), "{kind} was not provoked: {kinds:?}");
    }
    assert!(!kinds.contains("internal"), "{kinds:?}");
}

#[test]
fn opening_a_root_never_names_it_and_neither_do_debug_forms() {
    let host = Host::new();
    let base = host.base().to_str().unwrap();
    for bad in ["missing", "outside/f", "outside/f/x"] {
        let error = refused(
            FsBackend::open(host.base().join(bad)),
            ErrorKind::InvalidRequest,
        );
        assert!(!forms(&error).contains(base), "{error:?}");
    }
    let long = host.base().join("n".repeat(300));
    let error = FsBackend::builder(long).create_root().build().unwrap_err();
    assert!(!forms(&error).contains(base), "{error:?}");
    let builder = FsBackend::builder(host.root()).read_only();
    let shown = format!("{builder:?} {:?} {:#?}", host.backend(), host.backend());
    assert!(!shown.contains(base) && !shown.contains("root/"), "{shown}");
}

#[test]
fn a_path_through_a_file_is_not_a_directory_and_a_missing_one_is_not_found() {
    let host = Host::new();
    host.put("f", "x");
    run(async {
        let backend = host.backend();
        for path in ["/f/x", "/f/x/y"] {
            let kind = ErrorKind::NotADirectory;
            for error in [
                refused(backend.stat(path).await, kind),
                refused(backend.ls(path).await, kind),
                refused(backend.read(path).await, kind),
                refused(backend.read_bytes(path).await, kind),
                refused(backend.write(path, "x").await, kind),
                refused(backend.edit(path, "x", "y").await, kind),
                refused(backend.delete(path).await, kind),
                refused(backend.mkdir(path).await, kind),
                refused(backend.rename(path, "/g").await, kind),
                refused(backend.rename("/f", path).await, kind),
                refused(
                    backend
                        .glob_with(&GlobRequest::new("*").path(p(path)))
                        .await,
                    kind,
                ),
                refused(
                    backend
                        .grep_with(&GrepRequest::new("x").path(p(path)))
                        .await,
                    kind,
                ),
            ] {
                assert_eq!(error.path(), Some(&p(path)));
            }
        }
        for path in ["/missing", "/missing/x"] {
            let kind = ErrorKind::NotFound;
            refused(backend.stat(path).await, kind);
            refused(backend.ls(path).await, kind);
            refused(backend.read(path).await, kind);
            refused(backend.edit(path, "x", "y").await, kind);
            refused(backend.delete(path).await, kind);
            refused(backend.rename(path, "/g").await, kind);
            refused(
                backend
                    .glob_with(&GlobRequest::new("*").path(p(path)))
                    .await,
                kind,
            );
            refused(
                backend
                    .grep_with(&GrepRequest::new("x").path(p(path)))
                    .await,
                kind,
            );
        }
    });
}
