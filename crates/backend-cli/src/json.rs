//! The JSON shapes that several commands share. They are documented in `docs/cli.md`, and never lose a field.

use backend_core::{Captured, Entry, Error, Skipped, Truncation};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::time::rfc3339;

/// An entry, with its time as text.
pub(crate) fn entry(entry: &Entry) -> Value {
    json!({
        "path": entry.path,
        "kind": entry.kind,
        "size": entry.size,
        "modified": entry.modified.and_then(rfc3339),
        "version": entry.version,
        "target": entry.target,
    })
}

/// The fields that show whether a list is complete.
pub(crate) fn page(
    truncated: Option<Truncation>,
    skipped: &Skipped,
    failures: &[Error],
) -> Map<String, Value> {
    let failures: Vec<_> = failures
        .iter()
        .map(|error| Failure::Core(error.clone()).to_json())
        .collect();
    Map::from_iter([
        ("truncated".to_owned(), json!(truncated)),
        ("skipped".to_owned(), json!(skipped)),
        ("failures".to_owned(), Value::Array(failures)),
    ])
}

/// Bytes: as text where they are UTF-8, else as base64.
pub(crate) fn content(bytes: &[u8]) -> Map<String, Value> {
    let (name, text) = match std::str::from_utf8(bytes) {
        Ok(text) => ("text", text.to_owned()),
        Err(_) => ("base64", STANDARD.encode(bytes)),
    };
    Map::from_iter([(name.to_owned(), text.into())])
}

/// The captured part of a stream.
pub(crate) fn captured(stream: &Captured) -> Value {
    if stream.omitted == 0 {
        let bytes = [&stream.head[..], &stream.tail[..]].concat();
        let mut fields = content(&bytes);
        fields.insert("omitted".to_owned(), 0.into());
        return fields.into();
    }
    json!({
        "head": content(&stream.head),
        "omitted": stream.omitted,
        "tail": content(&stream.tail),
    })
}
