//! Arguments as models send them: fixed if that is harmless, reported in full otherwise.

use serde_json::{Value, json};

use crate::support::Bench;

#[tokio::test]
async fn unambiguous_arguments_are_accepted() {
    let bench = Bench::with(&[("/a.txt", "one\ntwo\nthree\n"), ("/b/c.txt", "four\n")]).await;
    let plain = bench
        .ok(
            "read_file",
            json!({ "path": "/a.txt", "offset": 1, "limit": 1 }),
        )
        .await;
    for arguments in [
        json!({ "path": "a.txt", "offset": "1", "limit": " 1 " }),
        json!({ "path": "./a.txt", "offset": 1.0, "limit": "1" }),
        json!({ "path": "//a.txt", "offset": 1, "limit": 1, "hashes": null }),
        json!({ "path": "/a.txt", "offset": 1, "limit": 1, "hashes": "false" }),
    ] {
        let reply = bench.ok("read_file", arguments.clone()).await;
        assert_eq!(reply, plain, "{arguments}");
    }
    let text = "{\"path\":\"/a.txt\",\"offset\":1,\"limit\":1}";
    assert_eq!(bench.tools.call_text("read_file", text).await, plain);

    let both = bench.ok("read_many", json!({ "paths": ["/a.txt"] })).await;
    for paths in [json!("[\"/a.txt\"]"), json!("/a.txt")] {
        assert_eq!(bench.ok("read_many", json!({ "paths": paths })).await, both);
    }
    let edits = "[{\"old_string\":\"one\",\"new_string\":\"1\"}]";
    bench
        .ok("edit_file", json!({ "path": "/a.txt", "edits": edits }))
        .await;
    assert_eq!(bench.text("/a.txt").await, "1\ntwo\nthree\n");
}

#[tokio::test]
async fn a_tool_without_required_arguments_needs_none() {
    let bench = Bench::with(&[("/a.txt", "")]).await;
    let wanted = bench.ok("ls", json!({})).await;
    for arguments in [Value::Null, json!(""), json!("  "), json!("{}")] {
        assert_eq!(bench.ok("ls", arguments).await, wanted);
    }
    for text in ["", " \n", "{}", "null"] {
        assert_eq!(bench.tools.call_text("ls", text).await, wanted, "{text:?}");
    }
}

/// Calls with invalid arguments, and compares the reply except for the last line.
async fn check(name: &str, arguments: Value, problems: &[&str]) {
    let bench = Bench::with(&[("/a.txt", "one\n")]).await;
    let reply = bench.mistake(name, arguments.clone()).await;
    let mut lines = reply.text.lines();
    let first = lines.next().unwrap();
    assert_eq!(
        first,
        format!("invalid arguments for {name}:"),
        "{arguments}"
    );
    let told: Vec<&str> = lines.by_ref().take(problems.len()).collect();
    assert_eq!(told, problems, "{arguments}");
    let last = lines.next().unwrap();
    assert!(last.starts_with(&format!("{name} takes: ")), "{last}");
    assert_eq!(lines.next(), None);
    assert_eq!(reply.error_kind(), Some("invalid_request"));
    assert_eq!(bench.text("/a.txt").await, "one\n");
}

#[tokio::test]
async fn all_problems_are_reported_at_once() {
    check("read_file", json!({}), &["- `path`: missing"]).await;
    check("read_file", json!({ "path": null }), &["- `path`: missing"]).await;
    check(
        "read_file",
        json!({ "file_path": "/a.txt", "ofset": 1, "limit": 0 }),
        &[
            "- `file_path`: unknown; did you mean `path`?",
            "- `ofset`: unknown; did you mean `offset`?",
            "- `path`: missing",
            "- `limit`: must be an integer from 1 to 10000, not 0",
        ],
    )
    .await;
    check(
        "write_file",
        json!({ "path": "/a.txt", "content": { "a": 1 } }),
        &["- `content`: must be a string, not an object"],
    )
    .await;
    check(
        "write_file",
        json!({ "path": ["/a.txt"], "content": 1.10 }),
        &[
            "- `content`: must be a string, not 1.1",
            "- `path`: must be a string, not a list of length 1",
        ],
    )
    .await;
    check(
        "ls",
        json!([1, 2]),
        &["- the arguments: must be an object, not a list of length 2"],
    )
    .await;
    check(
        "ls",
        json!("src"),
        &["- the arguments: must be an object, not \"src\""],
    )
    .await;
    check(
        "ls",
        json!(7),
        &["- the arguments: must be an object, not 7"],
    )
    .await;
}

#[tokio::test]
async fn numbers_are_bounded_whatever_they_are_written_as() {
    let wanted = "must be an integer from 1 to 10000";
    for (limit, shown) in [
        (json!(-1), "-1"),
        (json!("-1"), "-1"),
        (json!(1e300), "1e+300"),
        (json!(u64::MAX), "18446744073709551615"),
        (
            json!("99999999999999999999999"),
            "\"99999999999999999999999\"",
        ),
        (json!(1.5), "1.5"),
        (json!("NaN"), "\"NaN\""),
        (json!("lots"), "\"lots\""),
        (json!(true), "true"),
        (json!({}), "an object"),
    ] {
        check(
            "ls",
            json!({ "limit": limit }),
            &[&format!("- `limit`: {wanted}, not {shown}")],
        )
        .await;
    }
    check(
        "read_file",
        json!({ "path": "/a.txt", "offset": -1 }),
        &["- `offset`: must be an integer of at least 0, not -1"],
    )
    .await;
}

