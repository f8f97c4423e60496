//! How much of a confirmed change has reached the disk.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What a loss of power, or a crash of the machine, can take from files on a disk.
///
/// With any choice, the crash of a *program* loses nothing that was confirmed, and no reader sees a half-written file while
/// the machine runs. All of this holds as far as the disk keeps what it has confirmed to the system.
///
/// | after a power loss | `Relaxed` | `Content` | `Full` |
/// |---|---|---|---|
/// | a file replaced, edited or moved over | old, new, empty or damaged | old or new, whole | new |
/// | a file moved to another file system | old place, new place, or lost | whole, in the old place, the new one or both | in the new place |
/// | a new file | missing, empty, cut short or whole | missing, empty, cut short or whole | whole |
/// | a new directory, a rename, a delete | done or not | done or not | done |
///
/// "Or not" applies to changes of the last seconds: Linux writes everything out after about 30 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Durability {
    /// Nothing waits for the disk. For files that can be recreated.
    ///
    /// ext4 with its default options usually preserves replaced files; XFS, for example, leaves an empty file.
    Relaxed,
    /// Existing content survives: new content reaches the disk before it replaces the old one, and before its original is
    /// removed. Entirely new files are not waited for. This is the default.
    #[default]
    Content,
    /// Confirmed changes survive: every file, and every directory that names it, is on the disk before the operation
    /// returns.
    Full,
}

impl Durability {
    /// All names, as [`FromStr`] accepts them.
    pub const NAMES: [&'static str; 3] = ["relaxed", "content", "full"];

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Content => "content",
            Self::Full => "full",
        }
    }

    /// Returns whether existing content survives.
    pub const fn keeps_content(self) -> bool {
        !matches!(self, Self::Relaxed)
    }

    /// Returns whether all confirmed changes survive.
    pub const fn is_full(self) -> bool {
        matches!(self, Self::Full)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Durability {
    type Err = Error;

    /// Parses `relaxed`, `content` or `full`.
    ///
    /// # Errors
    ///
    /// `invalid_request` for anything else.
    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Relaxed, Self::Content, Self::Full]
            .into_iter()
            .find(|durability| durability.name() == text)
            .ok_or_else(|| Error::invalid_request("durability must be relaxed, content or full"))
    }
}

#[cfg(test)]
mod tests {
    use super::Durability;

    #[test]
    fn every_name_parses_to_its_durability() {
        for name in Durability::NAMES {
            assert_eq!(name.parse::<Durability>().unwrap().to_string(), name);
        }
        assert_eq!(Durability::default(), Durability::Content);
        for odd in ["", "Full", "fsync", "full "] {
            assert!(odd.parse::<Durability>().is_err(), "{odd}");
        }
    }
}
