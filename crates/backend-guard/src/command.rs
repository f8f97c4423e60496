//! Command patterns: matched word by word against the apparent command.
//!
//! This is advice, not a boundary. A program can start any other one in ways that no pattern sees.

mod launch;
mod line;
mod words;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use backend_core::{Error, Result};
use serde::{Deserialize, Serialize};

pub(crate) use launch::{simple_commands, started_by};
pub(crate) use words::{Certainty, Part, SimpleCommand, Word};

use crate::pattern::with_pattern;

/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 4096;

/// A command pattern, such as `git push`, `rm -rf *` or `/usr/bin/make`.
///
/// It consists of words, as a shell separates them, and matches commands that **start** with them: `git push` also
/// matches `git push origin main`. In a word, `*` is any text and `?` any one character, `/` included; in quotes, or
/// after a `\`, they are literal. A last word `$` means that nothing follows: `npm install $`. A last word `*` has no
/// effect, and `*` alone is every command.
///
/// A first word without a `/` is the name of a program: in a rule that asks or denies, in any directory (`rm` also
/// matches `/bin/rm`); in one that allows, only if the command names it in the same way.
///
/// **It is advice, not a boundary.** A command can do the same in other words: through another program, a script, an
/// encoding. Prevent what must not happen by where commands run, not by their names.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommandPattern {
    text: Arc<str>,
    words: Vec<WordPattern>,
    /// Whether nothing may follow.
    whole: bool,
}

impl CommandPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// `invalid_pattern` for an empty one, an open quote, a control character, more than 4096 bytes, and for a `$` that
    /// is not the last word.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |message: &str| {
            let start: String = text.chars().take(80).collect();
            Err(Error::invalid_pattern(start, message))
        };
        if text.len() > MAX_PATTERN_BYTES {
            return refuse("a command pattern is at most 4096 bytes long");
        }
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return refuse("a command pattern cannot have control characters");
        }
        let Some(mut words) = split(text) else {
            return refuse("a quote is not closed, or nothing follows the last '\\'");
        };
        if words.is_empty() {
            return refuse("a command pattern cannot be empty; '*' is every command");
        }
        let whole = words.last().is_some_and(WordPattern::is_end);
        if whole {
            words.pop();
        }
        if words.is_empty() || words.iter().any(WordPattern::is_end) {
            return refuse(
                "'$' must be the last word of a command pattern, after at least one other",
            );
        }
        while !whole && words.last().is_some_and(WordPattern::is_anything) {
            words.pop();
        }
        Ok(Self {
            text: text.into(),
            words,
            whole,
        })
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the pattern matches a command, as far as that is known.
    ///
    /// `allows` is whether a match would allow it, so that a doubt is not a match.
    pub(crate) fn is_about(&self, command: Part<'_>, allows: bool) -> Certainty {
        if self.words.is_empty() {
            return Certainty::Yes;
        }
        let mut words = command.words.iter();
        for (index, pattern) in self.words.iter().enumerate() {
            let known = match words.next() {
                None => return Certainty::No,
                Some(Word::Unknown) => return Certainty::Maybe,
                Some(Word::Known(word)) => word,
            };
            let matches = match (index, allows) {
                (0, false) => {
                    let name = known.rsplit('/').next().unwrap_or(known);
                    pattern.is_match(known) || pattern.is_match(name)
                }
                (0, true) => {
                    pattern.is_match(known)
                        && (pattern.is_anything() || pattern.has_slash() || !known.contains('/'))
                }
                _ => pattern.is_match(known),
            };
            if !matches {
                return Certainty::No;
            }
        }
        match words.next() {
            Some(Word::Unknown) if self.whole => Certainty::Maybe,
            Some(Word::Known(_)) if self.whole => Certainty::No,
            _ if allows && command.does_more => Certainty::Maybe,
            _ => Certainty::Yes,
        }
    }
}

/// A word of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WordPattern(Vec<Token>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// A quoted character, which is literal.
    Quoted(char),
    One,
    Any,
}

impl WordPattern {
    fn is_end(&self) -> bool {
        self.0 == [Token::Char('$')]
    }

    fn is_anything(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|part| *part == Token::Any)
    }

    fn has_slash(&self) -> bool {
        self.0
            .iter()
            .any(|part| matches!(part, Token::Char('/') | Token::Quoted('/')))
    }

    /// Backtracks only to the last star, so its steps are at most the product of both lengths.
    fn is_match(&self, word: &str) -> bool {
        let mut rest = word.chars();
        let mut at = 0;
        let mut star: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut after = rest.clone();
            match (self.0.get(at), after.next()) {
                (Some(Token::Any), _) => {
                    at += 1;
                    star = Some((at, rest.clone()));
                    continue;
                }
                (Some(Token::One), Some(_)) => {
                    at += 1;
                    rest = after;
                    continue;
                }
                (Some(Token::Char(own) | Token::Quoted(own)), Some(c)) if *own == c => {
                    at += 1;
                    rest = after;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((place, from)) = &mut star else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            at = *place;
            rest = from.clone();
        }
    }
}

/// Splits a pattern into words; `None` if a quote is open.
fn split(text: &str) -> Option<Vec<WordPattern>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<Token>> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take().map(WordPattern)),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => word.push(Token::Quoted(chars.next()?)),
                        quoted => word.push(Token::Quoted(quoted)),
                    }
                }
            }
            '\\' => word
                .get_or_insert_default()
                .push(Token::Quoted(chars.next()?)),
            '*' => word.get_or_insert_default().push(Token::Any),
            '?' => word.get_or_insert_default().push(Token::One),
            c => word.get_or_insert_default().push(Token::Char(c)),
        }
    }
    words.extend(word.take().map(WordPattern));
    Some(words)
}

impl PartialEq for CommandPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CommandPattern {}

impl fmt::Debug for CommandPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl fmt::Display for CommandPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for CommandPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for CommandPattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text).map_err(with_pattern)
    }
}

impl From<CommandPattern> for String {
    fn from(pattern: CommandPattern) -> Self {
        pattern.text.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests;
