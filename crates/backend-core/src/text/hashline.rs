//! Edits of whole lines, each named by its number and a hash of its content.
//!
//! All numbers refer to the text before the edit. A line whose content does not match its hash is a conflict.

mod anchors;
mod plan;

pub(super) use plan::{check, edit_lines};

/// The digits of a hash: without letters that look like a digit or another letter.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The number of digits of a hash.
const HASH_DIGITS: u32 = 4;

/// Returns the hash of a line's content without its ending, by which a line edit names it: four digits and lower-case
/// letters.
///
/// Two different lines have the same hash with a probability of 1 in 1,048,576. That distinguishes a changed line from an
/// unchanged one; it does not resist deliberate collisions, and says nothing about the position of a line. An edit that
/// must not miss any change should also give the file's version.
///
/// # Examples
///
/// ```
/// use backend_core::text::line_hash;
///
/// assert_eq!(line_hash("fn main() {").len(), 4);
/// assert_ne!(line_hash("fn main() {"), line_hash("fn main() { "));
/// ```
pub fn line_hash(line: &str) -> String {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    let mut hash = line.bytes().fold(OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    // FNV leaves similar lines with similar high bits, so they are mixed before most of them are dropped.
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^= hash >> 29;
    (0..HASH_DIGITS)
        .filter_map(|digit| {
            let bits = usize::try_from((hash >> (5 * digit)) & 31).ok()?;
            DIGITS.get(bits).copied().map(char::from)
        })
        .collect()
}
