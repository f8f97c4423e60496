//! Versions: cheap markers that reveal a stale write or edit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An opaque marker of a file's state.
///
/// Two equal versions of one path mean that the file did not change in between, as far as its store can tell. Versions of
/// different paths or backends cannot be compared, and versions have no order.
///
/// It costs the backend a metadata lookup, never a read of the file. Each backend documents its components.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version([u8; 16]);

impl Version {
    /// Makes a version from values that identify a state, such as an inode, a size and two times.
    ///
    /// Equal parts give equal versions; different parts give different ones, except with a probability of about 2^-128. It
    /// does not resist deliberate collisions.
    pub fn from_parts(parts: &[u64]) -> Self {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        let hash = parts
            .iter()
            .flat_map(|part| part.to_le_bytes())
            .fold(OFFSET, |hash, byte| {
                (hash ^ u128::from(byte)).wrapping_mul(PRIME)
            });
        Self(hash.to_be_bytes())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

/// The text is not a version: not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version is 32 hexadecimal digits")]
pub struct ParseVersionError;

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseVersionError);
        }
        u128::from_str_radix(text, 16)
            .map(|hash| Self(hash.to_be_bytes()))
            .map_err(|_| ParseVersionError)
    }
}

impl TryFrom<String> for Version {
    type Error = ParseVersionError;

    fn try_from(text: String) -> Result<Self, ParseVersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn a_version_survives_its_text() {
        let version = Version::from_parts(&[1, 2, 3]);
        assert_eq!(version.to_string().parse(), Ok(version));
        let json = serde_json::to_string(&version).unwrap();
        assert_eq!(serde_json::from_str::<Version>(&json).unwrap(), version);
    }

    #[test]
    fn parts_and_their_order_matter() {
        assert_ne!(Version::from_parts(&[1, 2]), Version::from_parts(&[2, 1]));
        assert_ne!(Version::from_parts(&[0]), Version::from_parts(&[0, 0]));
    }

    #[test]
    fn an_invalid_version_is_rejected() {
        for text in [
            "",
            "abc",
            "+0000000000000000000000000000000",
            &"g".repeat(32),
        ] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}
