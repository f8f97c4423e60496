//! URIs of files: `workspace:///src/main.rs` is `/src/main.rs` of the workspace, not a file of any machine.

use std::fmt::Write as _;

use backend_core::{Error, VirtualPath};

/// The start of a file's URI; the path follows.
const PREFIX: &str = "workspace://";

/// The template of all of them, in the form of RFC 6570.
pub(crate) const TEMPLATE: &str = "workspace:///{+path}";

/// Returns the URI of a file.
pub(crate) fn of(path: &VirtualPath) -> String {
    let mut uri = PREFIX.to_owned();
    for byte in path.as_str().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => {
                // Writing to a string does not fail.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// Returns the path that a URI names.
///
/// # Errors
///
/// Returns `invalid_request` for a text that is not the URI of a file, and `invalid_path` for an invalid path.
pub(crate) fn parse(uri: &str) -> Result<VirtualPath, Error> {
    let shown = || uri.chars().take(200).collect::<String>();
    let path = uri.strip_prefix(PREFIX);
    let path = path.filter(|path| path.starts_with('/') && !path.contains(['?', '#']));
    let Some(decoded) = path.and_then(decode) else {
        return Err(Error::invalid_request(format!(
            "{:?} is not the URI of a file: expected {TEMPLATE}, percent-encoded",
            shown()
        )));
    };
    Ok(VirtualPath::parse(decoded)?)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (rest.next()?, rest.next()?);
            bytes.push(hex(high)? << 4 | hex(low)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use backend_core::{ErrorKind, VirtualPath};

    use super::{of, parse};

    #[test]
    fn a_uri_and_its_path_convert_both_ways() {
        for (path, uri) in [
            ("/", "workspace:///"),
            ("/src/main.rs", "workspace:///src/main.rs"),
            ("/a b%/#?.md", "workspace:///a%20b%25/%23%3F.md"),
            ("/é/日本", "workspace:///%C3%A9/%E6%97%A5%E6%9C%AC"),
        ] {
            let path = VirtualPath::parse(path).unwrap();
            assert_eq!(of(&path), uri);
            assert_eq!(parse(uri).unwrap(), path);
        }
        assert_eq!(parse("workspace:///日本").unwrap().as_str(), "/日本");
    }

    #[test]
    fn a_uri_of_another_kind_is_refused() {
        for uri in [
            "",
            "file:///etc/passwd",
            "workspace:/a",
            "workspace://host/a",
            "workspace://",
            "workspace:///a?b",
            "workspace:///a#b",
            "workspace:///%",
            "workspace:///%4",
            "workspace:///%zz",
            "workspace:///%ff",
            "workspace:///%+1",
        ] {
            let error = parse(uri).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{uri}");
        }
        for uri in [
            "workspace:///../a",
            "workspace:///a/%2e%2e/b",
            "workspace:///%00",
        ] {
            assert_eq!(
                parse(uri).unwrap_err().kind(),
                ErrorKind::InvalidPath,
                "{uri}"
            );
        }
    }
}
