//! Laws about versions: when they are equal, and what changes them.

use backend_core::{
    Backend, BackendExt, EditRequest, ErrorKind, GlobRequest, ReadBytesRequest, ReadRequest,
    RenameRequest, WriteMode, WriteRequest,
};

use crate::Workspace;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __version_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args versions;
            V1 every_operation_reports_the_same_version
                "`write`, `edit`, `rename`, `stat`, `ls`, `glob`, `read` and `read_bytes` agree on a file's version.";
            V2 a_version_stays_while_nothing_changes_the_file
                "Reads, searches, refusals and changes elsewhere leave the version as it is.";
            V3 every_change_gives_another_version
                "Two contents in a row have different versions, even with one size and within one tick of a clock.";
            V4 an_old_version_does_not_come_back
                "A version from two writes ago is not the current one, whatever the content.";
            V5 a_new_file_at_an_old_path_has_another_version
                "A file that is deleted and written again has another version than before.";
            V6 only_files_have_versions
                "A directory has no version.";
            V7 a_replaced_file_has_another_version
                "A rename over a file, of another file with the same size, changes the version at that path.";
        }
    };
}

crate::__version_laws! { registry_of_area [Files] }

async fn every_operation_reports_the_same_version(ws: &Workspace) {
    let mut version = ws.put("/d/f", "one\n").await;
    for step in 0..3 {
        version = match step {
            0 => version,
            1 => ws.edit("/d/f", "one", "two").await.unwrap().version,
            _ => {
                ws.rename("/d/f", "/f").await.unwrap();
                let back = ws.rename("/f", "/d/f").await.unwrap();
                back.version.expect("a file has a version")
            }
        };
        assert_eq!(
            ws.stat("/d/f").await.unwrap().version,
            Some(version),
            "stat, step {step}"
        );
        assert_eq!(
            ws.ls("/d").await.unwrap().items[0].version,
            Some(version),
            "ls, step {step}"
        );
        let globbed = ws.glob_with(&GlobRequest::new("d/*")).await.unwrap();
        assert_eq!(globbed.items[0].version, Some(version), "glob, step {step}");
        let page = ws.read_with(&ReadRequest::new(p("/d/f"))).await.unwrap();
        assert_eq!(page.version, version, "read, step {step}");
        let part = ReadBytesRequest::new(p("/d/f")).range(0..1);
        let content = ws.read_bytes_with(&part).await.unwrap();
        assert_eq!(content.version, version, "read_bytes, step {step}");
    }
}

async fn a_version_stays_while_nothing_changes_the_file(ws: &Workspace) {
    let version = ws.put("/d/f", "one\n").await;
    ws.read("/d/f").await.unwrap();
    ws.grep("one").await.unwrap();
    ws.put("/d/g", "one\n").await;
    ws.rename("/d/g", "/d/h").await.unwrap();
    ws.delete("/d/h").await.unwrap();
    refused(ws.edit("/d/f", "absent", "x").await, ErrorKind::NoMatch);
    let create = WriteRequest::new(p("/d/f"), "x").mode(WriteMode::CreateNew);
    refused(ws.write_with(&create).await, ErrorKind::AlreadyExists);
    refused(ws.rename("/d/f", "/d").await, ErrorKind::AlreadyExists);
    let dry = EditRequest::new(p("/d/f"), "one", "two").dry_run();
    assert_eq!(ws.edit_with(&dry).await.unwrap().version, version);
    assert_eq!(ws.version("/d/f").await, version);
}

async fn every_change_gives_another_version(ws: &Workspace) {
    let mut last = ws.put("/f", "000").await;
    for n in 1..200 {
        let version = if n % 2 == 0 {
            ws.put("/f", format!("{n:03}")).await
        } else {
            let (old, new) = (format!("{:03}", n - 1), format!("{n:03}"));
            ws.edit("/f", old, new).await.unwrap().version
        };
        assert_ne!(version, last, "change {n}");
        last = version;
    }
}

async fn an_old_version_does_not_come_back(ws: &Workspace) {
    let mut seen = Vec::new();
    for n in 0..200 {
        let version = ws.put("/f", if n % 2 == 0 { "even" } else { "odd!" }).await;
        let stale = seen.iter().rev().skip(1).position(|old| *old == version);
        assert_eq!(stale, None, "write {n} has the version of an earlier one");
        seen.push(version);
    }
    let stale = WriteRequest::new(p("/f"), "late").mode(WriteMode::IfVersion(seen[197]));
    refused(ws.write_with(&stale).await, ErrorKind::Conflict);
}

async fn a_new_file_at_an_old_path_has_another_version(ws: &Workspace) {
    for round in 0..50 {
        let old = ws.put("/f", "old").await;
        ws.delete("/f").await.unwrap();
        let new = ws.put("/f", "new").await;
        assert_ne!(old, new, "round {round}");
        let stale = WriteRequest::new(p("/f"), "x").mode(WriteMode::IfVersion(old));
        refused(ws.write_with(&stale).await, ErrorKind::Conflict);
        ws.delete("/f").await.unwrap();
    }
}

async fn only_files_have_versions(ws: &Workspace) {
    ws.tree(&[("/d/", ""), ("/f", "x")]).await;
    assert_eq!(ws.stat("/d").await.unwrap().version, None);
    assert_eq!(ws.stat("/").await.unwrap().version, None);
    assert!(ws.stat("/f").await.unwrap().version.is_some());
    assert_eq!(ws.rename("/d", "/e").await.unwrap().version, None);
}

async fn a_replaced_file_has_another_version(ws: &Workspace) {
    let old = ws.put("/f", "old").await;
    ws.put("/g", "new").await;
    let over = RenameRequest::new(p("/g"), p("/f")).overwrite();
    let renamed = ws.rename_with(&over).await.unwrap();
    assert_ne!(renamed.version, Some(old));
    assert_eq!(renamed.version, Some(ws.version("/f").await));
    let stale = WriteRequest::new(p("/f"), "x").mode(WriteMode::IfVersion(old));
    refused(ws.write_with(&stale).await, ErrorKind::Conflict);
}
