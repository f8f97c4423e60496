//! The reply of a tool call.

use std::fmt;

use backend_core::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::ends::ends;

/// Maximum size of a quotation of the arguments in a structured error.
const QUOTED_BYTES: usize = 2000;

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyKind {
    /// It was done. A command that ran and failed is included.
    Ok,
    /// It was not done, and the model can correct the call: a missing path, a text that does not match, arguments of
    /// the wrong type.
    Mistake,
    /// It was not done, and must not be: a rule forbids it. Working around that would be evasion.
    Refusal,
    /// It was not done, or it is unknown whether it was: the workspace is gone, unresponsive or failed.
    Failure,
}

impl ReplyKind {
    /// Returns the kind in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Mistake => "mistake",
            Self::Refusal => "refusal",
            Self::Failure => "failure",
        }
    }

    /// Returns the kind of an error of the workspace, for a model.
    pub const fn of(error: ErrorKind) -> Self {
        match error {
            ErrorKind::PermissionDenied => Self::Refusal,
            ErrorKind::TimedOut | ErrorKind::Unavailable | ErrorKind::Internal => Self::Failure,
            _ => Self::Mistake,
        }
    }
}

impl fmt::Display for ReplyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An image as content of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Bytes,
}

impl Image {
    pub(crate) fn new(media_type: &'static str, bytes: Bytes) -> Self {
        Self { media_type, bytes }
    }

    /// Returns the bytes in base64, as the model APIs expect them.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }
}

/// The reply of a tool call: one for every call, whatever went wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// What became of the call.
    pub kind: ReplyKind,
    /// The reply for a model, within the toolset's budget.
    pub text: String,
    /// The same for a program: an object that matches the tool's output schema. For a call that was not done it has one
    /// member, `error`, which is the [`Error`](backend_core::Error) as JSON.
    pub structured: Value,
    /// Images that belong to the text.
    pub images: Vec<Image>,
}

impl Reply {
    pub(crate) fn ok(text: impl Into<String>, structured: Value) -> Self {
        Self {
            kind: ReplyKind::Ok,
            text: text.into(),
            structured,
            images: Vec::new(),
        }
    }

    /// A mistake that is not an error of the workspace.
    pub(crate) fn mistake(message: impl Into<String>) -> Self {
        let error = Error::invalid_request(message);
        Self::of_error(&error)
    }

    pub(crate) fn of_error(error: &Error) -> Self {
        let text = match error {
            // No tool reads bytes.
            Error::NotText { .. } => format!(
                "{error}\nIt can be neither shown nor edited as text. A command that understands the format may help."
            ),
            _ => error.for_model(),
        };
        Self::of_error_with_text(error, text)
    }

    /// An error of the workspace, with a different text.
    pub(crate) fn of_error_with_text(error: &Error, text: impl Into<String>) -> Self {
        let structured = serde_json::to_value(error).unwrap_or(Value::Null);
        Self {
            kind: ReplyKind::of(error.kind()),
            text: text.into(),
            structured: json!({ "error": structured }),
            images: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ReplyKind) -> Self {
        self.kind = kind;
        self
    }

    /// Cuts what no tool has cut: the text of an error can quote everything that a model sent.
    #[must_use]
    pub(crate) fn bounded(mut self, bytes: usize) -> Self {
        if self.text.len() > bytes {
            let shown = bytes.saturating_sub(64);
            let (head, tail) = ends(&self.text, shown / 2, shown - shown / 2);
            let omitted = self.text.len() - head.len() - tail.len();
            self.text = format!("{head}\n... ({omitted} bytes omitted) ...\n{tail}");
        }
        let quoted = ["pattern", "message", "reason", "what"];
        for member in quoted {
            let text = self.structured.pointer_mut(&format!("/error/{member}"));
            if let Some(Value::String(text)) = text
                && text.len() > QUOTED_BYTES
            {
                *text = format!("{} ...", ends(text, QUOTED_BYTES, 0).0);
            }
        }
        self
    }

    /// Returns whether the call was done.
    pub fn is_ok(&self) -> bool {
        self.kind == ReplyKind::Ok
    }

    /// Returns the stable name of the error, such as `not_found`, if the call was not done.
    pub fn error_kind(&self) -> Option<&str> {
        self.structured.pointer("/error/kind")?.as_str()
    }

    /// Returns the reply as a block of type `tool_result`, for the content of a message of Anthropic's API.
    pub fn anthropic(&self, tool_use_id: &str) -> Value {
        let mut content = vec![json!({ "type": "text", "text": self.text_for_api() })];
        content.extend(self.images.iter().map(|image| {
            json!({
                "type": "image",
                "source": {
                    "type": "base64",
                    "media_type": image.media_type,
                    "data": image.to_base64(),
                },
            })
        }));
        json!({
            "type": "tool_result",
            "tool_use_id": tool_use_id,
            "content": content,
            "is_error": !self.is_ok(),
        })
    }

    /// Returns the reply as a message of role `tool`, for OpenAI's chat completions and compatible APIs. They accept no
    /// images there: send those of [`images`](Self::images) in a user message.
    pub fn openai(&self, tool_call_id: &str) -> Value {
        json!({ "role": "tool", "tool_call_id": tool_call_id, "content": self.text_for_api() })
    }

    /// APIs reject an empty text.
    fn text_for_api(&self) -> &str {
        if self.text.is_empty() {
            "(no output)"
        } else {
            &self.text
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
