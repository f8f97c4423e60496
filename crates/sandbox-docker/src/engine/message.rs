//! The engine's message when it refuses a call: whether the request is at fault, and how much of it may be shown.
//!
//! The text is meant for the administrator of the engine's host. The part that is shown may reach an agent.

use bollard::errors::Error as EngineError;

use super::failure::{refused, status};

/// Substrings of the text if the engine's own disk is full.
const FULL: [&str; 2] = ["no space left on device", "disk quota exceeded"];

/// Substrings of the text if the engine's host lacks a resource, whatever the status.
const LACKING: [&str; 4] = [
    "cannot allocate memory",
    "resource temporarily unavailable",
    "too many open files",
    "input/output error",
];

/// Substrings of status 500 answers that are about an invalid request: a device, a driver's option, a user, a limit, a directory
/// that is gone.
const OF_THE_REQUEST: [&str; 7] = [
    "error gathering device information",
    "storage-opt",
    "unable to find user",
    "linux spec user",
    "unknown or invalid runtime",
    "rlimit",
    "bind source path does not exist",
];

/// Returns whether the engine says that its disk is full.
pub(crate) fn is_full(said: &str) -> bool {
    let said = said.to_lowercase();
    FULL.iter().any(|text| said.contains(text))
}

/// Returns whether the engine refused a container because of the request, and not because it failed itself.
pub(crate) fn is_about_request(error: &EngineError) -> bool {
    let Some(said) = refused(error) else {
        return false;
    };
    let lower = said.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if has(&FULL) || has(&LACKING) {
        return false;
    }
    match status(error) {
        // The same request may succeed later or in another state.
        Some(408 | 409 | 429) => false,
        // The container itself may be gone, which says nothing about the request.
        Some(404) => !lower.contains("no such container"),
        Some(400..=499) => true,
        Some(500) => has(&OF_THE_REQUEST),
        _ => false,
    }
}

/// Returns a text of the engine without directories of its host. `kept` are paths that the reader already knows.
pub(crate) fn shown(said: &str, kept: &[&str]) -> String {
    let mut shown = String::with_capacity(said.len());
    let mut before = None;
    let mut rest = said.trim();
    while let Some(next) = rest.chars().next() {
        let in_word = before.is_some_and(|c: char| c.is_alphanumeric() || "._-/~".contains(c));
        if next != '/' || in_word {
            shown.push(next);
            before = Some(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (path, after) = rest.split_at(end_of_path(rest, before));
        let harmless = path.len() == 1 || kept.contains(&path);
        shown.push_str(if harmless { path } else { "(a path)" });
        before = path.chars().next_back();
        rest = after;
    }
    shown
}

/// Returns where a path at the beginning of a text ends. A quoted path may contain any other character.
fn end_of_path(text: &str, before: Option<char>) -> usize {
    let quote = before.filter(|c| matches!(c, '"' | '\'' | '`'));
    let closing = quote.and_then(|quote| text.find(quote));
    let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'`,:;()[]{}<>|=".contains(c);
    closing.or_else(|| text.find(ends)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use bollard::errors::Error as EngineError;

    use super::{is_about_request, shown};

    #[test]
    fn directories_of_the_host_are_not_shown() {
        for (said, want) in [
            (
                "mkdir /var/lib/docker/overlay2/12-init: no space left on device",
                "mkdir (a path): no space left on device",
            ),
            (
                "lowerdir=/var/lib/docker/l/A:/var/lib/docker/l/B,upperdir=/srv/x",
                "lowerdir=(a path):(a path),upperdir=(a path)",
            ),
            (
                "error: \"/srv/my docker/x\" and '/a b' and `/c`\n",
                "error: \"(a path)\" and '(a path)' and `(a path)`",
            ),
            (
                "dial unix:///run/x.sock: refused",
                "dial unix:(a path): refused",
            ),
            ("/var/é", "(a path)"),
            ("(/a)[/b]</c>", "((a path))[(a path)]<(a path)>"),
            // Not a path, or one that the reader supplied.
            (
                "library/python:3.12 is 1/2 of /",
                "library/python:3.12 is 1/2 of /",
            ),
            ("mount /data: and /data/x", "mount /data: and (a path)"),
            ("", ""),
        ] {
            assert_eq!(shown(said, &["/data"]), want);
        }
    }

    #[track_caller]
    fn check(status_code: u16, message: &str, want: bool) {
        let error = EngineError::DockerResponseServerError {
            status_code,
            message: message.to_owned(),
        };
        assert_eq!(is_about_request(&error), want, "{status_code} {message}");
    }

    #[test]
    fn a_failure_of_the_engine_is_not_about_the_request() {
        check(400, "invalid mount config", true);
        check(404, "network x not found", true);
        check(404, "No such container: x", false);
        check(409, "name in use", false);
        check(429, "slow down", false);
        check(500, "error creating overlay mount", false);
        check(500, "mkdir /x: no space left on device", false);
        check(400, "mkdir /x: No space left on device", false);
        check(400, "fork: Resource temporarily unavailable", false);
        check(
            500,
            "error gathering device information while adding /dev/x",
            true,
        );
        check(500, "bind source path does not exist: /srv/x", true);
        check(502, "bad gateway", false);
        assert!(!is_about_request(&EngineError::RequestTimeoutError));
    }
}
