//! Documents as they are in JSON: only their shape is checked.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A document of either kind.
#[derive(Debug)]
pub(super) enum RawDocument {
    Own {
        format: String,
        version: u64,
        directories: Pairs<RawDirectory>,
        files: Pairs<RawFile>,
    },
    Python(Pairs<PythonFile>),
}

/// The pairs of an object, in order. A map would hide duplicate names.
pub(super) type Pairs<T> = Vec<(String, T)>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDirectory {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) text: Option<String>,
    pub(super) base64: Option<String>,
    pub(super) modified: Option<String>,
}

/// A file as the Python original stores it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PythonFile {
    pub(super) content: Vec<PythonLine>,
    #[serde(rename = "created_at")]
    _created_at: Option<IgnoredAny>,
    pub(super) modified_at: Option<String>,
    pub(super) encoding: Option<String>,
}

/// A text written by Python. It can have lone surrogates, which a `String` cannot; they are kept in the form in
/// which UTF-8 would encode them.
#[derive(Debug)]
pub(super) struct PythonLine(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for PythonLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Line;

        impl Visitor<'_> for Line {
            type Value = PythonLine;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a line of text")
            }

            fn visit_str<E>(self, text: &str) -> Result<PythonLine, E> {
                Ok(PythonLine(text.as_bytes().to_vec()))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<PythonLine, E> {
                Ok(PythonLine(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Line)
    }
}

impl<'de> Deserialize<'de> for RawDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = RawDocument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that is a document")
    }

    // The names distinguish the two kinds, in whatever order a database returns them: paths start with '/'.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawDocument, A::Error> {
        let (mut format, mut version) = (None, None);
        let (mut directories, mut files) = (None, None);
        let mut python = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "format" => set(&mut format, "format", map.next_value()?)?,
                "version" => set(&mut version, "version", map.next_value()?)?,
                "directories" => {
                    set(
                        &mut directories,
                        "directories",
                        map.next_value::<Object<_>>()?.0,
                    )?;
                }
                "files" => set(&mut files, "files", map.next_value::<Object<_>>()?.0)?,
                path if path.starts_with('/') => python.push((name, map.next_value()?)),
                other => return Err(A::Error::unknown_field(other, FIELDS)),
            }
        }
        let own = format.is_some() || version.is_some() || directories.is_some() || files.is_some();
        if !own {
            return Ok(RawDocument::Python(python));
        }
        if let Some((path, _)) = python.first() {
            return Err(A::Error::unknown_field(path, FIELDS));
        }
        Ok(RawDocument::Own {
            format: format.ok_or_else(|| A::Error::missing_field("format"))?,
            version: version.ok_or_else(|| A::Error::missing_field("version"))?,
            directories: directories.unwrap_or_default(),
            files: files.unwrap_or_default(),
        })
    }
}

const FIELDS: &[&str] = &["format", "version", "directories", "files"];

fn set<T, E: serde::de::Error>(
    place: &mut Option<T>,
    name: &'static str,
    value: T,
) -> Result<(), E> {
    match place.replace(value) {
        Some(_) => Err(E::duplicate_field(name)),
        None => Ok(()),
    }
}

/// An object as its pairs.
struct Object<T>(Pairs<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of paths")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}
