//! Laws about failures: what they say, and what they never say.

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, Error, ErrorKind, GlobRequest, GrepRequest,
    LsRequest, ReadBytesRequest, RenameRequest, Result, WriteMode, WriteRequest,
};

use super::paths::ODD_NAMES;
use crate::Workspace;
use crate::workspace::p;

#[doc(hidden)]
#[macro_export]
macro_rules! __error_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args errors;
            X1 a_failure_is_an_error_and_changes_nothing
                "Every refusal is an error with a kind, leaves every file, and is never content.";
            X2 no_message_names_a_path_of_the_host [HostPaths]
                "No message, and no text for a model, names a directory of the host.";
            X3 a_message_names_the_virtual_path
                "An error about a path starts with that path, as it was asked for.";
            X4 a_failure_is_the_same_each_time
                "The same request on the same files fails in the same words.";
            X5 a_message_is_one_line
                "However odd the name, the message has no line break and no control character.";
        }
    };
}

crate::__error_laws! { registry_of_area [Files] }

/// Makes a tree and every kind of failure that a healthy backend has.
async fn provoke(ws: &Workspace) -> Vec<Error> {
    ws.tree(&[("/f", "x\nx\n"), ("/g", "g"), ("/d/e", "e"), ("/bin", "\0")])
        .await;
    let version = ws.version("/f").await;
    ws.put("/f", "x x\n").await;
    let stale = WriteMode::IfVersion(version);
    let new = WriteMode::CreateNew;
    let dir = p("/d");
    let outcomes: Vec<Result<()>> = vec![
        ws.stat("/missing").await.map(drop),
        ws.stat("/f/x").await.map(drop),
        ws.ls("/missing").await.map(drop),
        ws.ls("/f").await.map(drop),
        ws.ls_with(&LsRequest::new(p("/")).limit(0)).await.map(drop),
        ws.read("/missing").await.map(drop),
        ws.read("/d").await.map(drop),
        ws.read("/bin").await.map(drop),
        ws.read("/f/x").await.map(drop),
        ws.read_lines("/f", 7, 1).await.map(drop),
        ws.read_lines("/f", 0, 0).await.map(drop),
        ws.read_bytes("/missing").await.map(drop),
        ws.read_bytes("/d").await.map(drop),
        ws.read_bytes_with(&ReadBytesRequest::new(p("/f")).range(9..9))
            .await
            .map(drop),
        ws.read_bytes_with(&ReadBytesRequest::new(p("/f")).limit(1))
            .await
            .map(drop),
        ws.write("/d", "x").await.map(drop),
        ws.write("/", "x").await.map(drop),
        ws.write("/f/x", "x").await.map(drop),
        ws.write_with(&WriteRequest::new(p("/f"), "y").mode(new))
            .await
            .map(drop),
        ws.write_with(&WriteRequest::new(p("/f"), "y").mode(stale))
            .await
            .map(drop),
        ws.write_with(&WriteRequest::new(p("/new"), "y").mode(stale))
            .await
            .map(drop),
        ws.edit("/missing", "a", "b").await.map(drop),
        ws.edit("/d", "a", "b").await.map(drop),
        ws.edit("/bin", "a", "b").await.map(drop),
        ws.edit("/f", "absent", "b").await.map(drop),
        ws.edit("/f", "x", "b").await.map(drop),
        ws.edit("/f", "", "b").await.map(drop),
        ws.edit_with(&EditRequest::new(p("/f"), "x x", "b").expect(version))
            .await
            .map(drop),
        ws.delete("/missing").await.map(drop),
        ws.delete("/d").await.map(drop),
        ws.delete("/").await.map(drop),
        ws.delete_with(&DeleteRequest::new(p("/f")).expect(version))
            .await
            .map(drop),
        ws.rename("/missing", "/x").await.map(drop),
        ws.rename("/f", "/g").await.map(drop),
        ws.rename("/d", "/d/x").await.map(drop),
        ws.rename("/g", "/f/x").await.map(drop),
        ws.rename_with(&RenameRequest::new(p("/f"), dir).overwrite())
            .await
            .map(drop),
        ws.mkdir("/f").await.map(drop),
        ws.mkdir("/f/x").await.map(drop),
        ws.glob("[").await.map(drop),
        ws.glob("..").await.map(drop),
        ws.glob_with(&GlobRequest::new("*").path(p("/f")))
            .await
            .map(drop),
        ws.glob_with(&GlobRequest::new("*").path(p("/missing")))
            .await
            .map(drop),
        ws.grep("(").await.map(drop),
        ws.grep_with(&GrepRequest::new("x").path(p("/missing")))
            .await
            .map(drop),
        ws.grep_with(&GrepRequest::new("x").file_type("nothing"))
            .await
            .map(drop),
    ];
    let count = outcomes.len();
    let errors: Vec<Error> = outcomes.into_iter().filter_map(Result::err).collect();
    assert_eq!(
        errors.len(),
        count,
        "everything here is refused: {errors:?}"
    );
    errors
}

async fn a_failure_is_an_error_and_changes_nothing(ws: &Workspace) {
    for error in provoke(ws).await {
        let unexpected = matches!(error.kind(), ErrorKind::Internal | ErrorKind::Unavailable);
        assert!(!unexpected, "{error:?}");
    }
    let tree = ws.everything().await;
    let paths: Vec<&str> = tree.keys().map(backend_core::VirtualPath::as_str).collect();
    assert_eq!(paths, ["/bin", "/d", "/d/e", "/f", "/g"]);
    assert_eq!(tree[&p("/f")].1, "x x\n");
}

/// The workspace checks each message; this makes sure that there are some.
async fn no_message_names_a_path_of_the_host(ws: &Workspace) {
    provoke(ws).await;
    for name in ODD_NAMES {
        let path = p(&format!("/{name}/{name}"));
        assert!(ws.read(&path).await.is_err());
        ws.put(&format!("/o/{name}"), "x").await;
        assert!(ws.write(p(&format!("/o/{name}/x")), "x").await.is_err());
        assert!(ws.ls(p(&format!("/o/{name}"))).await.is_err());
    }
}

async fn a_message_names_the_virtual_path(ws: &Workspace) {
    for error in provoke(ws).await {
        if let Some(path) = error.path() {
            let message = error.to_string();
            assert!(message.starts_with(&format!("{path}: ")), "{message}");
            assert!(error.for_model().starts_with(&message), "{error:?}");
        }
    }
}

async fn a_failure_is_the_same_each_time(ws: &Workspace) {
    ws.tree(&[("/f", "x\n"), ("/d/e", "e")]).await;
    for path in ["/missing", "/f/x", "/d"] {
        let first = ws.read(path).await.unwrap_err();
        let second = ws.read(path).await.unwrap_err();
        assert_eq!(first.to_string(), second.to_string());
        assert_eq!(first.kind(), second.kind());
    }
}

async fn a_message_is_one_line(ws: &Workspace) {
    for name in ODD_NAMES {
        let error = ws.read(p(&format!("/missing/{name}"))).await.unwrap_err();
        let text = error.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.contains(name), "{text:?}");
    }
}
