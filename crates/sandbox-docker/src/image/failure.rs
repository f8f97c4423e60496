//! Failures of image builds.

use std::error::Error as StdError;
use std::fmt;

use backend_core::Error;

use super::log::last_lines;

/// A failed build step, as the source of an error of [`Images::build`](crate::Images::build).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildFailure {
    pub(super) step: String,
    pub(super) code: Option<i64>,
    pub(super) log: String,
}

impl BuildFailure {
    /// Returns the failed step that caused an error, if any.
    ///
    /// ```
    /// # use sandbox_docker::BuildFailure;
    /// fn show(error: &backend_core::Error) {
    ///     match BuildFailure::of(error) {
    ///         Some(failure) => println!("{}:\n{}", failure.step(), failure.log()),
    ///         None => println!("{error}"),
    ///     }
    /// }
    /// ```
    pub fn of(error: &Error) -> Option<&Self> {
        match error {
            Error::Unavailable {
                source: Some(source),
                ..
            } => source.downcast_ref(),
            _ => None,
        }
    }

    /// Returns the title of the step, such as `pip: pandas numpy`.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Returns the exit code of its command, if it exited.
    pub fn code(&self) -> Option<i64> {
        self.code
    }

    /// Returns the end of its output, at most 16 KiB.
    pub fn log(&self) -> &str {
        &self.log
    }

    pub(super) fn into_error(self, runtime: &str) -> Error {
        Error::unavailable_from(format!("runtime '{runtime}': {self}"), self)
    }
}

impl fmt::Display for BuildFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = last_lines(&self.step);
        match self.code {
            Some(code) => write!(f, "the step '{step}' ended with code {code}")?,
            None => write!(f, "the engine failed in the step '{step}'")?,
        }
        match last_lines(&self.log) {
            log if log.is_empty() => Ok(()),
            log => write!(f, ": {log}"),
        }
    }
}

impl StdError for BuildFailure {}
