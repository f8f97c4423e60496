//! Laws about writes: whole contents, modes, and what a refusal leaves behind.

use backend_core::{Backend, BackendExt, Error, ErrorKind, WriteMode, WriteRequest};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __write_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args write;
            W1 bytes_stored_are_the_bytes_given
                "No byte is added, dropped, escaped, decoded or converted, whatever it looks like.";
            W2 parents_are_created
                "A write makes the directories above the file.";
            W3 the_outcome_says_what_happened
                "`created` is whether the file is new, `size` is that of the content, `version` that of the file.";
            W4 an_overwrite_replaces_the_whole_content
                "A shorter content leaves nothing of a longer one.";
            W5 create_new_refuses_whatever_is_there
                "`create_new` is `already_exists` for a file and for a directory, which stay as they are.";
            W6 if_version_replaces_only_that_version
                "`if_version` writes over that version; over another it is a `conflict` with the current one.";
            W7 if_version_of_a_missing_file_is_a_conflict
                "`if_version` where nothing is there is a `conflict` without a current version, and creates nothing.";
            W8 a_directory_is_not_overwritten
                "A write to a directory, the root too, is `is_a_directory`.";
            W9 a_file_in_the_way_is_not_a_directory
                "A write below a file is `not_a_directory`, and changes nothing.";
            W10 an_empty_content_is_an_empty_file
                "Writing nothing creates an empty file, or empties one.";
            W11 a_large_content_is_stored_whole
                "8 MiB come back as they were.";
            W12 no_litter_is_ever_listed
                "After writes, edits and refusals the workspace has the files that were written and no others.";
            W13 a_write_leaves_other_files_alone
                "A write leaves every other file and directory as it was.";
            W14 a_file_and_a_directory_can_take_turns
                "A deleted file's path can become a directory, and the other way round.";
            W15 a_write_into_a_made_directory_works
                "A file can be written into a directory that `mkdir` made.";
        }
    };
}

crate::__write_laws! { registry_of_area [Files] }

fn create_new(path: &str, content: &'static str) -> WriteRequest {
    WriteRequest::new(p(path), content).mode(WriteMode::CreateNew)
}

async fn bytes_stored_are_the_bytes_given(ws: &Workspace) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let contents: [&[u8]; 12] = [
        &every_byte,
        b"a\r\nb\nc\rd",
        b"\xef\xbb\xbfwith a mark",
        b"\xff\xfea\0",
        b"caf\xe9",
        b"\xed\xa0\x80",
        b"no final newline",
        b"\n",
        b"\0",
        b"echo \"$HOME\" `x` \\n 'y' \\\\ $(z)",
        b"EOF\n'EOF'\n\"\"\"\n",
        b"%s %d {} {{}}\t\x1b[31m",
    ];
    for content in contents {
        ws.put("/f", content).await;
        assert_eq!(ws.bytes("/f").await, content);
        assert_eq!(ws.stat("/f").await.unwrap().size, content.len() as u64);
    }
}

async fn parents_are_created(ws: &Workspace) {
    ws.put("/a/b/c/d.txt", "x").await;
    assert_eq!(ws.listed("/a/b").await, ["/a/b/c/"]);
    ws.write_with(&create_new("/a/x/y.txt", "y")).await.unwrap();
    assert_eq!(ws.listed("/a").await, ["/a/b/", "/a/x/"]);
}

async fn the_outcome_says_what_happened(ws: &Workspace) {
    let first = ws.write("/f", "four").await.unwrap();
    assert_eq!((first.created, first.size), (true, 4));
    assert_eq!(first.version, ws.version("/f").await);
    let second = ws.write("/f", "é").await.unwrap();
    assert_eq!((second.created, second.size), (false, 2));
    assert_eq!(second.version, ws.version("/f").await);
    let new = ws.write_with(&create_new("/g", "")).await.unwrap();
    assert_eq!((new.created, new.size), (true, 0));
}

async fn an_overwrite_replaces_the_whole_content(ws: &Workspace) {
    ws.put("/f", "a long content of several words").await;
    ws.put("/f", "short").await;
    assert_eq!(ws.text("/f").await, "short");
}

async fn create_new_refuses_whatever_is_there(ws: &Workspace) {
    ws.tree(&[("/f", "old"), ("/d/x", "x")]).await;
    let before = ws.everything().await;
    for path in ["/f", "/d"] {
        let outcome = ws.write_with(&create_new(path, "new")).await;
        refused_at(outcome, ErrorKind::AlreadyExists, path);
    }
    assert_eq!(ws.everything().await, before);
}

async fn if_version_replaces_only_that_version(ws: &Workspace) {
    let first = ws.put("/f", "one").await;
    let conditional =
        |content| WriteRequest::new(p("/f"), content).mode(WriteMode::IfVersion(first));
    let second = ws.write_with(&conditional("two")).await.unwrap();
    assert!(!second.created);
    assert_ne!(second.version, first);
    let error = refused_at(
        ws.write_with(&conditional("three")).await,
        ErrorKind::Conflict,
        "/f",
    );
    match error {
        Error::Conflict { current, .. } => assert_eq!(current, Some(second.version)),
        other => panic!("{other:?}"),
    }
    assert_eq!(ws.text("/f").await, "two");
}

