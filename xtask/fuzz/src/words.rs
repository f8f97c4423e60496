//! Texts made of a few words.
//!
//! A text of random bytes almost never has a needle in it twice, or a pattern that parses. A text of few words does.

use arbitrary::{Result, Unstructured};

/// The parts of files: each word is for a line, an encoding or a match that could go wrong.
pub(crate) const CONTENT: &[&str] = &[
    "a",
    "b",
    "ab",
    "A",
    " ",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "é",
    "\u{1f600}",
    "\u{2028}",
    "\u{feff}",
    "\u{c}",
    "fn f() {",
    "}",
    "a.b",
    "aa",
    "\u{301}",
    "_",
    "0",
];

/// Makes a text of up to `most` words.
pub(crate) fn text(u: &mut Unstructured<'_>, words: &[&str], most: usize) -> Result<String> {
    let count = u.int_in_range(0..=most)?;
    (0..count).map(|_| u.choose(words).copied()).collect()
}

/// Makes a number that is small, or near a boundary.
pub(crate) fn number(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.int_in_range(0..=9_u8)? {
        0 => u.choose(&[0, 1, 2, 255, 256, 4096]).copied()?,
        1 => u
            .choose(&[u64::MAX, u64::MAX - 1, u64::MAX / 2, 1 << 32, (1 << 32) - 1])
            .copied()?,
        _ => u.int_in_range(0..=12)?,
    })
}

/// Like [`number`], for sizes in memory.
pub(crate) fn size(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok(usize::try_from(number(u)?).unwrap_or(usize::MAX))
}
