//! Text with some kinds of difference removed.

use std::borrow::Cow;

/// What is removed. Line endings always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    indentation: bool,
    whitespace: bool,
    case: bool,
    punctuation: bool,
}

impl Fold {
    pub(super) const ENDINGS: Self = Self {
        indentation: false,
        whitespace: false,
        case: false,
        punctuation: false,
    };
    pub(super) const INDENTATION: Self = Self {
        indentation: true,
        ..Self::ENDINGS
    };
    pub(super) const WHITESPACE: Self = Self {
        whitespace: true,
        ..Self::ENDINGS
    };
    pub(super) const CASE: Self = Self {
        case: true,
        ..Self::ENDINGS
    };
    pub(super) const PUNCTUATION: Self = Self {
        punctuation: true,
        ..Self::ENDINGS
    };

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            indentation: self.indentation || other.indentation,
            whitespace: self.whitespace || other.whitespace,
            case: self.case || other.case,
            punctuation: self.punctuation || other.punctuation,
        }
    }

    /// Returns whether this can make different texts equal.
    pub(super) fn applies(self, text: &str, needle: &str) -> bool {
        if self == Self::ENDINGS {
            return text.contains('\r') || needle.contains('\r');
        }
        if self.punctuation {
            let has = |text: &str| !text.is_ascii() || text.contains('`');
            return has(text) || has(needle);
        }
        true
    }

    /// Returns how much of a needle must remain for a match to be meaningful.
    pub(super) fn least_bytes(self) -> usize {
        if self.whitespace { 4 } else { 1 }
    }
}

/// A folded text, with its lines.
#[derive(Debug)]
pub(super) struct Folded {
    text: String,
    /// The start of each line of the original in it.
    lines: Vec<usize>,
}

impl Folded {
    pub(super) fn new(original: &str, fold: Fold) -> Self {
        let mut folded = Self {
            text: String::with_capacity(original.len()),
            lines: Vec::new(),
        };
        for line in original.split_inclusive('\n') {
            folded.lines.push(folded.text.len());
            folded.push_line(line, fold);
        }
        folded
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the line, counted from 0, that a byte of the folded text comes from.
    pub(super) fn line_at(&self, place: usize) -> usize {
        self.lines
            .partition_point(|&start| start <= place)
            .saturating_sub(1)
    }

    fn push_line(&mut self, line: &str, fold: Fold) {
        let line = if fold.indentation {
            line.trim_start_matches([' ', '\t'])
        } else {
            line
        };
        // Nearly every line of nearly every text takes the fast path.
        if line.is_ascii() && memchr::memchr2(b'\r', b'`', line.as_bytes()).is_none() {
            self.push_plain(line, fold);
            return;
        }
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\r' if chars.peek() == Some(&'\n') => {}
                '\r' => self.push('\n', fold),
                char if char.is_ascii() || !fold.punctuation => self.push(char, fold),
                char => look_alike(char)
                    .chars()
                    .for_each(|char| self.push(char, fold)),
            }
        }
    }

    fn push_plain(&mut self, line: &str, fold: Fold) {
        let start = self.text.len();
        if fold.whitespace {
            line.split_ascii_whitespace()
                .for_each(|word| self.text.push_str(word));
        } else {
            self.text.push_str(line);
        }
        if fold.case
            && let Some(added) = self.text.get_mut(start..)
        {
            added.make_ascii_lowercase();
        }
    }

    fn push(&mut self, char: char, fold: Fold) {
        if fold.whitespace && char.is_ascii_whitespace() {
            return;
        }
        if fold.punctuation && char == '`' {
            self.text.push('\'');
        } else if fold.case {
            self.text.extend(char.to_lowercase());
        } else {
            self.text.push(char);
        }
    }
}

/// Returns the ASCII lookalike of a character, or the character itself.
fn look_alike(char: char) -> Cow<'static, str> {
    Cow::Borrowed(match char {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' => "'",
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2026}' => "...",
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        // All of these are invisible.
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => "",
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = char::from_u32(u32::from(char) - 0xff01 + 0x21);
            return Cow::Owned(ascii.map(String::from).unwrap_or_default());
        }
        _ => return Cow::Owned(char.into()),
    })
}
