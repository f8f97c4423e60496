//! How files get their versions.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use backend_core::Version;

/// How a store gives versions to files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Versions {
    /// Each is one that no file had before, in this process or any other.
    #[default]
    Unique,
    /// Each is derived from what a document keeps of a file: its content and its time.
    Derived,
}

impl Versions {
    /// Returns the version of a file with this content, from this time on.
    pub(crate) fn of(self, content: &[u8], modified: SystemTime) -> Version {
        match self {
            Self::Unique => unique(),
            Self::Derived => derived(content, modified),
        }
    }
}

fn unique() -> Version {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Version::from_parts(&[*SEED, NEXT.fetch_add(1, Ordering::Relaxed)])
}

fn derived(content: &[u8], modified: SystemTime) -> Version {
    let (after, since) = match modified.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (1, since),
        Err(error) => (0, error.duration()),
    };
    let mut parts = vec![
        after,
        since.as_secs(),
        since.subsec_nanos().into(),
        content.len() as u64,
    ];
    parts.extend(content.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        for (byte, from) in word.iter_mut().zip(chunk) {
            *byte = *from;
        }
        u64::from_le_bytes(word)
    }));
    Version::from_parts(&parts)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Versions;

    #[test]
    fn a_derived_version_depends_on_content_and_time_alone() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1);
        let before = SystemTime::UNIX_EPOCH - Duration::from_millis(1);
        let version = |content: &[u8], time| Versions::Derived.of(content, time);
        assert_eq!(version(b"one", time), version(b"one", time));
        assert_ne!(version(b"one", time), version(b"two", time));
        assert_ne!(version(b"one", time), version(b"one\0", time));
        assert_ne!(version(b"one", time), version(b"one", before));
    }

    #[test]
    fn a_unique_version_is_given_once() {
        let version = || Versions::Unique.of(b"one", SystemTime::UNIX_EPOCH);
        assert_ne!(version(), version());
    }
}
