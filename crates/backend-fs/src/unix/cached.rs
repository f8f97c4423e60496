//! Answers from the kernel's caches, without waiting for a disk or a server: a stat, and the content of a small file.
//! Runs on the caller's thread, which avoids a trip to the blocking pool that costs many times more.
//!
//! Only success is decided here. Anything unusual (a link, a mount, an error, a disk to wait for, a file that
//! changes) is `None`, and the normal path handles it.

use backend_core::text::WindowScanner;
use backend_core::{
    Content, Entry, EntryKind, ReadBytesRequest, ReadRequest, Result, StatRequest, TextPage,
    VirtualPath,
};
use bytes::Bytes;

use super::meta::Meta;
use super::names;
use super::root::Root;

/// The size, in bytes, up to which a file is read at once. Reading a larger one takes longer than the trip to another
/// thread.
const MAX_INLINE_BYTES: u64 = 64 << 10;

impl Root {
    /// Like [`stat`](Self::stat), if it need not wait.
    pub(crate) fn stat_cached(&self, request: &StatRequest) -> Option<Result<Entry>> {
        let path = &request.path;
        let meta = self.lstat_cached(path)?;
        matches!(meta.kind(), EntryKind::File | EntryKind::Directory)
            .then(|| Ok(self.entry(path.clone(), &meta)))
    }

    /// Like [`read`](Self::read), if it need not wait.
    pub(crate) fn read_cached(&self, request: &ReadRequest) -> Option<Result<TextPage>> {
        let (content, meta) = self.content_cached(&request.path)?;
        let scan = || {
            let mut scanner = WindowScanner::new(request, meta.size(), meta.version())?;
            scanner.push(&content)?;
            scanner.finish()
        };
        Some(scan())
    }

    /// Like [`read_bytes`](Self::read_bytes), if it need not wait.
    pub(crate) fn read_bytes_cached(&self, request: &ReadBytesRequest) -> Option<Result<Content>> {
        let (content, meta) = self.content_cached(&request.path)?;
        let part = || {
            let range = request.resolve(meta.size())?;
            // Both ends are within the content, whose length is a usize.
            let content = Bytes::from(content);
            let index = |at: u64| usize::try_from(at).unwrap_or(content.len());
            let bytes = content.slice(index(range.start)..index(range.end));
            Ok(Content::new(bytes, meta.size(), meta.version()))
        };
        Some(part())
    }

    /// Stats an entry that is not a link, and whose path has no links.
    fn lstat_cached(&self, path: &VirtualPath) -> Option<Meta> {
        if !self.is_local() || names::check(path).is_err() {
            return None;
        }
        Meta::of(kernel::open_path(self.dir(), path.relative())?).ok()
    }

