//! What an error says to a model: the message, and what to do next.

use super::Error;

impl Error {
    /// Returns the message with advice on what to do next, written for a model that called a tool.
    ///
    /// It may have several lines: for an edit that matched nothing it shows the nearest text.
    pub fn for_model(&self) -> String {
        let advice = self.advice();
        if advice.is_empty() {
            self.to_string()
        } else {
            format!("{self}\n{advice}")
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::InvalidPath { .. } => {
                "Use an absolute path inside the workspace, such as /src/main.rs.".into()
            }
            Self::InvalidPattern { .. } => {
                "Correct the pattern, or ask for a fixed-string search.".into()
            }
            Self::InvalidRequest { .. } | Self::Internal { .. } => String::new(),
            Self::NotFound {
                process: Some(_), ..
            } => "List the processes to find the right one.".into(),
            Self::NotFound { .. } => {
                "List its parent directory, or search with glob, to find the right path.".into()
            }
            Self::NotADirectory { .. } => "Read it as a file, or list its parent directory.".into(),
            Self::IsADirectory { .. } => "List it, or name a file in it.".into(),
            Self::AlreadyExists { .. } => "Choose another name, or ask to overwrite it.".into(),
            Self::PermissionDenied { .. } => {
                "Do not try to work around this; tell the user what you need.".into()
            }
            Self::NotText { .. } => {
                "Read its bytes instead, or use a command that understands the format.".into()
            }
            Self::TooLarge { .. } => {
                "Work on a part of it: read a window of lines or a range of bytes.".into()
            }
            Self::NoMatch { near, .. } => match near {
                Some(near) => format!(
                    "Copy the text exactly from the file. From line {} on it reads:\n{}",
                    near.line, near.text
                ),
                None => "Read the file again and copy the text exactly.".into(),
            },
            Self::AmbiguousMatch { .. } => {
                "Add surrounding lines until it is unique, or ask to replace all matches.".into()
            }
            Self::Conflict { .. } => {
                "Read it again and repeat the change on what is there now.".into()
            }
            Self::QuotaExceeded { .. } => "Delete what is no longer needed, or write less.".into(),
            Self::Unsupported { .. } => "Do it another way.".into(),
            Self::TimedOut { .. } => "Try again with less to do or with more time.".into(),
            Self::Unavailable { .. } => "Try again later; if it persists, tell the user.".into(),
        }
    }
}
