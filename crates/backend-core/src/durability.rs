//! How much of a change has reached the disk when it is confirmed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What a loss of power, or a crash of the machine, can take from files on a disk.
///
/// Whatever is chosen here, the crash of a *program* takes nothing that was confirmed, and no file is ever half
/// written for those who read it while the machine runs. All of this holds as far as the disk keeps what it has
/// confirmed to the system.
///
/// | after a power loss | `Relaxed` | `Content` | `Full` |
/// |---|---|---|---|
/// | a file that was replaced, edited or moved over | old, new, empty or damaged | old or new, whole | new |
/// | a file that was moved to another file system | old place, new place, or lost | in the old place, the new one or both, whole | in the new place |
/// | a file that was new | missing, empty, cut short or whole | missing, empty, cut short or whole | whole |
/// | a new directory, a rename, a delete | done or not | done or not | done |
///
/// "Or not" covers what was done in the last seconds: Linux writes everything out after about 30 seconds by
/// itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Durability {
    /// Nothing waits for the disk. For files that can be made again.
    ///
    /// ext4 with its default options usually saves what was replaced; XFS, for one, leaves an empty file.
    Relaxed,
    /// Content that was there survives: new content is on the disk before it takes the place of the old one, and
    /// before its original is removed. What is wholly new is not waited for. This is the default.
    #[default]
    Content,
    /// What was confirmed survives: every file is on the disk, and every directory that names it, before the
    /// operation returns.
    Full,
}

impl Durability {
    /// The names of all, as [`FromStr`] takes them.
    pub const NAMES: [&'static str; 3] = ["relaxed", "content", "full"];

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Content => "content",
            Self::Full => "full",
        }
    }

    /// Returns whether content that was there survives.
    pub const fn keeps_content(self) -> bool {
        !matches!(self, Self::Relaxed)
    }

    /// Returns whether all that was confirmed survives.
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

    /// Takes `relaxed`, `content` or `full`.
    ///
    /// # Errors
    ///
    /// `invalid_request` for anything else.
    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Relaxed, Self::Content, Self::Full]
            .into_iter()
            .find(|durability| durability.name() == text)
            .ok_or_else(|| Error::invalid_request("durability is relaxed, content or full"))
    }
}

#[cfg(test)]
mod tests {
    use super::Durability;

    #[test]
    fn every_name_means_what_it_is_the_name_of() {
        for name in Durability::NAMES {
            assert_eq!(name.parse::<Durability>().unwrap().to_string(), name);
        }
        assert_eq!(Durability::default(), Durability::Content);
        for odd in ["", "Full", "fsync", "full "] {
            assert!(odd.parse::<Durability>().is_err(), "{odd}");
        }
    }
}
