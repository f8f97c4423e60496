//! A simple command: a program and its arguments, as far as they are known before it runs.

/// One simple command of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SimpleCommand {
    pub(crate) words: Vec<Word>,
    /// Whether it does more than its words say: it writes to a file, or sets a variable.
    pub(crate) does_more: bool,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Known(String),
    /// An expansion by the shell: any number of words.
    Unknown,
}

/// Whether a pattern matches a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    No,
    Maybe,
    Yes,
}

/// A command, or the end of one: what a launcher may start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) words: &'a [Word],
    pub(crate) does_more: bool,
}

impl SimpleCommand {
    pub(crate) fn as_part(&self) -> Part<'_> {
        Part {
            words: &self.words,
            does_more: self.does_more,
        }
    }

    /// An unknown command.
    pub(crate) fn unknown() -> Self {
        Self {
            words: vec![Word::Unknown],
            does_more: true,
        }
    }

    pub(crate) fn of_words<'a>(words: impl IntoIterator<Item = &'a String>) -> Self {
        Self {
            words: words.into_iter().cloned().map(Word::Known).collect(),
            does_more: false,
        }
    }

    /// Returns the name of the program, without its directory.
    pub(crate) fn program(&self) -> Option<&str> {
        match self.words.first()? {
            Word::Known(word) => word.rsplit('/').next(),
            Word::Unknown => None,
        }
    }
}
