//! The names in a path, one after another, from either end.

use memchr::{memchr, memrchr};

/// The segments of a normalised path: no `/` at either end, and never two in a row.
#[derive(Clone, Debug)]
pub(super) struct Segments<'a>(pub(super) &'a str);

impl<'a> Segments<'a> {
    /// Takes the whole rest.
    fn last(&mut self) -> Option<&'a str> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then_some(rest)
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let Some(slash) = memchr(b'/', self.0.as_bytes()) else {
            return self.last();
        };
        let (segment, rest) = (self.0.get(..slash)?, self.0.get(slash + 1..)?);
        self.0 = rest;
        Some(segment)
    }
}

impl<'a> DoubleEndedIterator for Segments<'a> {
    fn next_back(&mut self) -> Option<&'a str> {
        let Some(slash) = memrchr(b'/', self.0.as_bytes()) else {
            return self.last();
        };
        let (rest, segment) = (self.0.get(..slash)?, self.0.get(slash + 1..)?);
        self.0 = rest;
        Some(segment)
    }
}
