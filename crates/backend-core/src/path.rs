//! Virtual paths: the only way in which an agent names a file.
//!
//! A path is validated once, when it is parsed, and stays valid. It is independent of any real file system: links, host
//! directories and the current directory play no part in it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use segments::Segments;

mod segments;

/// The longest segment that a path can have, in bytes.
pub const MAX_SEGMENT_BYTES: usize = 255;

/// The longest path, in bytes, with its leading `/`.
pub const MAX_PATH_BYTES: usize = 4096;

/// An absolute, normalised, UTF-8 path inside a workspace, such as `/src/main.rs`.
///
/// It is made by [`parse`](Self::parse) and holds these invariants:
///
/// - it starts with `/` and, unless it is the root, does not end with one;
/// - no segment is empty, `.` or `..`;
/// - it has no control characters, and is within [`MAX_SEGMENT_BYTES`] and [`MAX_PATH_BYTES`].
///
/// Paths are ordered segment by segment, so a directory is directly followed by its contents: `/a`, `/a/b`, `/a-b`. Cloning
/// one bumps a reference count.
///
/// # Examples
///
/// ```
/// use backend_core::VirtualPath;
///
/// let path = VirtualPath::parse("src//./main.rs")?;
/// assert_eq!(path.as_str(), "/src/main.rs");
/// assert!(VirtualPath::parse("/src/../../etc/passwd").is_err());
/// # Ok::<(), backend_core::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VirtualPath(Arc<str>);

/// Says why a text is not a [`VirtualPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct PathError {
    path: String,
    reason: PathReason,
}

/// The reason of a [`PathError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PathReason {
    /// A segment is `..`.
    ParentSegment,
    /// It contains a control character, such as NUL or a newline.
    ControlCharacter,
    /// It starts with a drive, such as `C:\` or `C:/`.
    Drive,
    /// The first segment is exactly `~`, without a `/` before it.
    Home,
    /// A segment exceeds [`MAX_SEGMENT_BYTES`].
    SegmentTooLong,
    /// The path exceeds [`MAX_PATH_BYTES`].
    PathTooLong,
    /// The name of a single entry is required, and it is empty, `.` or contains a `/`.
    NotAName,
    /// The backend reserves the name for its own temporary files.
    Reserved,
}

impl fmt::Display for PathReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ParentSegment => f.write_str("a path cannot have a '..' segment"),
            Self::ControlCharacter => f.write_str("a path cannot have control characters"),
            Self::Drive => f.write_str("a path cannot start with a drive; use '/' paths"),
            Self::Home => f.write_str("'~' has no meaning here; paths start at '/'"),
            Self::SegmentTooLong => write!(f, "a name is at most {MAX_SEGMENT_BYTES} bytes long"),
            Self::PathTooLong => write!(f, "a path is at most {MAX_PATH_BYTES} bytes long"),
            Self::NotAName => f.write_str("this is not the name of a single entry"),
            Self::Reserved => f.write_str("this name is reserved for temporary files"),
        }
    }
}

impl PathError {
    /// Makes an error about `path`, which is escaped and cut so that it is safe to print.
    pub fn new(path: &str, reason: PathReason) -> Self {
        const SHOWN: usize = 80;
        let mut shown: String = path
            .chars()
            .take(SHOWN)
            .flat_map(char::escape_debug)
            .collect();
        if path.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        Self {
            path: shown,
            reason,
        }
    }

    /// Returns the rejected text, escaped and cut to 80 characters.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns why the text was rejected.
    pub fn reason(&self) -> PathReason {
        self.reason
    }
}

impl VirtualPath {
    /// Returns the root, `/`.
    pub fn root() -> Self {
        Self(Arc::from("/"))
    }

