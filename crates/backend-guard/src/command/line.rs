//! A shell line, split into its simple commands as far as that is known.
//!
//! Syntax that it does not understand makes the whole line unknown: substitutions, subshells, here-documents, compound
//! commands.

use std::iter::Peekable;
use std::str::Chars;

use super::words::{SimpleCommand, Word};

/// Words that start a compound command, or run a text that is not in the line.
const COMPOUND: &[&str] = &[
    "!", "[[", "{", "}", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for",
    "function", "if", "in", "select", "then", "until", "while",
];

/// Returns the simple commands of a line, or `None` if they are unknown.
pub(crate) fn split(line: &str) -> Option<Vec<SimpleCommand>> {
    Splitter {
        chars: line.chars().peekable(),
        commands: Vec::new(),
        command: SimpleCommand::default(),
        word: None,
        redirect: None,
    }
    .run()
}

struct Splitter<'a> {
    chars: Peekable<Chars<'a>>,
    commands: Vec<SimpleCommand>,
    command: SimpleCommand,
    word: Option<PartialWord>,
    /// What the next word is, if it is the target of a redirection.
    redirect: Option<Redirect>,
}

/// A word that is being read.
#[derive(Default)]
struct PartialWord {
    text: String,
    /// Whether the shell expands it.
    expands: bool,
    quoted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Redirect {
    File,
    /// `>&` or `<&`: a descriptor, or a file if it is not a number.
    Descriptor,
}

impl Splitter<'_> {
    fn run(mut self) -> Option<Vec<SimpleCommand>> {
        while let Some(c) = self.chars.next() {
            match c {
                ' ' | '\t' => self.end_word()?,
                '\n' | ';' | '|' => self.end_command()?,
                '&' if self.chars.peek() == Some(&'>') => self.end_word()?,
                '&' => self.end_command()?,
                '#' if self.word.is_none() => while self.chars.next_if(|c| *c != '\n').is_some() {},
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '\\' => match self.chars.next() {
                    Some('\n') => {}
                    escaped => self.quoted(escaped?),
                },
                '$' => self.dollar()?,
                '`' | '(' | ')' => return None,
                '{' if self.chars.peek() == Some(&'}') => {
                    self.chars.next();
                    self.plain('{');
                    self.plain('}');
                }
                '{' | '*' | '?' | '[' => self.expanding(c),
                '~' if self.word.is_none() => self.expanding(c),
                '<' | '>' => self.redirection(c)?,
                c => self.plain(c),
            }
        }
        self.end_command()?;
        Some(self.commands)
    }

    fn plain(&mut self, c: char) {
        self.word.get_or_insert_default().text.push(c);
    }

    fn quoted(&mut self, c: char) {
        let word = self.word.get_or_insert_default();
        word.text.push(c);
        word.quoted = true;
    }

    fn expanding(&mut self, c: char) {
        let word = self.word.get_or_insert_default();
        word.text.push(c);
        word.expands = true;
    }

    fn single_quoted(&mut self) -> Option<()> {
        self.word.get_or_insert_default().quoted = true;
        loop {
            match self.chars.next()? {
                '\'' => return Some(()),
                c => self.quoted(c),
            }
        }
    }

    fn double_quoted(&mut self) -> Option<()> {
        self.word.get_or_insert_default().quoted = true;
        loop {
            match self.chars.next()? {
                '"' => return Some(()),
                '`' => return None,
                '$' => self.dollar()?,
                '\\' => match self.chars.next()? {
                    '\n' => {}
                    c @ ('"' | '\\' | '$' | '`') => self.quoted(c),
                    c => {
                        self.quoted('\\');
                        self.quoted(c);
                    }
                },
                c => self.quoted(c),
            }
        }
    }

    /// A variable makes its word unknown, a substitution the whole line.
    fn dollar(&mut self) -> Option<()> {
        match self.chars.peek() {
            Some('(' | '\'' | '"' | '{') => None,
            Some(c) if c.is_alphanumeric() || "_@*#?$!-".contains(*c) => {
                self.expanding('$');
                Some(())
            }
            _ => {
                self.plain('$');
                Some(())
            }
        }
    }

    fn redirection(&mut self, c: char) -> Option<()> {
        // The digits right before it are the descriptor, not a word.
        let is_descriptor = self.word.as_ref().is_some_and(|word| {
            !word.quoted && !word.expands && word.text.chars().all(|c| c.is_ascii_digit())
        });
        if is_descriptor {
            self.word = None;
        }
        self.end_word()?;
        let mut redirect = Redirect::File;
        match self.chars.peek() {
            Some('<') if c == '<' => return None,
            Some('(') => return None,
            Some('>' | '|') => {
                self.chars.next();
            }
            Some('&') => {
                self.chars.next();
                redirect = Redirect::Descriptor;
            }
            _ => {}
        }
        self.redirect = Some(redirect);
        Some(())
    }

    fn end_word(&mut self) -> Option<()> {
        let Some(word) = self.word.take() else {
            return Some(());
        };
        if let Some(redirect) = self.redirect.take() {
            let goes_nowhere = !word.expands
                && match redirect {
                    Redirect::File => word.text == "/dev/null",
                    Redirect::Descriptor => {
                        word.text.chars().all(|c| c.is_ascii_digit() || c == '-')
                    }
                };
            self.command.does_more |= !goes_nowhere;
            return Some(());
        }
        if self.command.words.is_empty() {
            if COMPOUND.contains(&word.text.as_str()) {
                return None;
            }
            if is_assignment(&word.text) {
                self.command.does_more = true;
                return Some(());
            }
        }
        self.command.words.push(if word.expands {
            Word::Unknown
        } else {
            Word::Known(word.text)
        });
        Some(())
    }

    fn end_command(&mut self) -> Option<()> {
        self.end_word()?;
        if self.redirect.take().is_some() {
            return None;
        }
        let command = std::mem::take(&mut self.command);
        if command != SimpleCommand::default() {
            self.commands.push(command);
        }
        Some(())
    }
}

/// Whether a first word sets a variable.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let name = name.strip_suffix('+').unwrap_or(name);
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}
