//! Names: which ones a path can have, and which ones are reserved for temporary files.

use std::ffi::CStr;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use backend_core::{PathError, PathReason, Result, VirtualPath};

/// The prefix of the names of temporary files. 16 hexadecimal digits follow, so that it is short everywhere.
const PREFIX: &str = ".~ab-";

/// How many digits follow.
const DIGITS: usize = 16;

/// Returns whether a name is one of a temporary file.
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX.as_bytes()).is_some_and(|digits| {
        digits.len() == DIGITS
            && digits
                .iter()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Refuses a path through a temporary file's name.
pub(crate) fn check(path: &VirtualPath) -> Result<()> {
    if path.segments().any(|name| is_reserved(name.as_bytes())) {
        return Err(PathError::new(path.as_str(), PathReason::Reserved).into());
    }
    Ok(())
}

/// Returns a name for a temporary file.
pub(crate) fn temporary() -> String {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut hasher = KEYS.build_hasher();
    hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    // A forked process has the same keys and the same count.
    hasher.write_u32(std::process::id());
    format!("{PREFIX}{:016x}", hasher.finish())
}

/// Returns a name as a segment of a path, or `None` if no path can have it.
pub(crate) fn nameable(name: &CStr) -> Option<&str> {
    let name = name.to_str().ok()?;
    (!name.chars().any(char::is_control)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{check, is_reserved, temporary};
    use backend_core::VirtualPath;

    #[test]
    fn every_temporary_name_is_reserved_and_new() {
        let (one, two) = (temporary(), temporary());
        assert!(is_reserved(one.as_bytes()) && is_reserved(two.as_bytes()));
        assert_ne!(one, two);
    }

    #[test]
    fn names_that_look_alike_are_free() {
        for name in [
            "",
            ".~ab-",
            ".~ab-0123456789abcde",
            ".~ab-0123456789abcdef0",
            ".~ab-0123456789ABCDEF",
            "~ab-0123456789abcdef",
        ] {
            assert!(!is_reserved(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_reserved_segment_is_refused_wherever_it_is() {
        for path in ["/.~ab-0123456789abcdef", "/a/.~ab-0123456789abcdef/b"] {
            assert!(check(&VirtualPath::parse(path).unwrap()).is_err(), "{path}");
        }
        assert!(check(&VirtualPath::parse("/.~ab-x/b").unwrap()).is_ok());
    }
}
