//! Matches one segment of a glob against one name.
//!
//! It compares characters, not bytes, so `?` is one letter in every script.

/// A parsed segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// `**`: any number of segments.
    Deep,
    /// Exactly this name.
    Literal(Box<str>),
    /// Names with this suffix: `*.rs`.
    Suffix(Box<str>),
    /// Anything else.
    Wild(Vec<Token>),
}

/// A part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// This character.
    Char(char),
    /// `?`.
    One,
    /// `*`.
    Star,
    /// `[a-z]`, `[!a]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Segment {
    pub(super) fn new(tokens: Vec<Token>) -> Self {
        if tokens == [Token::Star, Token::Star] {
            return Self::Deep;
        }
        let literal = |tokens: &[Token]| {
            tokens
                .iter()
                .map(|token| match token {
                    Token::Char(c) => Some(*c),
                    _ => None,
                })
                .collect::<Option<String>>()
        };
        if let Some(text) = literal(&tokens) {
            return Self::Literal(text.into());
        }
        if let [Token::Star, rest @ ..] = tokens.as_slice()
            && let Some(text) = literal(rest)
        {
            return Self::Suffix(text.into());
        }
        Self::Wild(tokens)
    }

    /// Returns whether a name matches. For `**` every name does.
    pub(super) fn is_match(&self, name: &str) -> bool {
        match self {
            Self::Deep => true,
            Self::Literal(text) => **text == *name,
            Self::Suffix(end) => name.ends_with(&**end),
            Self::Wild(tokens) => is_match(tokens, name),
        }
    }

    /// Returns whether the segment itself starts with a `.`, and so matches hidden entries.
    pub(super) fn names_hidden(&self) -> bool {
        match self {
            Self::Literal(text) => text.starts_with('.'),
            Self::Wild(tokens) => tokens.first() == Some(&Token::Char('.')),
            Self::Deep | Self::Suffix(_) => false,
        }
    }
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One | Self::Star => true,
            Self::Class { negated, ranges } => {
                let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                within != *negated
            }
        }
    }
}

/// Matches by backtracking only to the last star: its steps are at most the product of both lengths.
fn is_match(tokens: &[Token], name: &str) -> bool {
    let mut rest = name.chars();
    let mut at = 0;
    let mut last_star: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let mut after = rest.clone();
        match (tokens.get(at), after.next()) {
            (Some(Token::Star), _) => {
                at += 1;
                last_star = Some((at, rest.clone()));
                continue;
            }
            (Some(token), Some(c)) if token.takes(c) => {
                at += 1;
                rest = after;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((star, from)) = &mut last_star else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        at = *star;
        rest = from.clone();
    }
}