async fn if_version_of_a_missing_file_is_a_conflict(ws: &Workspace) {
    let version = ws.put("/other", "x").await;
    for path in ["/missing", "/new/deep/missing"] {
        let request = WriteRequest::new(p(path), "x").mode(WriteMode::IfVersion(version));
        match refused_at(ws.write_with(&request).await, ErrorKind::Conflict, path) {
            Error::Conflict { current, .. } => assert_eq!(current, None),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        ws.listed("/").await,
        ["/other"],
        "a refused write makes no directories"
    );
}

async fn a_directory_is_not_overwritten(ws: &Workspace) {
    let version = ws.put("/d/x", "x").await;
    for path in ["/", "/d"] {
        refused_at(ws.write(path, "y").await, ErrorKind::IsADirectory, path);
        let request = WriteRequest::new(p(path), "y").mode(WriteMode::IfVersion(version));
        refused_at(ws.write_with(&request).await, ErrorKind::IsADirectory, path);
    }
    assert_eq!(ws.listed("/d").await, ["/d/x"]);
}

async fn a_file_in_the_way_is_not_a_directory(ws: &Workspace) {
    let version = ws.put("/f", "text").await;
    for mode in [
        WriteMode::Overwrite,
        WriteMode::CreateNew,
        WriteMode::IfVersion(version),
    ] {
        for path in ["/f/x", "/f/x/y"] {
            let request = WriteRequest::new(p(path), "y").mode(mode);
            refused_at(
                ws.write_with(&request).await,
                ErrorKind::NotADirectory,
                path,
            );
        }
    }
    assert_eq!(ws.listed("/").await, ["/f"]);
    assert_eq!(
        (ws.text("/f").await, ws.version("/f").await),
        ("text".into(), version)
    );
}

async fn an_empty_content_is_an_empty_file(ws: &Workspace) {
    assert!(ws.write("/f", "").await.unwrap().created);
    assert!(ws.bytes("/f").await.is_empty());
    ws.put("/f", "text").await;
    ws.put("/f", "").await;
    assert!(ws.bytes("/f").await.is_empty());
}

async fn a_large_content_is_stored_whole(ws: &Workspace) {
    let content: Vec<u8> = (0..8u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    ws.put("/f", &content).await;
    assert!(ws.bytes("/f").await == content, "the 8 MiB differ");
    ws.put("/f", "small").await;
    assert_eq!(ws.text("/f").await, "small");
}

async fn no_litter_is_ever_listed(ws: &Workspace) {
    for round in 0..10 {
        ws.put("/d/f", format!("round {round}\n")).await;
        ws.edit("/d/f", "round", "edited").await.unwrap();
        refused(ws.edit("/d/f", "round", "x").await, ErrorKind::NoMatch);
        refused(
            ws.write_with(&create_new("/d/f", "x")).await,
            ErrorKind::AlreadyExists,
        );
        refused(ws.write("/d/f/x", "x").await, ErrorKind::NotADirectory);
        refused(ws.write("/d", "x").await, ErrorKind::IsADirectory);
    }
    let paths: Vec<String> = ws
        .everything()
        .await
        .into_keys()
        .map(String::from)
        .collect();
    assert_eq!(paths, ["/d", "/d/f"]);
}

async fn a_write_leaves_other_files_alone(ws: &Workspace) {
    ws.tree(&[("/a", "a"), ("/d/b", "b"), ("/e/", "")]).await;
    let (a, b) = (ws.stat("/a").await.unwrap(), ws.stat("/d/b").await.unwrap());
    ws.put("/d/c", "c").await;
    ws.put("/d/c", "cc").await;
    ws.edit("/d/c", "cc", "x").await.unwrap();
    ws.delete("/d/c").await.unwrap();
    assert_eq!(ws.stat("/a").await.unwrap(), a);
    assert_eq!(ws.stat("/d/b").await.unwrap(), b);
    assert!(ws.listed("/e").await.is_empty());
}

async fn a_file_and_a_directory_can_take_turns(ws: &Workspace) {
    ws.put("/x", "file").await;
    ws.delete("/x").await.unwrap();
    ws.put("/x/y", "inside").await;
    refused(ws.write("/x", "file").await, ErrorKind::IsADirectory);
    ws.delete_all("/x").await;
    assert!(ws.write("/x", "file").await.unwrap().created);
    assert_eq!(ws.listed("/").await, ["/x"]);
}

async fn a_write_into_a_made_directory_works(ws: &Workspace) {
    ws.make("/d").await;
    assert!(ws.write("/d/f", "x").await.unwrap().created);
    assert_eq!(ws.listed("/d").await, ["/d/f"]);
}