    /// Returns the whole content of a small file, if it was not changed meanwhile.
    fn content_cached(&self, path: &VirtualPath) -> Option<(Vec<u8>, Meta)> {
        // A FIFO or a device must not be opened, so check first.
        let seen = self.lstat_cached(path)?;
        if !seen.is_file() || !(1..=MAX_INLINE_BYTES).contains(&seen.size()) {
            return None;
        }
        let file = kernel::open(self.dir(), path.relative())?;
        let meta = Meta::of(&file).ok()?;
        if meta.id() != seen.id() || meta.size() != seen.size() {
            return None;
        }
        let content = kernel::read(&file, usize::try_from(meta.size()).ok()?)?;
        let later = Meta::of(&file).ok()?;
        (later.version() == meta.version()).then_some((content, meta))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel {
    //! Calls that Linux refuses rather than waits.

    use std::io::IoSliceMut;
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::{ReadWriteFlags, preadv2};

    use crate::unix::sys::READ;

    /// Below the directory, only through cached names; no links, and no other mounts.
    const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
        .union(ResolveFlags::NO_SYMLINKS)
        .union(ResolveFlags::NO_XDEV)
        .union(ResolveFlags::CACHED);

    const OPEN_PATH: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    pub(super) fn open_path(dir: impl AsFd, path: &str) -> Option<OwnedFd> {
        openat2(dir, path, OPEN_PATH, Mode::empty(), RESOLVE).ok()
    }

    pub(super) fn open(dir: impl AsFd, path: &str) -> Option<OwnedFd> {
        openat2(dir, path, READ, Mode::empty(), RESOLVE).ok()
    }

    /// Reads exactly this much from the start, if all of it is in memory.
    pub(super) fn read(file: impl AsFd, length: usize) -> Option<Vec<u8>> {
        let mut content = vec![0; length];
        let into = &mut [IoSliceMut::new(&mut content)];
        let read = preadv2(file, into, 0, ReadWriteFlags::NOWAIT).ok()?;
        (read == length).then_some(content)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod kernel {
    //! Systems that cannot tell what would have to wait.

    use std::os::fd::{AsFd, OwnedFd};

    pub(super) fn open_path(_dir: impl AsFd, _path: &str) -> Option<OwnedFd> {
        None
    }

    pub(super) fn open(_dir: impl AsFd, _path: &str) -> Option<OwnedFd> {
        None
    }

    pub(super) fn read(_file: impl AsFd, _length: usize) -> Option<Vec<u8>> {
        None
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;
    use std::path::Path;

    use backend_core::{ErrorKind, ReadBytesRequest, ReadRequest, StatRequest, VirtualPath};

    use super::{MAX_INLINE_BYTES, Root};
    use crate::builder::Options;

    fn root(dir: &Path) -> Root {
        let options = Options {
            create_root: false,
            read_only: false,
            durability: crate::Durability::default(),
            links_within_root: false,
        };
        let mut root = Root::open(dir, options).unwrap();
        // The file system that the tests run on.
        root.set_local(true);
        root
    }

    fn path(text: &str) -> VirtualPath {
        VirtualPath::parse(text).unwrap()
    }

    #[test]
    fn cached_answers_equal_those_of_the_normal_path() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/f"), "one\ntwo\nthree\n").unwrap();
        fs::write(dir.path().join("binary"), b"\x00\xff\xfe").unwrap();
        let root = root(dir.path());
        for name in ["/", "/d", "/d/f", "/binary"] {
            let request = StatRequest::new(path(name));
            if let Some(entry) = root.stat_cached(&request) {
                assert_eq!(entry.unwrap(), root.stat(&request).unwrap());
            }
        }
        let lines = ReadRequest::new(path("/d/f")).offset(1).limit(1);
        if let Some(page) = root.read_cached(&lines) {
            assert_eq!(page.unwrap(), root.read(&lines).unwrap());
        }
        let bytes = ReadBytesRequest::new(path("/d/f")).range(4..7);
        if let Some(content) = root.read_bytes_cached(&bytes) {
            let (content, want) = (content.unwrap(), root.read_bytes(&bytes).unwrap());
            assert_eq!(&content.bytes[..], b"two");
            assert_eq!(content.bytes, want.bytes);
            assert_eq!((content.size, content.version), (want.size, want.version));
        }
        if let Some(refused) = root.read_cached(&ReadRequest::new(path("/binary"))) {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotText);
        }
    }

    #[test]
    fn anything_unusual_takes_the_normal_path() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("d")).unwrap();
        fs::write(at("d/f"), "text").unwrap();
        fs::write(at("empty"), "").unwrap();
        fs::write(at("large"), vec![b'x'; MAX_INLINE_BYTES as usize + 1]).unwrap();
        std::os::unix::fs::symlink("d/f", at("link")).unwrap();
        std::os::unix::fs::symlink("d", at("way")).unwrap();
        std::os::unix::fs::symlink("/etc", at("out")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), 0o600.into()).unwrap();
        let root = root(dir.path());
        for name in ["/gone", "/link", "/way/f", "/out/passwd", "/fifo", "/d/f/g"] {
            assert!(
                root.stat_cached(&StatRequest::new(path(name))).is_none(),
                "{name}"
            );
        }
        for name in [
            "/gone",
            "/link",
            "/way/f",
            "/out/passwd",
            "/fifo",
            "/d",
            "/empty",
            "/large",
        ] {
            let (lines, bytes) = (
                ReadRequest::new(path(name)),
                ReadBytesRequest::new(path(name)),
            );
            assert!(root.read_cached(&lines).is_none(), "{name}");
            assert!(root.read_bytes_cached(&bytes).is_none(), "{name}");
        }
    }

    #[test]
    fn a_stat_that_may_have_to_wait_is_not_answered() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "text").unwrap();
        let mut root = root(dir.path());
        root.set_local(false);
        assert!(root.stat_cached(&StatRequest::new(path("/f"))).is_none());
        assert!(root.read_cached(&ReadRequest::new(path("/f"))).is_none());
    }
}
