//! The errors that several parts answer with, worded once.

use backend_core::{Error, SandboxId};

pub(crate) fn closing() -> Error {
    Error::unavailable("the session manager is shut down")
}

pub(crate) fn unknown(id: &SandboxId) -> Error {
    Error::unavailable(format!("there is no session '{id}'"))
}

pub(crate) fn dead(id: &SandboxId) -> Error {
    Error::unavailable(format!(
        "the sandbox of session '{id}' died and its files are lost; release the session to start over"
    ))
}

pub(crate) fn released(id: &SandboxId) -> Error {
    Error::unavailable(format!("session '{id}' was released"))
}

pub(crate) fn stuck(id: &SandboxId, why: &Error) -> Error {
    Error::unavailable(format!(
        "session '{id}' is still stopping its previous sandbox: {why}; try again later"
    ))
}

pub(crate) fn unreachable(id: &SandboxId, reason: &str) -> Error {
    Error::unavailable(format!(
        "the sandbox of session '{id}' cannot be reached: {reason}; it is kept, try again later"
    ))
}
