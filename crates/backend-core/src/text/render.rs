//! A page for a reader.

use std::fmt;

use super::line_hash;
use crate::{PageEnd, TextPage};

/// Stands where the hash of a line would, when the page does not hold the whole line.
const NO_HASH: &str = "----";

impl TextPage {
    /// Renders each line as `{line}:{hash}|{text}`, for edits by line and hash, and then what was left out.
    ///
    /// A line that is cut has `----` for a hash, which no line has, so that no edit can name it by mistake.
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
        Rendered(self, hashed).to_string()
    }
}

/// Renders each line as `{:>6}\t{line}`, its number first, and then what was left out. Lines are joined by `\n`; there
/// is none at the end.
///
/// After the lines may come one more:
///
/// - `... (12 more lines)`, or `... (more lines; continue at offset 2000)` where the file was not read to its end;
/// - `... (12 more lines; the page is full, continue at offset 2000)`, or the same without the number, where the page
///   ended before it had as many lines as were asked for;
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
        Rendered(self, numbered).fmt(f)
    }
}

/// A page with what is written before each line: of its number, its text and whether that is the whole line.
struct Rendered<'a>(&'a TextPage, fn(u64, &str, bool) -> String);

fn numbered(number: u64, _line: &str, _whole: bool) -> String {
    format!("{number:>6}\t")
}

fn hashed(number: u64, line: &str, whole: bool) -> String {
    let hash = if whole {
        line_hash(line)
    } else {
        NO_HASH.into()
    };
    format!("{number}:{hash}|")
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(page, before) = self;
        let mut cuts = page.cut_lines.iter().peekable();
        let mut separator = "";
        for (number, line) in page.numbered_lines() {
            let cut = cuts.next_if(|cut| cut.line == number);
            let mark = before(number, line, cut.is_none());
            write!(f, "{separator}{mark}{line}")?;
            if let Some(cut) = cut {
                write!(f, " ... (cut: {} bytes in this line)", cut.bytes)?;
            }
            separator = "\n";
        }
        if page.lines == 0 {
            return f.write_str("(empty file)");
        }
        match rest(page) {
            Some(rest) => write!(f, "{separator}... ({rest})"),
            None => Ok(()),
        }
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
