//! Renders a page for a reader.

use std::fmt;

use super::line_hash;
use crate::{PageEnd, TextPage};

/// Replaces the hash of a line when the page does not hold the whole line.
const NO_HASH: &str = "----";

/// The padding of a number without digits, where lines are in a column.
const PADDING: &str = "      ";

impl TextPage {
    /// Renders each line as `{line}:{hash}|{text}`, for edits by line and hash, followed by what was left out.
    ///
    /// A cut line has `----` as its hash, which no line has, so no edit can name it by mistake.
    ///
    /// # Examples
    ///
    /// ```
    /// use backend_core::text::{WindowScanner, line_hash};
    /// use backend_core::{ReadRequest, Version, VirtualPath};
    ///
    /// # fn main() -> backend_core::Result<()> {
    /// let request = ReadRequest::new(VirtualPath::parse("/a.txt")?).line_bytes(5);
    /// let mut scanner = WindowScanner::new(&request, 16, Version::from_parts(&[1]))?;
    /// scanner.push(b"one\nanother one\n")?;
    /// assert_eq!(
    ///     scanner.finish()?.render_hashed(),
    ///     format!("1:{}|one\n2:----|anoth ... (cut: 11 bytes in this line)", line_hash("one"))
    /// );
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn render_hashed(&self) -> String {
        render(self, LinePrefix::NumberAndHash)
    }
}

/// Renders each line as `{:>6}\t{line}`, followed by what was left out. Lines are joined by `\n`, without one at the end.
///
/// The lines may be followed by one more:
///
/// - `... (12 more lines)`, or `... (more lines; continue at offset 2000)` where the file was not read to its end;
/// - `... (12 more lines; the page is full, continue at offset 2000)`, or the same without the number, where the page ended
///   before it had the requested number of lines;
/// - `(empty file)`.
///
/// A line that is cut ends with ` ... (cut: 5000 bytes in this line)`.
///
/// # Examples
///
/// ```
/// use backend_core::text::WindowScanner;
/// use backend_core::{ReadRequest, Version, VirtualPath};
///
/// # fn main() -> backend_core::Result<()> {
/// let request = ReadRequest::new(VirtualPath::parse("/a.txt")?).offset(1).limit(1);
/// let mut scanner = WindowScanner::new(&request, 14, Version::from_parts(&[1]))?;
/// scanner.push(b"one\ntwo\nthree\n")?;
/// assert_eq!(scanner.finish()?.to_string(), "     2\ttwo\n... (1 more lines)");
/// # Ok(())
/// # }
/// ```
impl fmt::Display for TextPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(self, LinePrefix::Number))
    }
}

/// The text before a line.
#[derive(Clone, Copy)]
enum LinePrefix {
    Number,
    NumberAndHash,
}

impl LinePrefix {
    /// An estimate of its length, enough for most line numbers.
    const BYTES: u64 = 12;

    fn put(self, to: &mut String, number: &str, line: &str, whole: bool) {
        match self {
            Self::Number => {
                to.push_str(PADDING.get(number.len()..).unwrap_or_default());
                to.push_str(number);
                to.push('\t');
            }
            Self::NumberAndHash => {
                to.push_str(number);
                to.push(':');
                if whole {
                    to.push_str(&line_hash(line));
                } else {
                    to.push_str(NO_HASH);
                }
                to.push('|');
            }
        }
    }
}

/// Renders a page with the text before each line. It appends to a string, which takes a fraction of the time of a
/// formatter.
fn render(page: &TextPage, prefix: LinePrefix) -> String {
    if page.lines == 0 {
        return "(empty file)".to_owned();
    }
    // The counts of a page may be wrong, but its text is there.
    let lines = page.lines.min(page.text.len() as u64);
    let marks = usize::try_from(lines.saturating_mul(LinePrefix::BYTES)).unwrap_or_default();
    let mut to = String::with_capacity(page.text.len() + marks);
    let mut cuts = page.cut_lines.iter().peekable();
    let mut text = Counter::new(page.first_line);
    for (number, line) in page.numbered_lines() {
        let cut = cuts.next_if(|cut| cut.line == number);
        prefix.put(&mut to, text.as_str(), line, cut.is_none());
        to.push_str(line);
        if let Some(cut) = cut {
            to.push_str(&format!(" ... (cut: {} bytes in this line)", cut.bytes));
        }
        to.push('\n');
        text.count();
    }
    match rest(page) {
        Some(rest) => to.push_str(&format!("... ({rest})")),
        None => drop(to.pop()),
    }
    to
}

/// A number as text that is incremented in place: otherwise most of the rendering time of a page would go into its line
/// numbers.
struct Counter {
    /// The digits are at its end.
    text: [u8; Self::MAX_DIGITS],
    digits: usize,
}

impl Counter {
    /// The number of digits of `u64::MAX`.
    const MAX_DIGITS: usize = 20;

    fn new(number: u64) -> Self {
        let digits = number.to_string();
        let mut text = [b'0'; Self::MAX_DIGITS];
        for (to, digit) in text.iter_mut().rev().zip(digits.bytes().rev()) {
            *to = digit;
        }
        Self {
            text,
            digits: digits.len(),
        }
    }

    fn count(&mut self) {
        for (place, digit) in self.text.iter_mut().rev().enumerate() {
            self.digits = self.digits.max(place + 1);
            if *digit != b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
    }

    fn as_str(&self) -> &str {
        let digits = self.text.get(Self::MAX_DIGITS - self.digits..);
        std::str::from_utf8(digits.unwrap_or_default()).unwrap_or_default()
    }
}

fn rest(page: &TextPage) -> Option<String> {
    let next = page.next_offset?;
    let more = match page.total_lines {
        Some(total) => format!("{} more lines", total.saturating_sub(next)),
        None => "more lines".into(),
    };
    Some(match (page.ended_by, page.total_lines) {
        (Some(PageEnd::Bytes), _) => {
            format!("{more}; the page is full, continue at offset {next}")
        }
        (_, None) => format!("{more}; continue at offset {next}"),
        (_, Some(_)) => more,
    })
}

#[cfg(test)]
mod tests;
