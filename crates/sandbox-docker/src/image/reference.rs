//! Image names as users write them.

use backend_core::{Error, Result};

/// Rejects invalid image names, by the rules of a runtime's image.
pub(super) fn check(image: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let starts = image.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && image.len() <= 255 && image.chars().all(plain) {
        return Ok(());
    }
    let shown: String = image
        .chars()
        .take(80)
        .flat_map(char::escape_debug)
        .collect();
    Err(Error::invalid_request(format!(
        "'{shown}' is not the name of an image"
    )))
}

/// Splits a name into the repository and the tag or digest of one image. Without the latter, `latest` is used: an engine without
/// a tag pulls all of them.
pub(super) fn split(image: &str) -> (&str, &str) {
    if let Some((repository, digest)) = image.split_once('@') {
        // If there are both, the digest takes precedence.
        let (repository, _) = tagged(repository).unwrap_or((repository, ""));
        return (repository, digest);
    }
    tagged(image).unwrap_or((image, "latest"))
}

/// A colon before the last slash belongs to a port.
fn tagged(image: &str) -> Option<(&str, &str)> {
    image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
}

/// Returns whether this is an image's own digest, which registries do not know.
pub(super) fn is_id(image: &str) -> bool {
    image.starts_with("sha256:")
}

#[cfg(test)]
mod tests {
    use super::{check, is_id, split};

    #[test]
    fn a_name_is_split_where_its_tag_begins() {
        assert_eq!(split("python"), ("python", "latest"));
        assert_eq!(split("python:3.12-slim"), ("python", "3.12-slim"));
        assert_eq!(split("host:5000/a/b"), ("host:5000/a/b", "latest"));
        assert_eq!(split("host:5000/a/b:c"), ("host:5000/a/b", "c"));
        assert_eq!(split("a@sha256:12"), ("a", "sha256:12"));
        assert_eq!(split("h:1/a:b@sha256:12"), ("h:1/a", "sha256:12"));
        assert!(is_id("sha256:12") && !is_id("a@sha256:12"));
    }

    #[test]
    fn an_invalid_name_is_refused() {
        assert!(check("host:5000/a/b_c-d.e@sha256:12").is_ok());
        for image in [
            "",
            "-v",
            "/etc",
            "a b",
            "a\nRUN id",
            "a$B",
            "a;b",
            "é",
            &"a".repeat(256),
        ] {
            assert!(check(image).is_err(), "{image}");
        }
    }
}
