//! Needles that contain the line numbers of a listing.

/// The number of digits and letters in the hash of a line.
const HASH_CHARS: usize = 4;

/// Returns a needle without the line numbers in front of its lines, if every non-empty line has one and they count up by
/// one.
pub(super) fn without_numbers(needle: &str) -> Option<String> {
    let mut bare = String::with_capacity(needle.len());
    let mut expected = None;
    for line in needle.split_inclusive('\n') {
        if line.trim().is_empty() {
            bare.push_str(line);
            continue;
        }
        let (number, content) = split(line)?;
        if expected.is_some_and(|expected| expected != number) {
            return None;
        }
        expected = number.checked_add(1);
        bare.push_str(content);
    }
    expected.map(|_| bare)
}

/// Splits a line of a listing, as shown by `cat -n`, `grep -n` or a page, into its number and its content.
fn split(line: &str) -> Option<(u64, &str)> {
    let line = line.trim_start_matches(' ');
    let digits = line.find(|char: char| !char.is_ascii_digit())?;
    let (number, rest) = line.split_at_checked(digits)?;
    let number = number.parse().ok()?;
    let content = rest
        .strip_prefix(['\t', '|', '→', ':', '-'])
        .or_else(|| rest.strip_prefix(" | "))?;
    Some((number, without_hash(content).unwrap_or(content)))
}

fn without_hash(content: &str) -> Option<&str> {
    let (hash, content) = content.split_once('|')?;
    let is_hash = hash.len() == HASH_CHARS && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_hash.then_some(content)
}
