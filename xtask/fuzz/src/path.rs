//! Paths: a parsed path is normal, stays so however it is split and joined, and is ordered by segments.

use arbitrary::{Result, Unstructured};
use backend_core::{MAX_PATH_BYTES, MAX_SEGMENT_BYTES, VirtualPath};

use crate::words;

const WORDS: &[&str] = &[
    "/",
    "/",
    "/",
    ".",
    "..",
    "~",
    "C:",
    "\\",
    "a",
    "b",
    "ab",
    "-",
    "é",
    "\0",
    "\n",
    "\u{85}",
    " ",
    "mem",
    "memory",
    ":",
    "c",
    "\u{10ffff}",
    "LONG",
];

/// Takes two texts and checks the laws of paths on them.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((left, right)) = texts(&mut u) else {
        return;
    };
    let (left, right) = (check(&left), check(&right));
    if let (Some(left), Some(right)) = (left, right) {
        check_pair(&left, &right);
    }
}

fn texts(u: &mut Unstructured<'_>) -> Result<(String, String)> {
    let mut text = || {
        Ok(if u.ratio(1, 4)? {
            u.arbitrary::<String>()?
        } else {
            words::text(u, WORDS, 20)?.replace("LONG", &"l".repeat(250))
        })
    };
    Ok((text()?, text()?))
}

/// Parses a text as a path. Whether it is valid is decided here independently, in the simplest way.
fn check(text: &str) -> Option<VirtualPath> {
    let segments: Vec<&str> = text
        .split('/')
        .filter(|s| !s.is_empty() && *s != ".")
        .collect();
    let normal = format!("/{}", segments.join("/"));
    let bad = has_drive(text)
        || text.chars().any(char::is_control)
        || segments.contains(&"..")
        || (segments.first() == Some(&"~") && !text.starts_with('/'))
        || segments.iter().any(|s| s.len() > MAX_SEGMENT_BYTES)
        || normal.len() > MAX_PATH_BYTES;
    match VirtualPath::parse(text) {
        Ok(path) => {
            assert!(!bad, "{text:?} is accepted");
            assert_eq!(path.as_str(), normal, "{text:?}");
            check_path(&path);
            Some(path)
        }
        Err(error) => {
            assert!(bad, "{text:?} is refused: {error}");
            let shown = error.to_string();
            assert!(
                !shown.contains(char::is_control) && shown.len() < 2000,
                "{shown:?}"
            );
            None
        }
    }
}

fn check_path(path: &VirtualPath) {
    assert_eq!(VirtualPath::parse(path.as_str()).as_ref(), Ok(path));
    let json = serde_json::to_string(path).expect("a path is a string");
    assert_eq!(
        &serde_json::from_str::<VirtualPath>(&json).expect("a path comes back"),
        path
    );
    assert_eq!(
        path.ancestors().count(),
        path.segments().count() + 1,
        "{path}"
    );
    assert_eq!(path.is_root(), path.parent().is_none());
    if let (Some(parent), Some(name)) = (path.parent(), path.name()) {
        assert_eq!(
            parent.child(name).as_ref(),
            Ok(path),
            "the child {name:?} of {parent}"
        );
        assert!(parent < *path, "{parent} is before what is in it");
    }
    for above in path.ancestors() {
        assert!(path.starts_with(&above));
        let inner = path.strip_prefix(&above).expect("it is below");
        assert_eq!(
            VirtualPath::parse(inner.as_str()).as_ref(),
            Ok(&inner),
            "{path} seen from {above}"
        );
        assert_eq!(
            inner.rebase(&above).as_ref(),
            Ok(path),
            "{path} seen from {above} and back"
        );
    }
}

fn check_pair(left: &VirtualPath, right: &VirtualPath) {
    assert_eq!(
        left.cmp(right),
        left.segments().cmp(right.segments()),
        "{left} and {right}"
    );
    assert_eq!(
        left.cmp(right),
        right.cmp(left).reverse(),
        "{left} and {right}"
    );
    let below = right.segments().zip(left.segments()).all(|(a, b)| a == b)
        && right.segments().count() <= left.segments().count();
    assert_eq!(left.starts_with(right), below, "{left} below {right}");
    assert_eq!(left.strip_prefix(right).is_some(), below);
    // Without its `/` a path may look like a drive or a home.
    let relative = right.relative();
    if !has_drive(relative) && relative != "~" && !relative.starts_with("~/") {
        let fits = left.as_str().len() + right.as_str().len() <= MAX_PATH_BYTES;
        let joined = left.join(relative);
        assert_eq!(joined.is_ok(), left.is_root() || right.is_root() || fits);
        assert_eq!(joined.ok(), right.rebase(left).ok(), "{right} in {left}");
    }
}

fn has_drive(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), Some('/' | '\\'))
}
