//! File types by their ripgrep names.

use std::collections::BTreeSet;

use ignore::types::{FileTypeDef, TypesBuilder};

use crate::{Error, Result};

/// Matches the names of files of certain types.
#[derive(Clone, Debug)]
pub(super) struct Types(ignore::types::Types);

impl Types {
    /// Selects types. Returns `None` without names, because then everything matches.
    pub(super) fn new(names: &[String]) -> Result<Option<Self>> {
        if names.is_empty() {
            return Ok(None);
        }
        let mut builder = TypesBuilder::new();
        builder.add_defaults();
        // Each only once, however often it is named: its globs are compiled each time.
        let mut selected = BTreeSet::new();
        for name in names {
            if selected.insert(name) {
                builder.select(name);
            }
        }
        match builder.build() {
            Ok(types) => Ok(Some(Self(types))),
            Err(ignore::Error::UnrecognizedFileType(name)) => {
                Err(unknown(&name, &builder.definitions()))
            }
            Err(_) => Err(Error::invalid_request(format!(
                "the file types '{}' cannot be searched together",
                names.join("', '")
            ))),
        }
    }

    pub(super) fn is_match(&self, name: &str) -> bool {
        self.0.matched(name, false).is_whitelist()
    }
}

/// Reports an unknown type, and suggests similar ones: an extension is often mistaken for a type.
fn unknown(name: &str, known: &[FileTypeDef]) -> Error {
    let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    let bare = name.trim_start_matches(['*', '.']).to_lowercase();
    let extension = format!("*.{bare}");
    let is_near = |def: &&FileTypeDef| {
        let other = def.name();
        let shares_start = other.len() > 2 && bare.len() > 2;
        def.globs().contains(&extension)
            || other == bare
            || shares_start && (other.starts_with(&bare) || bare.starts_with(other))
    };
    let near: Vec<&str> = known
        .iter()
        .filter(is_near)
        .map(FileTypeDef::name)
        .take(5)
        .collect();
    let hint = if near.is_empty() {
        "use globs instead".to_owned()
    } else {
        format!("similar types are '{}'", near.join("', '"))
    };
    Error::invalid_request(format!("unknown file type '{shown}': {hint}"))
}
