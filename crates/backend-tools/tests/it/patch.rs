//! Patches: their format, the place of each part, and the error messages.

use serde_json::{Value, json};

use crate::support::Bench;

fn patch(body: &str) -> Value {
    json!({ "patch": format!("*** Begin Patch\n{body}\n*** End Patch") })
}

/// Applies an update to a file that holds `before`, and compares its content afterwards.
async fn check(before: &str, hunks: &str, after: &str) {
    let bench = Bench::with(&[("/a", before)]).await;
    let reply = bench
        .call(
            "apply_patch",
            patch(&format!("*** Update File: a\n{hunks}")),
        )
        .await;
    assert!(reply.is_ok(), "{hunks}\n{reply}");
    assert_eq!(bench.text("/a").await, after, "{hunks}");
}

/// Applies an invalid update, and looks for words in the reply.
async fn refuse(before: &str, hunks: &str, told: &str) {
    let bench = Bench::with(&[("/a", before)]).await;
    let reply = bench
        .mistake(
            "apply_patch",
            patch(&format!("*** Update File: a\n{hunks}")),
        )
        .await;
    assert!(reply.text.contains(told), "{hunks}\n{reply}");
    assert_eq!(bench.text("/a").await, before, "{hunks}");
}

const CODE: &str = "def a():\n    x = 1\n    return x\n\ndef b():\n    x = 1\n    return x\n";

#[tokio::test]
async fn each_kind_of_change_is_made() {
    let bench = Bench::with(&[
        ("/src/a.py", CODE),
        ("/old.txt", "x\n"),
        ("/keep.txt", "k\n"),
    ])
    .await;
    let body = "*** Update File: src/a.py\n@@ def b():\n-    x = 1\n+    x = 2\n     return x\n*** Add File: /docs/new.md\n+# New\n+\n+text\n\
                *** Delete File: old.txt\n*** Update File: keep.txt\n*** Move to: kept/keep.txt\n@@\n-k\n+K";
    let reply = bench.ok("apply_patch", patch(body)).await;
    assert_eq!(
        reply.structured["files"],
        json!([
            { "path": "/src/a.py", "action": "updated" },
            { "path": "/docs/new.md", "action": "added" },
            { "path": "/old.txt", "action": "deleted" },
            { "path": "/keep.txt", "action": "updated", "moved_to": "/kept/keep.txt" },
        ])
    );
    assert!(reply.text.starts_with(
        "updated /src/a.py\nadded /docs/new.md\ndeleted /old.txt\nupdated /keep.txt, moved to /kept/keep.txt\n--- a/src/a.py\n"
    ));
    assert!(
        bench
            .text("/src/a.py")
            .await
            .ends_with("def b():\n    x = 2\n    return x\n")
    );
    assert!(
        bench
            .text("/src/a.py")
            .await
            .starts_with("def a():\n    x = 1\n")
    );
    assert_eq!(bench.text("/docs/new.md").await, "# New\n\ntext\n");
    assert_eq!(bench.text("/kept/keep.txt").await, "K\n");
    for gone in ["/old.txt", "/keep.txt"] {
        let reply = bench.mistake("read_file", json!({ "path": gone })).await;
        assert_eq!(reply.error_kind(), Some("not_found"));
    }
    // Files that the patch wrote count as read.
    bench
        .ok(
            "write_file",
            json!({ "path": "/docs/new.md", "content": "" }),
        )
        .await;
}

#[tokio::test]
async fn a_move_alone_is_a_change() {
    let bench = Bench::with(&[("/a", "1\n")]).await;
    bench
        .ok("apply_patch", patch("*** Update File: a\n*** Move to: b/c"))
        .await;
    assert_eq!(bench.text("/b/c").await, "1\n");
}

#[tokio::test]
async fn parts_find_their_place() {
    check("1\n2\n3\n", "@@\n 1\n-2\n+two\n 3", "1\ntwo\n3\n").await;
    // Without `@@`, and with the numbers of a unified diff, which are ignored.
    check("1\n2\n3\n", "-2\n+two", "1\ntwo\n3\n").await;
    check("1\n2\n3\n", "@@ -40,3 +40,3 @@\n-2\n+two", "1\ntwo\n3\n").await;
    check(
        "1\n2\n3\n4\n5\n",
        "@@\n-1\n+one\n 2\n@@\n 4\n-5\n+five\n+six",
        "one\n2\n3\n4\nfive\nsix\n",
    )
    .await;
    check(
        CODE,
        "@@ def b():\n     x = 1\n-    return x\n+    return -x",
        &CODE
            .replacen("return x\n\n", "\0", 1)
            .replace("return x", "return -x")
            .replace('\0', "return x\n\n"),
    )
    .await;
    // A line that only starts as the anchor says, and one inside of another.
    check(
        "class A:\n  def f(self):\n    pass\nclass B:\n  def f(self):\n    pass\n",
        "@@ class B\n@@ def f\n-    pass\n+    return",
        "class A:\n  def f(self):\n    pass\nclass B:\n  def f(self):\n    return\n",
    )
    .await;
    check("1\n2\n", "@@ 1\n+1.5", "1\n1.5\n2\n").await;
    check("1\n2\n", "+0\n 1", "0\n1\n2\n").await;
    check("1\n2\n", " 2\n+3", "1\n2\n3\n").await;
    check("1\n2\n1\n", "@@\n-1\n+one\n*** End of File", "1\n2\none\n").await;
    check("1\n", "@@\n+2\n+3\n*** End of File", "1\n2\n3\n").await;
    check("", "+1", "1\n").await;
    check("1\n2\n", "-1\n-2", "").await;
    check("a\n\nb\n", " a\n\n-b\n+c", "a\n\nc\n").await;
}

