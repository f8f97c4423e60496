//! Replies within their budget.

use std::sync::Arc;

use backend_core::{Backend, BackendExt, Error};
use backend_fs::FsBackend;
use backend_tools::{KEPT_OUTPUTS, ReplyKind, Toolset};
use serde_json::{Value, json};

use crate::fakes::{Fake, Operation, Trouble};
use crate::support::Bench;

const BUDGET: usize = 4096;

fn small(bench: &Bench) -> Toolset {
    let files = Arc::clone(&bench.files) as Arc<dyn Backend>;
    Toolset::builder(files).reply_bytes(BUDGET).build()
}

async fn many_files() -> Bench {
    let bench = Bench::new();
    for number in 0..500 {
        bench
            .put(&format!("/dir/some-file-{number:04}.txt"), "needle\n")
            .await;
    }
    bench
}

#[tokio::test]
async fn a_long_file_is_read_page_by_page_without_a_gap() {
    let text: String = (0..3000)
        .map(|n| format!("{}{n}\n", "x".repeat(n % 90)))
        .collect();
    let bench = Bench::with(&[("/a", &text)]).await;
    let tools = small(&bench);
    for hashes in [false, true] {
        let mut offset = json!(0);
        let mut read = String::new();
        for _ in 0..1000 {
            let arguments = json!({ "path": "/a", "offset": offset, "hashes": hashes });
            let reply = tools.call("read_file", arguments).await;
            assert!(reply.is_ok(), "{reply}");
            assert!(reply.text.len() <= BUDGET, "{} bytes", reply.text.len());
            let page = &reply.structured["text"];
            read.push_str(page["content"].as_str().unwrap());
            offset = page["next_offset"].clone();
            if offset.is_null() {
                break;
            }
            let told = format!("the page is full, continue at offset {offset})");
            assert!(reply.text.ends_with(&told), "{}", reply.text);
        }
        assert!(read == text);
    }
}

#[tokio::test]
async fn a_line_that_is_longer_than_a_reply_is_cut_and_says_so() {
    let bench = Bench::with(&[("/a", &format!("{}\nend\n", "x".repeat(1 << 20)))]).await;
    let reply = small(&bench)
        .call("read_file", json!({ "path": "/a" }))
        .await;
    assert!(
        reply
            .text
            .contains(" ... (cut: 1048576 bytes in this line)\n     2\tend"),
        "{}",
        reply.text
    );
    assert_eq!(reply.structured["text"]["cut_lines"], json!([1]));
}

#[tokio::test]
async fn several_files_share_the_budget_and_short_ones_are_whole() {
    let long = "a line\n".repeat(2000);
    let bench = Bench::with(&[("/a", "short\n"), ("/b", &long), ("/c", &long)]).await;
    let reply = small(&bench)
        .call("read_many", json!({ "paths": ["/a", "/b", "/c"] }))
        .await;
    assert!(
        reply.text.len() <= BUDGET && reply.text.len() > BUDGET / 2,
        "{}",
        reply.text.len()
    );
    let files = reply.structured["files"].as_array().unwrap();
    assert_eq!(files[0]["text"]["content"], "short\n");
    for file in &files[1..] {
        let next = file["text"]["next_offset"].as_u64().unwrap();
        assert_eq!(file["text"]["lines"], next);
        assert!(reply.text.contains(&format!("continue at offset {next})")));
    }
    let fifty: Vec<_> = (0..50).map(|_| "/b").collect();
    let reply = small(&bench)
        .call("read_many", json!({ "paths": fifty }))
        .await;
    assert!(reply.text.len() <= BUDGET, "{}", reply.text.len());
}

#[tokio::test]
async fn omitted_output_is_in_a_file_that_the_reply_names() {
    let bench = many_files().await;
    let tools = small(&bench);
    for (number, (name, arguments)) in [
        ("grep", json!({ "pattern": "needle", "limit": 1000 })),
        ("glob", json!({ "pattern": "**", "limit": 1000 })),
        ("ls", json!({ "path": "/dir" })),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = tools.call(name, arguments).await;
        assert!(
            reply.is_ok() && reply.text.len() <= BUDGET,
            "{} bytes",
            reply.text.len()
        );
        let path = format!("/.agent/output/{:03}.txt", number + 1);
        assert_eq!(reply.structured["kept_in"], path, "{name}");
        let whole = bench.text(&path).await;
        let told = format!(
            "all {} bytes are in {path}: read it with an offset, or search in it) ...",
            whole.len()
        );
        assert!(reply.text.contains(&told), "{}", reply.text);
        // Head and tail are whole lines of it, and the middle is counted.
        let (head, rest) = reply.text.split_once("... (").unwrap();
        let (mark, tail) = rest.split_once(") ...\n").unwrap();
        assert!(whole.starts_with(head) && head.ends_with('\n'), "{head}");
        assert!(
            whole.ends_with(tail) && whole.contains(&format!("\n{tail}")),
            "{tail}"
        );
        let omitted = whole.len() - head.len() - tail.len();
        assert!(mark.starts_with(&format!("{omitted} bytes, ")), "{mark}");
        assert!(
            reply.structured["omitted"].as_u64().unwrap() > 300,
            "{name}"
        );
        let json = reply.structured.to_string();
        assert!(json.len() < 2 * BUDGET, "{name}: {} bytes", json.len());
    }
    // The file can be read on, and no search stumbles over it.
    let reply = tools
        .call(
            "read_file",
            json!({ "path": "/.agent/output/001.txt", "offset": 100, "limit": 3 }),
        )
        .await;
    assert!(reply.is_ok(), "{reply}");
    let reply = tools
        .call(
            "grep",
            json!({ "pattern": "needle", "output_mode": "count", "limit": 1000 }),
        )
        .await;
    assert!(!reply.structured["files"].to_string().contains(".agent"));
    assert_eq!(
        reply.text.matches(".agent").count(),
        1,
        "the file that it names"
    );
    assert_eq!(bench.text("/.agent/output/.gitignore").await, "*\n");
}

