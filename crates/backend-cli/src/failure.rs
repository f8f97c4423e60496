//! Why a command of this program failed: an error of the workspace, or of the machine around it.

use std::error::Error as StdError;
use std::io;

use backend_core::{Error, ErrorKind, PathError};
use serde_json::{Value, json};

use crate::exit;

/// A result of this program.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// The reason of a failure.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The workspace refused it.
    Core(Error),
    /// The workspace could not be opened or closed. The text names the part.
    Opening(String, Error),
    /// The command line contradicts itself, or asks for something impossible.
    Usage(String),
    /// A file or a stream of this machine failed. The text names it.
    Host(String, io::Error),
    /// The output was closed by its reader.
    ClosedPipe,
    /// A signal ended it.
    Signal(i32),
    /// A command was not run, for this reason.
    NotRun(Box<Self>),
}

impl Failure {
    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Core(error) | Self::Opening(_, error) => exit::of_kind(error.kind()),
            Self::Usage(_) => exit::USAGE,
            Self::Host(..) => exit::HOST,
            Self::ClosedPipe => exit::CLOSED_PIPE,
            Self::Signal(number) => exit::of_signal(*number),
            Self::NotRun(_) => exit::NOT_RUN,
        }
    }

    /// Returns the name of its kind, as JSON has it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Core(error) | Self::Opening(_, error) => error.kind().as_str(),
            Self::Usage(_) => "usage",
            Self::Host(..) => "host",
            Self::ClosedPipe => "closed_pipe",
            Self::Signal(_) => "interrupted",
            Self::NotRun(why) => why.kind(),
        }
    }

    /// Returns the message, in one line unless an error has more to say.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Core(error) => error.to_string(),
            Self::Opening(what, error) => format!("{what}: {error}"),
            Self::Usage(message) => message.clone(),
            Self::Host(what, error) => format!("{what}: {error}"),
            Self::ClosedPipe => "the output was closed".to_owned(),
            Self::Signal(number) => format!("interrupted by signal {number}"),
            Self::NotRun(why) => why.message(),
        }
    }

    /// Returns a hint for a person.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Core(Error::NoMatch {
                near: Some(near), ..
            }) => Some(format!(
                "from line {} on it reads:\n{}",
                near.line, near.text
            )),
            Self::Core(Error::AmbiguousMatch { .. }) => Some(
                "include more of the surrounding text, or use --all to replace every match"
                    .to_owned(),
            ),
            Self::Core(Error::NotText { .. }) => {
                Some("'cat --bytes' prints it as it is".to_owned())
            }
            Self::NotRun(why) => why.hint(),
            _ => None,
        }
    }

    /// Returns the causes, the nearest first. They are for the person who runs this program.
    pub(crate) fn causes(&self) -> Vec<String> {
        let Some(error) = self.error() else {
            return Vec::new();
        };
        let mut texts = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            texts.push(cause.to_string());
            next = cause.source();
        }
        texts.dedup();
        texts
    }

    /// Returns the error as JSON: the fields that an error of the library has, and the whole message.
    pub(crate) fn to_json(&self) -> Value {
        let value = self
            .error()
            .and_then(|error| serde_json::to_value(error).ok());
        let mut value = value.unwrap_or_else(|| json!({}));
        if let Some(fields) = value.as_object_mut() {
            fields.insert("kind".to_owned(), self.kind().into());
            fields.insert("message".to_owned(), self.message().into());
            fields.insert("exit_code".to_owned(), self.code().into());
        }
        value
    }

    /// Returns whether it is of this kind.
    pub(crate) fn is(&self, kind: ErrorKind) -> bool {
        self.error().is_some_and(|error| error.kind() == kind)
    }

    /// Marks it as having kept a command from being run. Errors in the arguments, a signal and a closed pipe stay as
    /// they are.
    pub(crate) fn not_run(self) -> Self {
        match self {
            Self::Usage(_) | Self::ClosedPipe | Self::Signal(_) | Self::NotRun(_) => self,
            Self::Core(_) | Self::Opening(..) | Self::Host(..) => Self::NotRun(Box::new(self)),
        }
    }

    /// Returns the error of the workspace, if it is one.
    fn error(&self) -> Option<&Error> {
        match self {
            Self::Core(error) | Self::Opening(_, error) => Some(error),
            Self::NotRun(why) => why.error(),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Self::Core(error.into())
    }
}