#[tokio::test]
async fn kept_lines_stay_as_the_file_has_them() {
    // Whitespace at the ends of lines that models leave out.
    check("a  \nb\t\nc\n", " a\n-b\n+B\n c", "a  \nB\nc\n").await;
    check("a\r\nb\r\nc", " a\n-b\n+B\n+BB\n c", "a\r\nB\r\nBB\r\nc").await;
    check("\u{feff}a\nb\n", "-a\n+A", "\u{feff}A\nb\n").await;
    check("a\nb", "-b\n+B", "a\nB").await;
}

#[tokio::test]
async fn a_part_whose_place_is_not_clear_is_refused() {
    refuse(
        CODE,
        "-    x = 1\n+    x = 2",
        "its lines occur 2 times in the file, on lines 2, 6: include more",
    )
    .await;
    refuse("1\n2\n", "@@\n+3", "the place of these lines is not given").await;
    refuse(
        "1\n2\n",
        "@@ nine\n-2\n+3",
        "the file has no line 'nine' for this '@@'",
    )
    .await;
    refuse(
        "1\n2\n3\n",
        "-3\n+three\n@@\n-1\n+one",
        "its lines are above the part before it",
    )
    .await;
    refuse(
        "    x\n",
        "-  x\n+  y",
        "the file does not contain these lines\nCopy them exactly. The nearest lines start at line 1:\n    x",
    )
    .await;
    refuse(
        "1\n2\n",
        "-nowhere\n+x",
        "the file does not contain these lines; read it again and copy them exactly",
    )
    .await;
    refuse(
        "1\n2\n1\n",
        "-2\n+x\n*** End of File",
        "the file does not contain these lines at its end",
    )
    .await;
}

#[tokio::test]
async fn an_invalid_patch_is_reported_with_its_line() {
    let bench = Bench::with(&[("/a", "1\n")]).await;
    for (text, told) in [
        ("", "the patch does not start with '*** Begin Patch'"),
        (
            "*** Begin Patch\n",
            "the patch does not end with '*** End Patch'",
        ),
        (
            "*** End Patch\n*** Begin Patch",
            "'*** End Patch' comes before '*** Begin Patch'",
        ),
        (
            "*** Begin Patch\n*** End Patch",
            "the patch changes nothing: '*** Begin Patch' must be followed by",
        ),
        (
            "*** Begin Patch\n--- a/a\n+++ b/a\n*** End Patch",
            "line 2 of the patch: expected '*** Update File: path'",
        ),
        (
            "*** Begin Patch\n*** Update File: \n-1\n+2\n*** End Patch",
            "line 2 of the patch: the path is missing",
        ),
        (
            "*** Begin Patch\n*** Update File: a\n*** End Patch",
            "line 2 of the patch: this update changes nothing",
        ),
        (
            "*** Begin Patch\n*** Update File: a\n@@\n 1\n*** End Patch",
            "line 3 of the patch: this part changes nothing",
        ),
        (
            "*** Begin Patch\n*** Update File: a\nx\n*** End Patch",
            "line 3 of the patch: each line of an update must start with",
        ),
        (
            "*** Begin Patch\n*** Update File: a\n*** Move to: \n*** End Patch",
            "the path of '*** Move to:' is missing",
        ),
        (
            "*** Begin Patch\n*** Add File: n\nx\n*** End Patch",
            "line 3 of the patch: each line of a new file must start with '+'",
        ),
        (
            "*** Begin Patch\n*** Delete File: a\n*** Delete File: ./a\n*** End Patch",
            "the patch names /a twice",
        ),
        (
            "*** Begin Patch\n*** Add File: ../n\n+x\n*** End Patch",
            "a path cannot have a '..' segment",
        ),
        (
            "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch",
            "/a: already exists",
        ),
        (
            "*** Begin Patch\n*** Delete File: b\n*** End Patch",
            "/b: not found",
        ),
        (
            "*** Begin Patch\n*** Update File: a\n*** Move to: a\n*** End Patch",
            "the patch names /a twice",
        ),
    ] {
        let reply = bench.mistake("apply_patch", json!({ "patch": text })).await;
        assert!(reply.text.contains(told), "{text}\n{reply}");
        assert_eq!(bench.text("/a").await, "1\n");
    }
}

#[tokio::test]
async fn text_around_a_patch_is_ignored() {
    let bench = Bench::with(&[("/a", "1\n")]).await;
    let text = "```\n*** Begin Patch\n\n*** Update File: a\r\n@@\r\n-1\r\n+2\r\n\n*** Add File: b\n+x\n\n*** End Patch\n```\n";
    bench.ok("apply_patch", json!({ "patch": text })).await;
    assert_eq!(bench.text("/a").await, "2\n");
    assert_eq!(bench.text("/b").await, "x\n");
}
