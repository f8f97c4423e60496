//! Converts errors of the engine to ours.
//!
//! The engine's own text may name paths of its host. It is kept as the source, and does not appear in a message.

use std::time::Duration;

use backend_core::Error;
use bollard::errors::Error as EngineError;

use super::message;

const NO_ANSWER: &str = "the Docker engine does not answer; is it running? start it, or set DOCKER_HOST to a running one";

/// Returns the status with which the engine refused a call.
pub(super) fn status(error: &EngineError) -> Option<u16> {
    match error {
        EngineError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Returns whether the engine reports that the object does not exist.
pub(crate) fn gone(error: &EngineError) -> bool {
    match status(error) {
        Some(404) => true,
        // Podman's answer for one that is removed during the request.
        Some(500) => refused(error).is_some_and(|said| said.contains("no such container")),
        _ => false,
    }
}

/// Returns whether the engine itself reports that there is no such container. A 404 from something else in its place, such as a
/// proxy, is not about containers.
pub(crate) fn no_container(error: &EngineError) -> bool {
    matches!(status(error), Some(404 | 500))
        && refused(error).is_some_and(|said| said.to_lowercase().contains("no such container"))
}

/// Returns whether the engine reports a conflict: a name that is taken, a container that is not running.
pub(crate) fn conflict(error: &EngineError) -> bool {
    match status(error) {
        Some(409) => true,
        // Podman's answer for a taken name.
        Some(500) => refused(error).is_some_and(|said| said.contains("already in use")),
        _ => false,
    }
}

/// Returns the engine's message when it refused a call.
pub(crate) fn refused(error: &EngineError) -> Option<&str> {
    match error {
        EngineError::DockerResponseServerError { message, .. } => Some(message),
        EngineError::DockerStreamError { error } => Some(error),
        _ => None,
    }
}

/// Returns the default error for a failed call.
pub(crate) fn of(what: &str, error: EngineError) -> Error {
    if refused(&error).is_some_and(message::is_full) {
        return Error::unavailable_from(format!("{what}: the disk of the engine is full"), error);
    }
    match status(&error) {
        Some(404) => Error::unavailable_from(format!("{what}: it does not exist"), error),
        Some(409) => Error::unavailable_from(format!("{what}: not in this state"), error),
        Some(400..=499) => Error::unavailable_from(format!("{what}: the engine refused it"), error),
        Some(_) => Error::unavailable_from(format!("{what}: the engine failed"), error),
        None => broken(what, error),
    }
}

/// Returns the error for a call that timed out.
pub(crate) fn timed_out(what: &str, limit: Duration) -> Error {
    Error::unavailable(format!(
        "{what}: the Docker engine has not answered within {limit:?}"
    ))
}

/// Returns the error for an unsupported address.
pub(super) fn address(error: EngineError) -> Error {
    match error {
        EngineError::SocketNotFoundError(_) => Error::unavailable_from(NO_ANSWER, error),
        _ => Error::invalid_request(
            "the address of the Docker engine is not supported; use unix:///path or tcp://host:port, and reach an engine \
             behind ssh by `ssh -L /tmp/docker.sock:/var/run/docker.sock HOST` and unix:///tmp/docker.sock",
        ),
    }
}

fn broken(what: &str, error: EngineError) -> Error {
    match error {
        EngineError::HyperLegacyError { .. }
        | EngineError::HyperResponseError { .. }
        | EngineError::IOError { .. }
        | EngineError::RequestTimeoutError
        | EngineError::SocketNotFoundError(_) => Error::unavailable_from(NO_ANSWER, error),
        EngineError::DockerStreamError { .. } | EngineError::DockerContainerWaitError { .. } => {
            Error::unavailable_from(format!("{what}: the engine failed"), error)
        }
        _ => Error::unavailable_from(
            format!("{what}: the engine's answer was not understood"),
            error,
        ),
    }
}
