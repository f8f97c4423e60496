//! Ten thousand files in memory, against the original with the same files.

use backend_core::{Backend as _, GlobRequest, GrepRequest, LsRequest, ReadRequest, WriteRequest};
use backend_state::StateBackend;
use serde_json::{Map, Value, json};

use super::{WIDTH, path, path_of, text};
use crate::options::Options;
use crate::original::Original;
use crate::row::{Goal, Row};
use crate::table::Table;

/// A file and its directory, and the needle.
const FILE: &str = "/d000/s003/file-050.txt";
const DIRECTORY: &str = "/d000/s003";
const GLOB: &str = "**/*-050.txt";
const PATTERN: &str = "file 3[0-9]50";

pub(super) async fn run(options: &Options, table: &mut Table) {
    if !options.wants("against the original") {
        return;
    }
    let count = options.size(10_000, 1000);
    let store = StateBackend::new();
    let mut files = Map::new();
    for number in 0..count {
        let request = WriteRequest::new(path(&path_of(number)), text(number));
        store.write_with(&request).await.unwrap();
        files.insert(path_of(number), Value::from(text(number)));
    }
    let Some(mut original) = Original::start(options, table) else {
        return;
    };
    let (_, held) = original.ask(1, "open_state", json!([files]));
    assert_eq!(held, count);
    let theirs = [
        ("read", 200, json!([FILE])),
        ("write", 200, json!([FILE, text(350)])),
        ("ls", 20, json!([DIRECTORY])),
        ("glob", 5, json!([GLOB, "/"])),
        ("grep", 5, json!([PATTERN])),
    ];
    for (operation, times, args) in theirs {
        let times = options.size(times, 1);
        let (_, answer) = original.ask(1, operation, args.clone());
        compare(&store, operation, &answer).await;
        let name = format!("{operation} among {count} files, against the original");
        let mut row = Row::new(name, "the original", Goal::Ratio(0.05));
        for _ in 0..options.rounds(21) {
            row.ours(ours(&store, operation, times).await);
            row.theirs(original.ask(times, operation, args.clone()).0);
        }
        table.add(row);
    }
}

async fn ours(store: &StateBackend, operation: &str, times: usize) -> f64 {
    let (file, directory) = (path(FILE), path(DIRECTORY));
    match operation {
        "read" => {
            let request = ReadRequest::new(file);
            // The original returns numbered lines.
            nanos!(times, store.read_with(&request).await.unwrap().to_string())
        }
        "write" => {
            let request = WriteRequest::new(file, text(350));
            nanos!(times, store.write_with(&request).await.unwrap())
        }
        "ls" => {
            let request = LsRequest::new(directory);
            nanos!(times, store.ls_with(&request).await.unwrap())
        }
        "glob" => {
            let request = GlobRequest::new(GLOB);
            nanos!(times, store.glob_with(&request).await.unwrap())
        }
        _ => {
            let request = GrepRequest::new(PATTERN);
            nanos!(times, store.grep_with(&request).await.unwrap())
        }
    }
}

/// Checks that both give the same answer.
async fn compare(store: &StateBackend, operation: &str, answer: &Value) {
    let ours = match operation {
        "read" => {
            let page = store
                .read_with(&ReadRequest::new(path(FILE)))
                .await
                .unwrap();
            // The original counts the text after the last line end as a line.
            let shown = answer.as_str().unwrap_or_default();
            let (shown, _) = shown.rsplit_once('\n').unwrap_or_default();
            assert_eq!(page.to_string().trim_end(), shown.trim_end());
            return;
        }
        "write" => return,
        "ls" => {
            let page = store
                .ls_with(&LsRequest::new(path(DIRECTORY)))
                .await
                .unwrap();
            assert_eq!(page.items.len(), WIDTH);
            json!(
                page.items
                    .iter()
                    .map(|e| e.path.as_str())
                    .collect::<Vec<_>>()
            )
        }
        "glob" => {
            let page = store.glob_with(&GlobRequest::new(GLOB)).await.unwrap();
            json!(
                page.items
                    .iter()
                    .map(|e| e.path.as_str())
                    .collect::<Vec<_>>()
            )
        }
        _ => {
            let found = store.grep_with(&GrepRequest::new(PATTERN)).await.unwrap();
            json!(
                found
                    .matches
                    .iter()
                    .map(|m| json!([m.path.as_str(), m.line]))
                    .collect::<Vec<_>>()
            )
        }
    };
    assert_eq!(&ours, answer, "{operation}");
}
