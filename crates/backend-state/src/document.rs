//! A whole store as one plain JSON document.
//!
//! This file defines a document and writes it; `raw` reads JSON, `check` turns it into a document.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use backend_core::VirtualPath;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::directory::{Directory, File, Node};
use crate::limits::Limits;
use crate::versions::Versions;
use crate::{time, tree};

mod check;
mod error;
mod raw;

pub use error::DocumentError;

/// The field `format` of a document.
const FORMAT: &str = "agent-backends-state";

/// The field `version` of a document.
const VERSION: u64 = 1;

/// The whole content of a store: its files and its directories.
///
/// As JSON it is one object, with text as text and anything else as base64. The order is always the same, so that equal
/// stores give equal documents, byte for byte:
///
/// ```json
/// {
///   "format": "agent-backends-state",
///   "version": 1,
///   "directories": { "/empty": { "modified": "2026-11-22T20:45:28Z" } },
///   "files": {
///     "/logo.png": { "base64": "iVBORw0=", "modified": "2026-11-22T20:45:28.5Z" },
///     "/main.py": { "text": "print('hello')\n" }
///   }
/// }
/// ```
///
/// A text is UTF-8 without NUL; UTF-16 counts as bytes. Every `modified` may be left out. A directory that is not empty
/// needs no entry. Unknown fields are rejected.
///
/// # Documents of the Python original
///
/// The content of `StateBackend.files` of `pydantic-ai-backend` can be read too: an object of paths, each with `content`
/// (a list of lines), `created_at` and `modified_at`, and `"encoding": "base64"` in its later releases. Releases in
/// between kept other bytes in such lines as lone surrogates; these become the original bytes. The time of creation is
/// dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    directories: BTreeMap<VirtualPath, Option<SystemTime>>,
    files: BTreeMap<VirtualPath, FileRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileRecord {
    content: Bytes,
    modified: Option<SystemTime>,
}

impl Document {
    /// Parses a document, of this crate or of the Python original.
    ///
    /// # Errors
    ///
    /// Returns a [`DocumentError`] if it is not a document, or contradicts itself.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, DocumentError> {
        let raw = serde_json::from_slice::<raw::RawDocument>(json.as_ref()).map_err(|error| {
            DocumentError::Syntax {
                line: error.line(),
                column: error.column(),
                message: without_position(&error.to_string()),
            }
        })?;
        check::document(raw)
    }

    /// Returns the document as JSON.
    #[expect(
        clippy::expect_used,
        reason = "a map with texts as keys and texts as values always has a form in JSON"
    )]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a document is plain JSON")
    }

    /// Leaves out all modified times, so that stores with the same content give the same document, whenever it was
    /// written.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        for file in self.files.values_mut() {
            file.modified = None;
        }
        let mut kept = BTreeMap::new();
        // The content of a directory directly follows it, in either map.
        let mut directories = self.directories.into_keys().peekable();
        while let Some(path) = directories.next() {
            let holds = |other: Option<&VirtualPath>| {
                other.is_some_and(|other| other != &path && other.starts_with(&path))
            };
            let file = self
                .files
                .range(path.clone()..)
                .next()
                .map(|(path, _)| path);
            if !path.is_root() && !holds(file) && !holds(directories.peek()) {
                kept.insert(path, None);
            }
        }
        self.directories = kept;
        self
    }

    /// Returns the document of a store.
    pub(crate) fn from_root(root: &Arc<Directory>) -> Self {
        let mut document = Self::default();
        let mut pending = vec![(VirtualPath::root(), root)];
        while let Some((path, directory)) = pending.pop() {
            for (name, node) in directory.children() {
                // Every node in a store has a valid path.
                let Ok(path) = path.child(name) else { continue };
                match node {
                    Node::Directory(directory) => pending.push((path, directory)),
                    Node::File(file) => {
                        let record = FileRecord {
                            content: file.content.clone(),
                            modified: Some(file.modified),
                        };
                        document.files.insert(path, record);
                    }
                }
            }
            document.directories.insert(path, Some(directory.modified));
        }
        document
    }

    /// Returns the root of a store with this content.
    pub(crate) fn to_root(
        &self,
        limits: &Limits,
        now: SystemTime,
        versions: Versions,
    ) -> Result<Directory, DocumentError> {
        let mut root = Arc::new(Directory::new(now));
        for path in self.directories.keys().filter(|path| !path.is_root()) {
            let node = Node::Directory(Arc::new(Directory::new(now)));
            insert(&mut root, path, node, now);
        }
        for (path, record) in &self.files {
            let modified = record.modified.unwrap_or(now);
            let file = File {
                content: record.content.clone(),
                version: versions.of(&record.content, modified),
                modified,
            };
            limits
                .check_file(file.size())
                .map_err(DocumentError::Limit)?;
            insert(&mut root, path, Node::File(file), now);
        }
        limits
            .check(Default::default(), root.usage(), Default::default())
            .map_err(DocumentError::Limit)?;
        for (path, modified) in &self.directories {
            if let Some(modified) = modified {
                tree::set_modified(&mut root, path, *modified);
            }
        }
        Ok(Arc::unwrap_or_clone(root))
    }
}

/// Puts a node at a path. The path does not lead through a file: `check` has verified that.
fn insert(root: &mut Arc<Directory>, path: &VirtualPath, node: Node, now: SystemTime) {
    if let Ok(place) = tree::place(root, path) {
        let room = place.room();
        tree::put(root, path, node, room, now);
    }
}

/// Cuts off the position that `serde_json` appends: it has fields of its own.
fn without_position(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message.get(..end).unwrap_or(message).to_owned()
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Document", 4)?;
        fields.serialize_field("format", FORMAT)?;
        fields.serialize_field("version", &VERSION)?;
        fields.serialize_field("directories", &Directories(&self.directories))?;
        fields.serialize_field("files", &self.files)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = raw::RawDocument::deserialize(deserializer)?;
        check::document(raw).map_err(de::Error::custom)
    }
}

struct Directories<'a>(&'a BTreeMap<VirtualPath, Option<SystemTime>>);

impl Serialize for Directories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (path, modified) in self.0 {
            let record = raw::RawDirectory {
                modified: modified.and_then(time::format),
            };
            map.serialize_entry(path, &record)?;
        }
        map.end()
    }
}

impl Serialize for FileRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match as_text(&self.content) {
            Some(text) => map.serialize_entry("text", text)?,
            None => map.serialize_entry("base64", &STANDARD.encode(&self.content))?,
        }
        if let Some(modified) = self.modified.and_then(time::format) {
            map.serialize_entry("modified", &modified)?;
        }
        map.end()
    }
}

/// Returns the text that a document shows. NUL does not count as text: some databases reject it in JSON.
fn as_text(content: &[u8]) -> Option<&str> {
    std::str::from_utf8(content)
        .ok()
        .filter(|text| !text.contains('\0'))
}
