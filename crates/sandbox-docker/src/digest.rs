//! Digests used in the names of our objects.

use sha2::{Digest, Sha256};

/// Returns the first half of the SHA-256 of some bytes, in hexadecimal: 32 characters.
pub(crate) fn short(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
