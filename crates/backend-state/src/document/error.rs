//! The errors of a document.

use backend_core::{Error, PathError, VirtualPath};

/// Why something is not a [`Document`](super::Document), or cannot be loaded.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is not JSON, or does not have the shape of a document.
    #[error("the document does not parse at line {line}, column {column}: {message}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// It is a document of another format or of a later version.
    #[error("the document has format '{format}' and version {version}, which is not supported")]
    Format {
        /// The format that it names.
        format: String,
        /// The version that it names.
        version: u64,
    },
    /// A name in it is not a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A path occurs more than once.
    #[error("{path}: the document contains it more than once")]
    Duplicate {
        /// The path.
        path: VirtualPath,
    },
    /// A path is both a file and a directory.
    #[error("{path}: the document contains it as a file and as a directory")]
    FileAndDirectory {
        /// The path.
        path: VirtualPath,
    },
    /// The content of a file cannot be decoded.
    #[error("{path}: {message}")]
    Content {
        /// The file.
        path: VirtualPath,
        /// What is wrong.
        message: String,
    },
    /// A modified time is invalid.
    #[error("{path}: '{text}' is not a valid time")]
    Time {
        /// The file or directory.
        path: VirtualPath,
        /// The text, cut to 40 characters.
        text: String,
    },
    /// The content exceeds the limits of the store.
    #[error(transparent)]
    Limit(Error),
}

impl From<DocumentError> for Error {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Path(error) => error.into(),
            DocumentError::Limit(error) => error,
            DocumentError::Duplicate { ref path }
            | DocumentError::FileAndDirectory { ref path }
            | DocumentError::Content { ref path, .. }
            | DocumentError::Time { ref path, .. } => {
                let shown = error.to_string();
                let prefix = format!("{path}: ");
                Self::invalid_request_at(path, shown.strip_prefix(&prefix).unwrap_or(&shown))
            }
            DocumentError::Syntax { .. } | DocumentError::Format { .. } => {
                Self::invalid_request(error.to_string())
            }
        }
    }
}