    /// Parses a path. A text without a leading `/` is taken from the root; `""`, `.`, `./` and `/.` are the root.
    ///
    /// # Errors
    ///
    /// Returns a [`PathError`] for a `..` segment, a control character, a segment over 255 bytes or a path over 4096; and, in
    /// a text without a leading `/`, for a drive prefix (`C:\`, `C:/`) or a first segment `~`. `a..b` and `~x.txt` are
    /// ordinary names, and so is `~` in `/~`.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, PathError> {
        let text = text.as_ref();
        let refuse = |reason| Err(PathError::new(text, reason));
        if has_drive(text) {
            return refuse(PathReason::Drive);
        }
        if text.chars().any(char::is_control) {
            return refuse(PathReason::ControlCharacter);
        }
        let mut clean = String::with_capacity(text.len() + 1);
        for (index, segment) in text
            .split('/')
            .filter(|s| !s.is_empty() && *s != ".")
            .enumerate()
        {
            match segment {
                ".." => return refuse(PathReason::ParentSegment),
                "~" if index == 0 && !text.starts_with('/') => return refuse(PathReason::Home),
                _ if segment.len() > MAX_SEGMENT_BYTES => {
                    return refuse(PathReason::SegmentTooLong);
                }
                _ => {
                    clean.push('/');
                    clean.push_str(segment);
                }
            }
        }
        if clean.is_empty() {
            clean.push('/');
        }
        if clean.len() > MAX_PATH_BYTES {
            return refuse(PathReason::PathTooLong);
        }
        Ok(Self(clean.into()))
    }

    /// Returns the path as text, with its leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path relative to the root: `src/main.rs`, and `.` for the root itself.
    pub fn relative(&self) -> &str {
        match self.0.strip_prefix('/') {
            Some("") | None => ".",
            Some(rest) => rest,
        }
    }

    /// Resolves a text against this directory: with a leading `/` it is an absolute path, otherwise it is relative to this
    /// directory.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    ///
    /// # Examples
    ///
    /// ```
    /// use backend_core::VirtualPath;
    ///
    /// let here = VirtualPath::parse("/workspace")?;
    /// assert_eq!(here.resolve("src/a.rs")?, "/workspace/src/a.rs");
    /// assert_eq!(here.resolve("/etc/os-release")?, "/etc/os-release");
    /// assert_eq!(here.resolve(".")?, here);
    /// assert!(here.resolve("../other").is_err());
    /// # Ok::<(), backend_core::PathError>(())
    /// ```
    pub fn resolve(&self, text: &str) -> Result<Self, PathError> {
        let path = Self::parse(text)?;
        if text.starts_with('/') {
            return Ok(path);
        }
        path.rebase(self)
    }

    /// Returns whether this is `/`.
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// Returns the last segment, or `None` for the root.
    pub fn name(&self) -> Option<&str> {
        if self.is_root() {
            None
        } else {
            self.0.rsplit('/').next()
        }
    }

    /// Returns the path without its last segment, or `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => Some(Self::root()),
            Some((parent, _)) => Some(Self(parent.into())),
        }
    }

    /// Returns the segments in order. The root has none.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        Segments(self.0.strip_prefix('/').unwrap_or_default())
    }

    /// Returns this path and its parents, nearest first, down to the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Returns the path of `name` in this directory.
    ///
    /// # Errors
    ///
    /// Returns a [`PathError`] if `name` is not the name of a single entry, or the result is too long.
    pub fn child(&self, name: &str) -> Result<Self, PathError> {
        if name.is_empty() || name == "." || name.contains('/') {
            return Err(PathError::new(name, PathReason::NotAName));
        }
        if name == ".." {
            return Err(PathError::new(name, PathReason::ParentSegment));
        }
        if name.chars().any(char::is_control) {
            return Err(PathError::new(name, PathReason::ControlCharacter));
        }
        if name.len() > MAX_SEGMENT_BYTES {
            return Err(PathError::new(name, PathReason::SegmentTooLong));
        }
        let base = if self.is_root() { "" } else { self.as_str() };
        if base.len() + 1 + name.len() > MAX_PATH_BYTES {
            return Err(PathError::new(name, PathReason::PathTooLong));
        }
        let mut text = String::with_capacity(base.len() + 1 + name.len());
        text.push_str(base);
        text.push('/');
        text.push_str(name);
        Ok(Self(text.into()))
    }

    /// Returns `relative` resolved against this directory.
    ///
    /// # Errors
    ///
    /// Returns a [`PathError`] as [`parse`](Self::parse) does; `..` is rejected here too.
    pub fn join(&self, relative: &str) -> Result<Self, PathError> {
        let path = Self::parse(relative)?;
        path.rebase(self)
    }

    /// Returns whether `prefix` is this path or one of its ancestors. `/memory` does not start with `/mem`.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.tail(prefix).is_some()
    }

    /// Returns this path relative to `prefix`, or `None` if it is not below it.
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        match self.tail(prefix)? {
            "" => Some(Self::root()),
            _ if prefix.is_root() => Some(self.clone()),
            tail => Some(Self(tail.into())),
        }
    }

    /// Returns this path as seen from outside a mount: `/a` rebased on `/mnt` is `/mnt/a`.
    ///
    /// # Errors
    ///
    /// Returns a [`PathError`] if the result is longer than [`MAX_PATH_BYTES`].
    pub fn rebase(&self, mount: &Self) -> Result<Self, PathError> {
        if mount.is_root() {
            return Ok(self.clone());
        }
        if self.is_root() {
            return Ok(mount.clone());
        }
        if mount.0.len() + self.0.len() > MAX_PATH_BYTES {
            return Err(PathError::new(self.as_str(), PathReason::PathTooLong));
        }
        Ok(Self(format!("{mount}{self}").into()))
    }

    /// The rest of the path after `prefix`: empty, or starting with `/`.
    fn tail(&self, prefix: &Self) -> Option<&str> {
        if prefix.is_root() {
            return Some(if self.is_root() { "" } else { self.as_str() });
        }
        let tail = self.0.strip_prefix(&*prefix.0)?;
        (tail.is_empty() || tail.starts_with('/')).then_some(tail)
    }
}

fn has_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

impl Default for VirtualPath {
    fn default() -> Self {
        Self::root()
    }
}

impl Ord for VirtualPath {
    fn cmp(&self, other: &Self) -> Ordering {
        // A '/' sorts before every other character, so a directory is directly followed by its contents. NUL can stand for
        // it: no path contains one.
        let key = |byte: u8| if byte == b'/' { 0 } else { byte };
        let (left, right) = if self.is_root() || other.is_root() {
            (self.relative_or_empty(), other.relative_or_empty())
        } else {
            (self.as_str(), other.as_str())
        };
        left.bytes().map(key).cmp(right.bytes().map(key))
    }
}

impl PartialOrd for VirtualPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl VirtualPath {
    fn relative_or_empty(&self) -> &str {
        self.0.strip_prefix('/').unwrap_or_default()
    }
}

impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for VirtualPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for VirtualPath {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for VirtualPath {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl FromStr for VirtualPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for VirtualPath {
    type Error = PathError;

    fn try_from(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for VirtualPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl TryFrom<&String> for VirtualPath {
    type Error = PathError;

    fn try_from(text: &String) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl From<&Self> for VirtualPath {
    fn from(path: &Self) -> Self {
        path.clone()
    }
}

impl From<VirtualPath> for String {
    fn from(path: VirtualPath) -> Self {
        path.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests;