#[tokio::test]
async fn a_place_in_a_list_is_named() {
    check(
        "edit_file",
        json!({ "path": "/a.txt", "edits": [{ "old_string": "a", "new_string": "b" }, { "old": "one" }] }),
        &[
            "- `edits`[1].`old`: unknown; did you mean `old_string`?",
            "- `edits`[1].`old_string`: missing",
            "- `edits`[1].`new_string`: missing",
        ],
    )
    .await;
    check(
        "read_many",
        json!({ "paths": [] }),
        &["- `paths`: must have at least 1 items, not 0"],
    )
    .await;
    check(
        "hashline_edit",
        json!({ "path": "/a.txt", "edits": [{ "op": "remove", "line": 3 }] }),
        &[
            "- `edits`[0].`line`: must be a string, not 3",
            "- `edits`[0].`op`: must be one of \"replace\", \"delete\", \"insert_before\", \"insert_after\", not \"remove\"",
        ],
    )
    .await;
}

#[tokio::test]
async fn quotations_in_a_message_are_short_and_printable() {
    let bench = Bench::new();
    let long = "x".repeat(1 << 20);
    let reply = bench
        .mistake("ls", json!({ &long: 1, "limit": long }))
        .await;
    assert!(reply.text.len() < 600, "{} bytes", reply.text.len());
    assert!(
        reply.text.contains("not a string of 1048576 characters"),
        "{}",
        reply.text
    );
    let reply = bench
        .mistake("ls", json!({ "a\u{0}\u{1b}[31m\n": 1 }))
        .await;
    assert!(
        reply.text.contains("`a\\0\\u{1b}[31m\\n`: unknown"),
        "{}",
        reply.text
    );
    let many: serde_json::Map<_, _> = (0..1000).map(|i| (format!("q{i}"), json!(1))).collect();
    let reply = bench.mistake("ls", Value::Object(many)).await;
    assert!(reply.text.contains("- and 992 more"), "{}", reply.text);
}

#[tokio::test]
async fn deep_json_is_a_mistake() {
    let bench = Bench::new();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let reply = bench.tools.call_text("ls", &deep).await;
    assert!(
        reply
            .text
            .starts_with("the arguments are not valid JSON: recursion limit"),
        "{}",
        reply.text
    );
    // As deep as parsed JSON can be, in place of a string.
    let deep: Value =
        serde_json::from_str(&format!("{}{}", "[".repeat(120), "]".repeat(120))).unwrap();
    bench.mistake("read_file", json!({ "path": deep })).await;
    // A string that stands for a list is parsed, no deeper than JSON.
    let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    bench
        .mistake("edit_file", json!({ "path": "/a", "edits": text }))
        .await;
}

#[tokio::test]
async fn text_that_is_not_json_is_a_mistake() {
    let bench = Bench::new();
    for text in ["{", "{\"path\": \"a", "nonsense", "{}{}", "\u{0}"] {
        let reply = bench.tools.call_text("read_file", text).await;
        assert!(
            reply.text.starts_with("the arguments are not valid JSON: "),
            "{text:?}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn contradictory_forms_are_reported() {
    let bench = Bench::with(&[("/a.txt", "one\n")]).await;
    for (arguments, told) in [
        (
            json!({}),
            "nothing to replace: pass `old_string` and `new_string`, or `edits`",
        ),
        (
            json!({ "new_string": "b" }),
            "nothing to replace: pass `old_string` and `new_string`, or `edits`",
        ),
        (
            json!({ "old_string": "a" }),
            "`new_string` is missing: pass \"\" to remove the text",
        ),
        (
            json!({ "old_string": "a", "new_string": "b", "edits": [{ "old_string": "a", "new_string": "b" }] }),
            "pass either `edits`, or `old_string` and `new_string` with or without `replace_all`, not both",
        ),
        (
            json!({ "replace_all": true, "edits": [{ "old_string": "a", "new_string": "b" }] }),
            "pass either `edits`, or `old_string` and `new_string` with or without `replace_all`, not both",
        ),
    ] {
        let mut arguments = arguments;
        arguments["path"] = json!("/a.txt");
        assert_eq!(bench.mistake("edit_file", arguments).await.text, told);
    }
    for (edit, told) in [
        (
            json!({ "op": "insert_after", "line": "1:aaaa", "end_line": "2:bbbb", "text": "x" }),
            "edits[0]: an insert takes no `end_line`; it goes before or after one line",
        ),
        (
            json!({ "op": "delete", "line": "1:aaaa", "text": "x" }),
            "edits[0]: a delete takes no `text`; to put something in its place, use replace",
        ),
        (
            json!({ "op": "replace", "line": "1:aaaa" }),
            "edits[0]: `text` is missing",
        ),
        (
            json!({ "op": "delete", "line": "first" }),
            "edits[0]: \"first\" is not a line reference: a number, a colon and a hash, such as 12:4fk2",
        ),
    ] {
        let reply = bench
            .mistake(
                "hashline_edit",
                json!({ "path": "/a.txt", "edits": [edit] }),
            )
            .await;
        assert_eq!(reply.text, told);
    }
}

#[tokio::test]
async fn an_unknown_tool_is_answered_with_the_nearest() {
    let bench = Bench::new();
    let reply = bench.mistake("readfile", json!({})).await;
    assert!(
        reply
            .text
            .starts_with("unknown tool readfile; did you mean read_file?\nAvailable tools: ls, ")
    );
    let reply = bench.mistake("teleport\n\u{7}", json!({})).await;
    assert!(
        reply.text.starts_with("unknown tool teleport\\n\\u{7}\n"),
        "{}",
        reply.text
    );
    assert!(
        !reply.text.contains("execute"),
        "what is not offered is not named: {}",
        reply.text
    );
    bench.mistake(&"x".repeat(1 << 20), json!({})).await;
}