#[tokio::test]
async fn there_are_only_so_many_of_them() {
    let bench = many_files().await;
    bench.put("/.agent/output/007.txt", "somebody's\n").await;
    bench.put("/.agent/output/notes.md", "mine\n").await;
    let tools = small(&bench);
    for _ in 0..KEPT_OUTPUTS + 5 {
        assert!(tools.call("ls", json!({ "path": "/dir" })).await.is_ok());
    }
    let listing = bench.files.ls("/.agent/output").await.unwrap();
    let names: Vec<&str> = listing
        .items
        .iter()
        .filter_map(|entry| entry.path.name())
        .collect();
    let kept = names.iter().filter(|name| name.ends_with(".txt")).count();
    assert_eq!(kept, KEPT_OUTPUTS);
    assert!(
        names.contains(&"notes.md") && names.contains(&"112.txt") && !names.contains(&"007.txt"),
        "{names:?}"
    );
}

#[tokio::test]
async fn output_that_cannot_be_kept_is_reported() {
    let bench = many_files().await;
    let files = || Arc::clone(&bench.files) as Arc<dyn Backend>;
    let list = json!({ "path": "/dir" });
    let tools = Toolset::builder(files())
        .reply_bytes(BUDGET)
        .without_output_dir()
        .build();
    let reply = tools.call("ls", list.clone()).await;
    assert!(
        reply
            .text
            .contains("bytes were not kept: keeping output is disabled) ..."),
        "{reply}"
    );
    assert!(!bench.files.exists("/.agent").await.unwrap());

    let tools = Toolset::builder(files())
        .reply_bytes(BUDGET)
        .output_dir("../x")
        .build();
    let reply = tools.call("ls", list.clone()).await;
    assert!(
        reply.is_ok() && reply.text.contains("were not kept: invalid path) ..."),
        "{reply}"
    );

    let tools = Toolset::builder(files())
        .reply_bytes(BUDGET)
        .output_dir("/tmp/out")
        .build();
    let reply = tools.call("ls", list.clone()).await;
    assert_eq!(reply.structured["kept_in"], "/tmp/out/001.txt");

    let dir = tempfile::tempdir().unwrap();
    for number in 0..500 {
        std::fs::write(dir.path().join(format!("some-file-{number}")), "").unwrap();
    }
    let files = FsBackend::builder(dir.path()).read_only().build().unwrap();
    let tools = Toolset::builder(Arc::new(files))
        .reply_bytes(BUDGET)
        .build();
    let reply = tools.call("ls", json!({})).await;
    assert!(
        reply.is_ok()
            && reply
                .text
                .contains("were not kept: the workspace is read-only) ..."),
        "{reply}"
    );
}

#[tokio::test]
async fn a_workspace_that_refuses_to_keep_does_not_stop_the_reply() {
    let fake = Fake::new(|_, operation| match operation {
        Operation::Write(request) => {
            Trouble::Fail(Error::permission_denied(&request.path, "by a rule"))
        }
        _ => Trouble::None,
    });
    for number in 0..500 {
        fake.files
            .write(&format!("/some-file-{number}"), "")
            .await
            .unwrap();
    }
    let tools = Toolset::builder(Arc::new(fake)).reply_bytes(BUDGET).build();
    let reply = tools.call("ls", json!({})).await;
    assert_eq!(reply.kind, ReplyKind::Ok);
    assert!(
        reply.text.contains("were not kept: permission denied) ..."),
        "{reply}"
    );
}

#[tokio::test]
async fn an_error_that_quotes_much_is_cut() {
    let bench = Bench::new();
    let long = "(".repeat(200_000);
    let tools = small(&bench);
    for (name, arguments) in [
        ("grep", json!({ "pattern": long })),
        ("glob", json!({ "pattern": long })),
        ("read_file", json!({ "path": long })),
        ("apply_patch", json!({ "patch": long })),
        (
            "edit_file",
            json!({ "path": "/a", "old_string": long, "new_string": "" }),
        ),
    ] {
        let reply = tools.call(name, arguments).await;
        assert_ne!(reply.kind, ReplyKind::Ok);
        assert!(
            reply.text.len() <= BUDGET,
            "{name}: {} bytes",
            reply.text.len()
        );
        let json = reply.structured.to_string();
        assert!(json.len() <= 3 * BUDGET, "{name}: {} bytes", json.len());
    }
}

#[tokio::test]
async fn a_long_diff_is_cut_and_says_so() {
    let old: String = (0..3000).map(|n| format!("old {n}\n")).collect();
    let bench = Bench::with(&[("/a", &old)]).await;
    let edit =
        json!({ "path": "/a", "old_string": "old", "new_string": "new", "replace_all": true });
    let reply = bench.ok("edit_file", edit).await;
    assert!(
        reply
            .text
            .starts_with("edited /a: 3000 replacements (the diff is cut)\n")
    );
    assert!(reply.text.len() < 9000, "{}", reply.text.len());
    assert_eq!(reply.structured["diff_cut"], Value::Bool(true));
}
