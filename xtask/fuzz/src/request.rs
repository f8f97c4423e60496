//! Requests as JSON from any sender: any text is a request or an error, and any request is answered.

use arbitrary::{Result, Unstructured};
use backend_core::{
    Backend, DeleteRequest, EditRequest, Error, GlobRequest, GrepRequest, LsRequest, MkdirRequest,
    ReadBytesRequest, ReadRequest, RenameRequest, StatRequest, WriteRequest,
};
use serde_json::{Map, Value, json};

use crate::now::now;
use crate::tree::{NAMES, Tree};
use crate::words;

/// Every operation with the fields of its request.
const OPERATIONS: &[(&str, &[&str])] = &[
    ("stat", &["path"]),
    ("ls", &["path", "limit"]),
    (
        "read",
        &["path", "offset", "limit", "line_bytes", "page_bytes"],
    ),
    ("read_bytes", &["path", "range", "limit"]),
    ("write", &["path", "content", "mode"]),
    ("edit", &["path", "edits", "expected", "dry_run"]),
    ("delete", &["path", "recursive", "expected"]),
    ("rename", &["from", "to", "mode"]),
    ("mkdir", &["path"]),
    (
        "glob",
        &[
            "pattern",
            "path",
            "hidden",
            "ignored",
            "directories",
            "limit",
            "exclude",
            "seen_at",
        ],
    ),
    (
        "grep",
        &[
            "pattern",
            "path",
            "fixed",
            "case",
            "word",
            "multi_line",
            "before",
            "after",
            "globs",
            "types",
            "hidden",
            "ignored",
            "output",
            "limit",
            "file_limit",
            "line_bytes",
            "exclude",
            "seen_at",
        ],
    ),
];

/// Takes a small workspace and a few requests, one after the other.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(tree) = Tree::arbitrary(&mut u, 6, words::CONTENT) else {
        return;
    };
    for _ in 0..8 {
        let Ok((operation, json)) = request(&mut u) else {
            return;
        };
        answer(&tree.backend, operation, &json);
        if u.is_empty() {
            return;
        }
    }
}

fn request(u: &mut Unstructured<'_>) -> Result<(&'static str, String)> {
    let (operation, fields) = *u.choose(OPERATIONS)?;
    if u.ratio(1, 16)? {
        return Ok((operation, u.arbitrary::<String>()?));
    }
    let mut json = Map::new();
    for field in fields {
        // A missing field has its default, or is an error.
        if u.ratio(31, 32)? {
            json.insert((*field).to_owned(), value(u, field)?);
        }
    }
    Ok((operation, Value::Object(json).to_string()))
}

/// Makes a value for a field, which is valid most of the time.
fn value(u: &mut Unstructured<'_>, field: &str) -> Result<Value> {
    if u.ratio(1, 32)? {
        return Ok(u
            .choose(&[
                json!(null),
                json!(-1),
                json!(""),
                json!([]),
                json!({}),
                json!(1.5),
            ])?
            .clone());
    }
    Ok(match field {
        "path" | "from" | "to" | "seen_at" => path(u)?,
        "exclude" => json!([path(u)?]),
        "offset" | "limit" | "line_bytes" | "page_bytes" | "before" | "after" | "file_limit" => {
            json!(words::number(u)?)
        }
        "range" => json!({"start": words::number(u)?, "end": words::number(u)?}),
        "content" => json!(words::text(u, words::CONTENT, 20)?.into_bytes()),
        "edits" => edits(u)?,
        "expected" => version(u)?,
        "mode" => match u.int_in_range(0..=3_u8)? {
            0 => json!("create_new"),
            1 => json!({"if_version": version(u)?}),
            _ => json!("overwrite"),
        },
        "pattern" => json!(words::text(
            u,
            &[
                "a", "*", "**", "/", ".", "[", "]", "(", ")", "{", "}", "\\", "!", "a|b"
            ],
            6
        )?),
        "globs" | "types" => json!([u.choose(&["*.rs", "!a", "rust", "", "[", "{a", "py"])?]),
        "case" => json!(u.choose(&["sensitive", "insensitive", "smart"])?),
        "output" => json!(u.choose(&["matches", "files", "counts"])?),
        _ => json!(u.arbitrary::<bool>()?),
    })
}

fn path(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=4_u8)? {
        text.push('/');
        text.push_str(if u.ratio(1, 16)? {
            "..\0"
        } else {
            u.choose(NAMES)?
        });
    }
    Ok(json!(text))
}

fn version(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(json!(u.choose(&[
        "00000000000000000000000000000000",
        "",
        "g"
    ])?))
}

fn edits(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut text = || words::text(u, words::CONTENT, 4);
    let (old, new) = (text()?, text()?);
    if u.arbitrary()? {
        return Ok(
            json!({"exact": [{"old": old, "new": new, "replace_all": u.arbitrary::<bool>()?}]}),
        );
    }
    let anchor = json!({"line": words::number(u)?, "hash": backend_core::text::line_hash(&old)});
    Ok(match u.int_in_range(0..=2_u8)? {
        0 => json!({"lines": [{"replace": {"first": anchor, "last": anchor, "text": new}}]}),
        1 => json!({"lines": [{"delete": {"first": anchor, "last": anchor}}]}),
        _ => json!({"lines": [{"insert_after": {"line": anchor, "text": new}}]}),
    })
}

/// Parses a request and lets the backend answer it.
fn answer(backend: &dyn Backend, operation: &str, json: &str) {
    /// Parses the request of an operation, and calls the operation if it is valid.
    macro_rules! call {
        ($request:ty, $method:ident) => {
            match serde_json::from_str::<$request>(json) {
                Ok(request) => {
                    let again = serde_json::to_string(&request).expect("a request is JSON");
                    let same =
                        serde_json::from_str::<$request>(&again).expect("its JSON is the request");
                    assert_eq!(same, request, "{again}");
                    check(now(backend.$method(&request)), json);
                }
                Err(_) => {}
            }
        };
    }
    match operation {
        "stat" => call!(StatRequest, stat_with),
        "ls" => call!(LsRequest, ls_with),
        "read" => call!(ReadRequest, read_with),
        "read_bytes" => call!(ReadBytesRequest, read_bytes_with),
        "write" => call!(WriteRequest, write_with),
        "edit" => call!(EditRequest, edit_with),
        "delete" => call!(DeleteRequest, delete_with),
        "rename" => call!(RenameRequest, rename_with),
        "mkdir" => call!(MkdirRequest, mkdir_with),
        "glob" => call!(GlobRequest, glob_with),
        "grep" => call!(GrepRequest, grep_with),
        other => panic!("no operation {other}"),
    }
}

/// An outcome is JSON; so is an error, which has a message of one line and is never internal.
fn check<T: serde::Serialize>(outcome: backend_core::Result<T>, request: &str) {
    match outcome {
        Ok(outcome) => drop(serde_json::to_string(&outcome).expect("an outcome is JSON")),
        Err(error) => {
            assert!(
                !matches!(error, Error::Internal { .. }),
                "{request}: {error:?}"
            );
            let json = serde_json::to_string(&error).expect("an error is JSON");
            let back: Error = serde_json::from_str(&json).expect("its JSON is the error");
            assert_eq!(
                (back.kind(), back.to_string()),
                (error.kind(), error.to_string()),
                "{json}"
            );
            assert!(
                !error.to_string().is_empty() && !error.for_model().is_empty(),
                "{error:?}"
            );
        }
    }
}
