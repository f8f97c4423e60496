//! The tools for files and searches, each for its own behaviour.

use backend_core::text::line_hash;
use serde_json::json;

use crate::fakes::{Fake, Trouble};
use crate::support::Bench;

#[tokio::test]
async fn lines_are_counted_as_a_read_shows_them() {
    let bench = Bench::new();
    for (content, lines) in [
        ("", 0),
        ("a", 1),
        ("a\n", 1),
        ("a\nb", 2),
        ("a\n\n", 2),
        ("a\u{2028}b\u{c}\n", 1),
    ] {
        let reply = bench
            .ok("write_file", json!({ "path": "/a", "content": content }))
            .await;
        assert_eq!(reply.structured["lines"], lines, "{content:?}");
        let read = bench.ok("read_file", json!({ "path": "/a" })).await;
        assert_eq!(read.structured["text"]["lines"], lines, "{content:?}");
        assert_eq!(read.structured["size"], content.len());
    }
}

#[tokio::test]
async fn an_empty_file_is_empty_and_an_offset_past_the_end_names_the_length() {
    let bench = Bench::with(&[("/empty", ""), ("/a", "1\n2\n")]).await;
    assert_eq!(
        bench
            .ok("read_file", json!({ "path": "/empty" }))
            .await
            .text,
        "(empty file)"
    );
    let reply = bench
        .mistake("read_file", json!({ "path": "/a", "offset": 7 }))
        .await;
    assert!(
        reply.text.contains('2') && reply.text.contains("/a"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn written_text_is_stored_byte_for_byte() {
    let bench = Bench::new();
    for content in [
        "a\r\nb\n\tc \u{0}\u{1}",
        "\u{feff}x",
        "'\"`$\\ \u{1F600}\n\n",
    ] {
        bench
            .ok("write_file", json!({ "path": "/a", "content": content }))
            .await;
        assert_eq!(bench.text("/a").await, content);
    }
}

#[tokio::test]
async fn relative_paths_start_at_the_work_directory() {
    let mut fake = Fake::new(|_, _| Trouble::None);
    fake.work_dir = backend_core::VirtualPath::parse("/workspace").unwrap();
    let files = std::sync::Arc::clone(&fake.files);
    let tools = backend_tools::Toolset::new(std::sync::Arc::new(fake));
    let bench = Bench { files, tools };
    bench
        .ok(
            "write_file",
            json!({ "path": "src/a.rs", "content": "fn a() {}\n" }),
        )
        .await;
    bench.put("/etc/b.rs", "fn b() {}\n").await;
    assert_eq!(bench.text("/workspace/src/a.rs").await, "fn a() {}\n");
    bench
        .ok("read_file", json!({ "path": "/workspace/src/a.rs" }))
        .await;
    bench.ok("read_file", json!({ "path": "/etc/b.rs" })).await;
    let paths = |reply: backend_tools::Reply| reply.structured["paths"].to_string();
    let glob = async |arguments| paths(bench.ok("glob", arguments).await);
    assert_eq!(
        glob(json!({ "pattern": "**/*.rs" })).await,
        "[\"/workspace/src/a.rs\"]"
    );
    assert_eq!(
        glob(json!({ "pattern": "/workspace/**/*.rs" })).await,
        "[\"/workspace/src/a.rs\"]"
    );
    assert_eq!(
        glob(json!({ "pattern": "/etc/*.rs" })).await,
        "[\"/etc/b.rs\"]"
    );
    assert_eq!(
        glob(json!({ "pattern": "/*.rs", "path": "/etc" })).await,
        "[\"/etc/b.rs\"]"
    );
    let grep = bench.ok("grep", json!({ "pattern": "fn" })).await;
    assert_eq!(grep.text, "/workspace/src/a.rs\n1:fn a() {}\n1 match");
    assert_eq!(
        bench.ok("ls", json!({})).await.structured["path"],
        "/workspace"
    );
}

#[tokio::test]
async fn no_match_reports_skipped_entries() {
    let bench = Bench::with(&[
        ("/.gitignore", "/build\n"),
        ("/build/a", "needle\n"),
        ("/.hidden", "needle\n"),
        ("/b", "x\n"),
    ])
    .await;
    bench.put("/bin", b"needle\0").await;
    let reply = bench.ok("grep", json!({ "pattern": "needle" })).await;
    assert_eq!(
        reply.text,
        "no match in 1 file\nNot searched: 2 hidden, 1 ignored, 1 binary."
    );
    assert_eq!(
        reply.structured["skipped"],
        json!({ "hidden": 2, "ignored": 1, "binary": 1 })
    );
    let reply = bench
        .ok(
            "grep",
            json!({ "pattern": "needle", "hidden": true, "ignored": true }),
        )
        .await;
    assert_eq!(
        reply.text,
        "/.hidden\n1:needle\n\n/build/a\n1:needle\n2 matches\nNot searched: 1 binary."
    );
    let reply = bench.ok("glob", json!({ "pattern": "**/*.rs" })).await;
    assert_eq!(
        reply.text,
        "nothing below / matches\nNot searched: 1 ignored."
    );
}

#[tokio::test]
async fn a_reached_limit_is_reported() {
    let bench = Bench::with(&[("/a", "x\nx\nx\n"), ("/b", "x\n")]).await;
    let reply = bench
        .ok("grep", json!({ "pattern": "x", "limit": 2 }))
        .await;
    assert_eq!(reply.structured["truncated"], "limit");
    assert!(reply.text.ends_with(
        "2 matches\nThere are more: the limit was reached. Narrow the request, or raise `limit`."
    ));
    let reply = bench
        .ok("glob", json!({ "pattern": "*", "limit": 1 }))
        .await;
    assert_eq!(reply.structured["paths"], json!(["/a"]));
    assert_eq!(reply.structured["truncated"], "limit");
    let reply = bench.ok("ls", json!({ "limit": 1 })).await;
    assert_eq!(reply.structured["truncated"], "limit");
}

#[tokio::test]
async fn grep_has_three_forms_of_output_and_its_options() {
    let bench = Bench::with(&[
        ("/a.rs", "Foo\nbar\nfoo\n"),
        ("/b.md", "foo bar\n"),
        ("/sub/c.rs", "foobar\n"),
    ])
    .await;
    let grep = async |arguments| bench.ok("grep", arguments).await.text;
    assert_eq!(
        grep(json!({ "pattern": "foo", "output_mode": "files_with_matches" })).await,
        "/a.rs\n/b.md\n/sub/c.rs\n3 files"
    );
    assert_eq!(
        grep(json!({ "pattern": "foo", "output_mode": "count", "ignore_case": true })).await,
        "/a.rs: 2\n/b.md: 1\n/sub/c.rs: 1\n3 files"
    );
    assert_eq!(
        grep(json!({ "pattern": "foo", "glob": "*.rs", "word": true })).await,
        "/a.rs\n3:foo\n1 match"
    );
    assert_eq!(
        grep(json!({ "pattern": "foo", "type": "md" })).await,
        "/b.md\n1:foo bar\n1 match"
    );
    assert_eq!(
        grep(json!({ "pattern": "o.b", "fixed": true })).await,
        "no match in 3 files"
    );
    assert_eq!(
        grep(json!({ "pattern": "bar.foo", "multiline": true, "path": "a.rs" })).await,
        "/a.rs\n2:bar\n3:foo\n1 match"
    );
    assert_eq!(
        grep(json!({ "pattern": "^foo$", "context": 1 })).await,
        "/a.rs\n2-bar\n3:foo\n1 match"
    );
    assert_eq!(
        grep(json!({ "pattern": "foo", "output_mode": "count", "path": "/sub" })).await,
        "/sub/c.rs: 1\n1 file"
    );
}

#[tokio::test]
async fn places_that_are_apart_are_parted() {
    let bench = Bench::with(&[("/a", "x\n1\n2\n3\n4\nx\n6\nx\n")]).await;
    let reply = bench
        .ok("grep", json!({ "pattern": "x", "context": 1 }))
        .await;
    assert_eq!(
        reply.text,
        "/a\n1:x\n2-1\n--\n5-4\n6:x\n7-6\n8:x\n3 matches"
    );
}

#[tokio::test]
async fn an_option_of_a_program_is_only_text() {
    let bench = Bench::with(&[("/a", "-> x\n--pre=./evil.sh\n")]).await;
    for pattern in ["-> x", "--pre=./evil.sh"] {
        let reply = bench.ok("grep", json!({ "pattern": pattern })).await;
        assert!(reply.text.contains(pattern), "{}", reply.text);
    }
}

#[tokio::test]
async fn edits_keep_the_rest_of_the_file() {
    let bench = Bench::with(&[("/crlf", "one\r\ntwo\r\nthree")]).await;
    bench
        .ok(
            "edit_file",
            json!({ "path": "/crlf", "old_string": "one\ntwo", "new_string": "1\n2\n2b" }),
        )
        .await;
    assert_eq!(bench.text("/crlf").await, "1\r\n2\r\n2b\r\nthree");
    bench.put("/wide", [0xff, 0xfe, b'a', 0, b'\n', 0]).await;
    bench
        .ok(
            "edit_file",
            json!({ "path": "/wide", "old_string": "a", "new_string": "é" }),
        )
        .await;
    let bytes = backend_core::BackendExt::read_bytes(&*bench.files, "/wide")
        .await
        .unwrap();
    assert_eq!(&bytes[..], [0xff, 0xfe, 0xe9, 0, b'\n', 0]);
    bench.put("/latin", b"caf\xe9\n").await;
    let reply = bench
        .mistake(
            "edit_file",
            json!({ "path": "/latin", "old_string": "caf", "new_string": "x" }),
        )
        .await;
    assert_eq!(reply.error_kind(), Some("not_text"));
}

#[tokio::test]
async fn several_edits_are_all_made_or_none_and_the_one_that_fails_is_named() {
    let bench = Bench::with(&[("/a", "one\ntwo\ntwo\n")]).await;
    let edit = |old: &str, new: &str| json!({ "old_string": old, "new_string": new });
    let reply = bench
        .mistake(
            "edit_file",
            json!({ "path": "/a", "edits": [edit("one", "1"), edit("two", "2")] }),
        )
        .await;
    assert!(
        reply
            .text
            .starts_with("edit 2 of 2: /a: 2 matches for the text to replace, on lines 2, 3\n")
    );
    assert!(reply.text.ends_with("None of the edits were made."));
    assert_eq!(bench.text("/a").await, "one\ntwo\ntwo\n");
    let reply = bench
        .mistake(
            "edit_file",
            json!({ "path": "/a", "edits": [edit("One", "1"), edit("two", "2")] }),
        )
        .await;
    assert!(
        reply.text.starts_with("edit 1 of 2: ")
            && reply.text.contains("From line 1 on it reads:\none")
    );
    let mut all = edit("two", "2");
    all["replace_all"] = json!("true");
    let reply = bench
        .ok(
            "edit_file",
            json!({ "path": "/a", "edits": [edit("one", "1"), all] }),
        )
        .await;
    assert_eq!(reply.structured["replacements"], 3);
    assert_eq!(bench.text("/a").await, "1\n2\n2\n");
}

#[tokio::test]
async fn lines_are_edited_by_their_hashes() {
    let bench = Bench::with(&[("/a", "one\ntwo\nthree\nfour\n")]).await;
    let read = bench
        .ok("read_file", json!({ "path": "/a", "hashes": true }))
        .await;
    let lines: Vec<&str> = read.text.lines().collect();
    assert_eq!(lines[1], format!("2:{}|two", line_hash("two")));
    // The whole line as it is shown names it too.
    let edits = json!([
        { "op": "replace", "line": lines[0], "text": "1" },
        { "op": "delete", "line": lines[1].split('|').next().unwrap(), "end_line": lines[2] },
        { "op": "insert_after", "line": lines[3], "text": "five\nsix" },
    ]);
    let reply = bench
        .ok("hashline_edit", json!({ "path": "/a", "edits": edits }))
        .await;
    assert!(
        reply.text.starts_with("edited /a: 3 changes\n--- a/a\n"),
        "{}",
        reply.text
    );
    assert_eq!(bench.text("/a").await, "1\nfour\nfive\nsix\n");
    let reply = bench
        .mistake(
            "hashline_edit",
            json!({ "path": "/a", "edits": [{ "op": "delete", "line": lines[1] }] }),
        )
        .await;
    assert_eq!(reply.error_kind(), Some("conflict"));
    assert_eq!(bench.text("/a").await, "1\nfour\nfive\nsix\n");
}

#[tokio::test]
async fn several_files_are_read_and_one_that_fails_does_not_stop_the_others() {
    let bench = Bench::with(&[("/a", "1\n"), ("/b", "2\n")]).await;
    let reply = bench
        .ok("read_many", json!({ "paths": ["a", "gone", "../x", "/b"] }))
        .await;
    assert_eq!(
        reply.text,
        "==> a <==\n     1\t1\n\n==> gone <==\n/gone: not found\n\n==> ../x <==\n../x: a path cannot have a '..' \
         segment\n\n==> /b <==\n     1\t2"
    );
    let files = reply.structured["files"].as_array().unwrap();
    assert_eq!(files.len(), 4);
    assert_eq!(files[3]["text"]["content"], "2\n");
    assert_eq!(files[1]["error"], "/gone: not found");
    let reply = bench
        .mistake("read_many", json!({ "paths": ["x", "y"] }))
        .await;
    assert_eq!(
        reply.text,
        "none of the files could be read:\n/x: not found\n/y: not found"
    );
}

#[tokio::test]
async fn deleting_and_moving_refuse_to_lose_something() {
    let bench = Bench::with(&[("/d/a", "1"), ("/d/b", "2"), ("/c", "3")]).await;
    assert_eq!(
        bench
            .mistake("delete", json!({ "path": "/d" }))
            .await
            .error_kind(),
        Some("invalid_request")
    );
    let reply = bench
        .mistake("move", json!({ "from": "/c", "to": "/d/a" }))
        .await;
    assert_eq!(reply.error_kind(), Some("already_exists"));
    bench
        .ok(
            "move",
            json!({ "from": "/c", "to": "/d/a", "overwrite": true }),
        )
        .await;
    assert_eq!(bench.text("/d/a").await, "3");
    let reply = bench
        .ok("delete", json!({ "path": "/d", "recursive": true }))
        .await;
    assert_eq!(reply.text, "deleted /d: 3 entries");
    assert_eq!(
        bench
            .mistake("delete", json!({ "path": "/" }))
            .await
            .error_kind(),
        Some("invalid_request")
    );
    assert_eq!(
        bench
            .mistake("delete", json!({ "path": "/d" }))
            .await
            .error_kind(),
        Some("not_found")
    );
}
