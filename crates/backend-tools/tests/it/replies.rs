//! Typical replies, word for word.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::{Bench, check_golden, pretty};

/// Makes the calls in order, and records the replies. Versions differ from run to run.
async fn transcript(bench: &Bench, calls: &[(&str, Value)]) -> String {
    let mut text = String::new();
    for (name, arguments) in calls {
        let reply = bench.call(name, arguments.clone()).await;
        let mut structured = reply.structured.clone();
        for pointer in ["/version", "/error/current"] {
            if let Some(version) = structured.pointer_mut(pointer) {
                *version = json!("(version)");
            }
        }
        writeln!(text, ">>> {name} {arguments}").unwrap();
        writeln!(
            text,
            "<<< {}\n{}\n--- {}\n",
            reply.kind,
            reply.text,
            pretty(&structured)
        )
        .unwrap();
    }
    text
}

const APP: &str = "import sys\n\ndef main(names):\n    for name in names:\n        print('Hello ' + name)\n\nmain(sys.argv)\n";

#[tokio::test]
async fn reading_and_searching() {
    let bench = Bench::with(&[
        ("/src/app.py", APP),
        ("/src/util.py", "def main():\n    pass\n"),
        ("/README.md", "# Hello\n"),
        ("/.gitignore", "build/\n"),
        ("/build/out.py", "def main(): pass\n"),
        ("/empty", ""),
    ])
    .await;
    bench.put("/logo.bin", b"\0\x01\x02").await;
    let calls = [
        ("ls", json!({})),
        ("read_file", json!({ "path": "src/app.py" })),
        (
            "read_file",
            json!({ "path": "src/app.py", "offset": 2, "limit": 2 }),
        ),
        (
            "read_file",
            json!({ "path": "src/util.py", "hashes": true }),
        ),
        ("read_file", json!({ "path": "src/main.py" })),
        ("read_file", json!({ "path": "src" })),
        ("read_file", json!({ "path": "logo.bin" })),
        ("read_file", json!({ "path": "~/.bashrc" })),
        (
            "read_many",
            json!({ "paths": ["README.md", "empty", "gone"] }),
        ),
        ("glob", json!({ "pattern": "**/*.py" })),
        ("glob", json!({ "pattern": "[" })),
        ("grep", json!({ "pattern": "main", "context": 1 })),
        (
            "grep",
            json!({ "pattern": "main", "output_mode": "count", "ignored": true }),
        ),
        (
            "grep",
            json!({ "pattern": "hello", "ignore_case": true, "output_mode": "files_with_matches" }),
        ),
        ("grep", json!({ "pattern": "a{" })),
        ("grep", json!({ "pattern": "x", "type": "pyton" })),
    ];
    check_golden("reading.txt", &transcript(&bench, &calls).await);
}

#[tokio::test]
async fn changing() {
    let bench = Bench::with(&[("/src/app.py", APP)]).await;
    let calls = [
        ("write_file", json!({ "path": "src/app.py", "content": "" })),
        (
            "write_file",
            json!({ "path": "notes/todo.md", "content": "- greet\n- part\n" }),
        ),
        (
            "edit_file",
            json!({ "path": "src/app.py", "old_string": "\tprint('Hello ' + name)", "new_string": "x" }),
        ),
        (
            "edit_file",
            json!({ "path": "src/app.py", "old_string": "main", "new_string": "run" }),
        ),
        (
            "edit_file",
            json!({ "path": "src/app.py", "old_string": "sys.argv", "new_string": "sys.argv[1:]" }),
        ),
        (
            "edit_file",
            json!({ "path": "src/app.py", "old_string": "main", "new_string": "run", "replace_all": true }),
        ),
        (
            "edit_file",
            json!({ "path": "src/app.py", "old_string": "", "new_string": "x" }),
        ),
        (
            "edit_file",
            json!({ "path": "notes/todo.md", "edits": [
                { "old_string": "greet", "new_string": "say hello" },
                { "old_string": "leave", "new_string": "say goodbye" },
            ] }),
        ),
        (
            "hashline_edit",
            json!({ "path": "notes/todo.md", "edits": [{ "op": "delete", "line": "2:0000" }] }),
        ),
        (
            "apply_patch",
            json!({ "patch": "*** Begin Patch\n*** Update File: notes/todo.md\n@@\n - greet\n-- part\n+- depart\n*** End Patch" }),
        ),
        ("move", json!({ "from": "notes/todo.md", "to": "TODO.md" })),
        ("move", json!({ "from": "TODO.md", "to": "src/app.py" })),
        ("delete", json!({ "path": "src" })),
        ("delete", json!({ "path": "notes" })),
        ("execute", json!({ "command": "make" })),
    ];
    check_golden("changing.txt", &transcript(&bench, &calls).await);
}
