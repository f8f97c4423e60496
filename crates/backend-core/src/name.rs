//! Names that are the same on every file system and in every engine: what they may have, and what all of them implement.

use crate::{Error, Result};

/// What the names of a kind may have, besides lower-case letters and digits, with one of which they start.
pub(crate) struct NameRule {
    /// What it names, for messages.
    pub(crate) what: &'static str,
    pub(crate) min_bytes: usize,
    pub(crate) max_bytes: usize,
    pub(crate) punctuation: &'static [char],
    /// Everything that is allowed, for messages.
    pub(crate) allowed: &'static str,
}

impl NameRule {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// `invalid_request`, with the reason.
    pub(crate) fn check(&self, text: &str) -> Result<()> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let reason = if text.is_empty() {
            "it is empty".to_owned()
        } else if text.len() < self.min_bytes {
            format!("it is shorter than {} bytes", self.min_bytes)
        } else if text.len() > self.max_bytes {
            format!("it is longer than {} bytes", self.max_bytes)
        } else if !text
            .chars()
            .all(|c| plain(c) || self.punctuation.contains(&c))
        {
            format!("only {} are allowed", self.allowed)
        } else if !text.starts_with(plain) {
            "it must start with a letter or a digit".to_owned()
        } else {
            return Ok(());
        };
        let shown: String = text
            .chars()
            .take(self.max_bytes)
            .flat_map(char::escape_debug)
            .collect();
        let what = self.what;
        Err(Error::invalid_request(format!(
            "invalid {what} '{shown}': {reason}"
        )))
    }
}

/// Implements what a name is besides its `parse`: a text, shown as it is, and for serde a string that is checked.
macro_rules! checked_name {
    ($name:ident) => {
        impl $name {
            /// Returns it as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::Error;

            fn try_from(text: String) -> $crate::Result<Self> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    };
}

pub(crate) use checked_name;
