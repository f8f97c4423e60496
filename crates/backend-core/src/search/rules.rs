//! The exclusions of `.gitignore` and `.ignore` files, for the current directory of a walk.
//!
//! A rule of an `.ignore` file overrides one of a `.gitignore`; among rules of the same kind, that of the deeper directory
//! wins, and within a file the last. That is ripgrep's order. An ignored directory is not entered, so no rule below it can
//! include anything again.

use std::io::Read;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::tree::{Opened, Tree};
use crate::Result;
use crate::slice::Slice;

/// How much of a file is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// How many lines of a file are read.
const MAX_LINES: usize = 10_000;

/// The names of the files, in order of precedence.
const NAMES: [&str; 2] = [".ignore", ".gitignore"];

/// The rules from the root down to one directory.
#[derive(Debug, Default)]
pub(super) struct Rules {
    layers: Vec<Layer>,
}

/// The rules of one directory.
#[derive(Debug)]
struct Layer {
    /// The length of the path to the directory, including its final `/`.
    prefix: usize,
    /// In the order of [`NAMES`].
    sets: [Option<Gitignore>; 2],
}

impl Rules {
    /// Reads the rules of a directory. `path` leads to it from the root, with a `/` at its end unless it is empty. Reads
    /// only the files for which `has` is true, and returns how many of them could not be read.
    pub(super) fn enter<T: Tree>(
        &mut self,
        tree: &T,
        dir: &T::Dir,
        path: &str,
        has: impl Fn(&str) -> bool,
    ) -> u64 {
        let mut unreadable = 0;
        let sets = NAMES.map(|name| {
            if !has(name) {
                return None;
            }
            match read(tree, dir, name) {
                Ok(text) => parse(&text),
                Err(_) => {
                    unreadable += 1;
                    None
                }
            }
        });
        if sets.iter().any(Option::is_some) {
            self.layers.push(Layer {
                prefix: path.len(),
                sets,
            });
        }
        unreadable
    }

    /// Returns how many directories have rules so far.
    pub(super) fn len(&self) -> usize {
        self.layers.len()
    }

    /// Forgets the rules of the directories that a walk has left: all except the first `len`.
    pub(super) fn leave(&mut self, len: usize) {
        self.layers.truncate(len);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Returns whether an entry is excluded. `path` leads to it from the root, without a leading `/`.
    pub(super) fn is_ignored(&self, path: &str, is_directory: bool) -> bool {
        for kind in 0..NAMES.len() {
            for layer in self.layers.iter().rev() {
                let Some(Some(set)) = layer.sets.get(kind) else {
                    continue;
                };
                let Some(below) = path.get(layer.prefix..) else {
                    continue;
                };
                let found = set.matched(below, is_directory);
                if !found.is_none() {
                    return found.is_ignore();
                }
            }
        }
        false
    }
}

fn read<T: Tree>(tree: &T, dir: &T::Dir, name: &str) -> Result<Vec<u8>, ()> {
    let mut text = Vec::new();
    match tree.open_file(dir, name).map_err(drop)? {
        Opened::Bytes(bytes) => {
            text.extend(
                bytes
                    .iter()
                    .take(usize::try_from(MAX_BYTES).unwrap_or(usize::MAX)),
            );
        }
        Opened::Reader(reader) => {
            reader
                .take(MAX_BYTES)
                .read_to_end(&mut text)
                .map_err(drop)?;
        }
    }
    Ok(text)
}

/// Compiles the lines. An invalid one is ignored, as in git.
fn parse(text: &[u8]) -> Option<Gitignore> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let whole = if text.len() as u64 >= MAX_BYTES {
        // The last line is probably cut.
        let end = memchr::memrchr(b'\n', text).unwrap_or(0);
        text.slice(..end)
    } else {
        text
    };
    let mut builder = GitignoreBuilder::new("");
    for line in whole.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let _ = builder.add_line(None, &String::from_utf8_lossy(line));
    }
    builder.build().ok().filter(|set| !set.is_empty())
}
