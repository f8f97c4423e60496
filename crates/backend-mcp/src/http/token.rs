//! The secret that a client of the HTTP server must send.

use std::fmt;
use std::io;

use sha2::{Digest as _, Sha256};

/// Minimum number of characters of a token.
pub const MIN_TOKEN_BYTES: usize = 16;

/// Maximum number of characters of a token: headers are bounded.
const MAX_TOKEN_BYTES: usize = 1024;

/// Number of random bytes of a generated token.
const RANDOM_BYTES: usize = 32;

/// A bearer token. Only a digest is kept: the token itself appears in no debug output and no dump.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

/// A text cannot be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It is too short, or empty.
    TooShort,
    /// It is too long.
    TooLong,
    /// It has a character that a header cannot carry.
    Unprintable,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "a token has at least {MIN_TOKEN_BYTES} characters"),
            Self::TooLong => write!(f, "a token has at most {MAX_TOKEN_BYTES} characters"),
            Self::Unprintable => {
                f.write_str("a token is made of printable ASCII characters without spaces")
            }
        }
    }
}

impl std::error::Error for TokenError {}

impl Token {
    /// Uses a text as the token.
    ///
    /// # Errors
    ///
    /// Returns an error for a text that is too easy to guess or cannot be sent.
    pub fn new(text: impl AsRef<str>) -> Result<Self, TokenError> {
        let bytes = text.as_ref().as_bytes();
        if bytes.len() < MIN_TOKEN_BYTES {
            return Err(TokenError::TooShort);
        }
        if bytes.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError::Unprintable);
        }
        Ok(Self(Sha256::digest(bytes).into()))
    }

    /// Makes a token of random bytes, and returns it with its text, to be passed to clients.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no random bytes.
    pub fn generate() -> io::Result<(Self, String)> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = Self::new(&text).map_err(io::Error::other)?;
        Ok((token, text))
    }

    /// Returns whether this is the token. The time it takes does not depend on how much of it is right: whole digests
    /// are compared.
    pub(super) fn is(&self, presented: &[u8]) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        let pairs = self.0.iter().zip(presented);
        let difference = pairs.fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs));
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, TokenError};

    #[test]
    fn a_token_matches_only_its_own_text() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in [
            &b""[..],
            b"0123456789abcde",
            b"0123456789abcdeF",
            b"0123456789abcdef ",
            b"0123456789abcde\xff",
            &[b'0'; 5000],
        ] {
            assert!(!token.is(other), "{other:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn a_short_or_unsendable_text_is_not_a_token() {
        for (text, want) in [
            ("", TokenError::TooShort),
            ("0123456789abcde", TokenError::TooShort),
            ("0123456789 abcdef", TokenError::Unprintable),
            ("0123456789abcdef\n", TokenError::Unprintable),
            ("0123456789abcdeé", TokenError::Unprintable),
        ] {
            assert_eq!(Token::new(text), Err(want), "{text:?}");
        }
        assert_eq!(Token::new("x".repeat(2000)), Err(TokenError::TooLong));
    }

    #[test]
    fn no_two_tokens_that_are_made_are_the_same() {
        let (first, text) = Token::generate().unwrap();
        let (second, other) = Token::generate().unwrap();
        assert_eq!(text.len(), 64);
        assert!(first.is(text.as_bytes()) && !first.is(other.as_bytes()));
        assert_ne!(first, second);
    }
}
