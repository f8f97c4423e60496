//! From parsed JSON to a consistent document.

use std::collections::BTreeMap;
use std::time::SystemTime;

use backend_core::VirtualPath;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::raw::{Pairs, PythonFile, PythonLine, RawDirectory, RawDocument, RawFile};
use super::{Document, DocumentError, FORMAT, FileRecord, VERSION};
use crate::time;

type Result<T> = std::result::Result<T, DocumentError>;

pub(super) fn document(raw: RawDocument) -> Result<Document> {
    let document = match raw {
        RawDocument::Own {
            format,
            version,
            directories,
            files,
        } => {
            if format != FORMAT || version != VERSION {
                return Err(DocumentError::Format {
                    format: shown(&format),
                    version,
                });
            }
            Document {
                directories: collect(directories, |path, raw: RawDirectory| {
                    modified(path, raw.modified.as_deref())
                })?,
                files: collect(files, own_file)?,
            }
        }
        RawDocument::Python(files) => Document {
            directories: BTreeMap::new(),
            files: collect(files, python_file)?,
        },
    };
    check_places(&document)?;
    Ok(document)
}

fn collect<T, R>(
    pairs: Pairs<T>,
    convert: impl Fn(&VirtualPath, T) -> Result<R>,
) -> Result<BTreeMap<VirtualPath, R>> {
    let mut map = BTreeMap::new();
    for (text, raw) in pairs {
        let path = VirtualPath::parse(&text)?;
        let record = convert(&path, raw)?;
        if map.insert(path.clone(), record).is_some() {
            return Err(DocumentError::Duplicate { path });
        }
    }
    Ok(map)
}

/// Checks that no file is at the path of a directory, whether explicit or implied.
fn check_places(document: &Document) -> Result<()> {
    for path in document.files.keys() {
        // The paths below a path directly follow it in either map.
        let file = document.files.range(path.clone()..).nth(1);
        let directory = document.directories.range(path.clone()..).next();
        let below = [file.map(|(path, _)| path), directory.map(|(path, _)| path)];
        if path.is_root()
            || below
                .into_iter()
                .flatten()
                .any(|other| other.starts_with(path))
        {
            return Err(DocumentError::FileAndDirectory { path: path.clone() });
        }
    }
    Ok(())
}

fn own_file(path: &VirtualPath, raw: RawFile) -> Result<FileRecord> {
    let content = match (raw.text, raw.base64) {
        (Some(text), None) => Bytes::from(text),
        (None, Some(base64)) => decode(path, base64.as_bytes())?,
        _ => return Err(refuse(path, "a file has either 'text' or 'base64'")),
    };
    Ok(FileRecord {
        content,
        modified: modified(path, raw.modified.as_deref())?,
    })
}

fn python_file(path: &VirtualPath, raw: PythonFile) -> Result<FileRecord> {
    let content = match raw.encoding.as_deref() {
        None => unescape(path, &join(&raw.content, b"\n"))?,
        Some("base64") => decode(path, &join(&raw.content, b""))?,
        Some(_) => return Err(refuse(path, "the encoding is not 'base64'")),
    };
    let written = raw.modified_at.as_deref().filter(|text| !text.is_empty());
    Ok(FileRecord {
        content,
        modified: modified(path, written)?,
    })
}

fn join(lines: &[PythonLine], separator: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = lines.iter().map(|line| line.0.as_slice()).collect();
    lines.join(separator)
}

/// Turns the surrogates U+DC80 to U+DCFF into the bytes 80 to FF that Python means by them. In these bytes a surrogate
/// is ED, A0 to BF and one more; nothing else is encoded so.
fn unescape(path: &VirtualPath, bytes: &[u8]) -> Result<Bytes> {
    let mut content = Vec::with_capacity(bytes.len());
    let mut left = bytes;
    while let Some((&first, rest)) = left.split_first() {
        match (first, rest) {
            (0xED, [middle @ 0xB2..=0xB3, last @ 0x80..=0xBF, rest @ ..]) => {
                content.push((middle & 1) << 6 | 0x80 | (last & 0x3F));
                left = rest;
            }
            (0xED, [0xA0..=0xBF, ..]) => {
                return Err(refuse(path, "the text has half of a surrogate pair"));
            }
            _ => {
                content.push(first);
                left = rest;
            }
        }
    }
    Ok(content.into())
}

fn decode(path: &VirtualPath, text: &[u8]) -> Result<Bytes> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(refuse(path, "the base64 does not decode")),
    }
}

fn modified(path: &VirtualPath, text: Option<&str>) -> Result<Option<SystemTime>> {
    let Some(text) = text else { return Ok(None) };
    match time::parse(text) {
        Some(time) => Ok(Some(time)),
        None => Err(DocumentError::Time {
            path: path.clone(),
            text: shown(text),
        }),
    }
}

fn refuse(path: &VirtualPath, message: &str) -> DocumentError {
    DocumentError::Content {
        path: path.clone(),
        message: message.to_owned(),
    }
}

/// Truncates foreign text for a message.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}
