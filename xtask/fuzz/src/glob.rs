//! Globs: the results are what matches, in order, and nothing is silently left out.

use arbitrary::{Result, Unstructured};
use backend_core::{
    Backend, Entry, EntryKind, ErrorKind, GlobRequest, Page, Truncation, VirtualPath,
};

use crate::now::now;
use crate::tree::{self, Tree};
use crate::words;

const WORDS: &[&str] = &[
    "a", "b", "*", "**", "/", "/", ".", ".rs", "src", "?", "[", "]", "{", "}", ",", "!", "\\", "é",
    "..", "-", "**/", "*.", ".h", " ", "A",
];

/// The words of patterns that the oracle knows.
const PLAIN_WORDS: &[&str] = &["a", "b", "*", "?", ".rs", ".", "src", "é", "-", "A"];

/// Takes a small workspace and a request.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    if let Ok((tree, request, plain)) = input(&mut u) {
        check(&tree, &request, plain);
    }
}

fn input(u: &mut Unstructured<'_>) -> Result<(Tree, GlobRequest, bool)> {
    let tree = Tree::arbitrary(u, 12, &["a"])?;
    let plain = u.arbitrary()?;
    let pattern = if plain {
        plain_pattern(u)?
    } else {
        words::text(u, WORDS, 8)?
    };
    let mut request = GlobRequest::new(pattern);
    request.hidden = u.arbitrary()?;
    request.ignored = u.arbitrary()?;
    request.directories = u.arbitrary()?;
    if u.ratio(1, 3)? {
        request.path = tree::path(u)?;
    }
    if u.ratio(1, 6)? {
        request.exclude.push(tree::path(u)?);
    }
    if !plain && u.ratio(1, 6)? {
        request.seen_at = tree::path(u)?;
    }
    request.limit = words::size(u)?;
    Ok((tree, request, plain))
}

/// Makes a pattern of whole segments, some of them `**`.
fn plain_pattern(u: &mut Unstructured<'_>) -> Result<String> {
    let mut segments = Vec::new();
    for _ in 0..u.int_in_range(1..=4_u8)? {
        let any = u.ratio(1, 3)?;
        let segment = if any {
            "**".to_owned()
        } else {
            words::text(u, PLAIN_WORDS, 3)?
        };
        // An empty segment and two stars in a row mean something else.
        let bad = segment.is_empty()
            || segment == "."
            || segment == ".."
            || (!any && segment.contains("**"));
        segments.push(if bad { "a".to_owned() } else { segment });
    }
    Ok(segments.join("/"))
}

fn check(tree: &Tree, request: &GlobRequest, plain: bool) {
    let page = match now(tree.backend.glob_with(request)) {
        Ok(page) => page,
        Err(error) => return check_error(tree, request, &error),
    };
    assert!(request.limit > 0, "a limit of 0 is refused");
    let paths = paths(&page);
    assert!(
        paths.is_sorted_by(|a, b| a < b),
        "in order, each once: {paths:?}"
    );
    for entry in &page {
        assert_eq!(tree.kind(&entry.path), Some(entry.kind), "{entry:?}");
        assert!(
            entry.path.starts_with(&request.path) && entry.path != request.path,
            "{entry:?}"
        );
        assert!(
            request.directories
                || entry.kind != EntryKind::Directory
                || request.pattern.ends_with('/'),
            "{entry:?}"
        );
        assert!(
            !request
                .exclude
                .iter()
                .any(|out| entry.path.starts_with(out)),
            "{entry:?}"
        );
    }
    check_limit(tree, request, &page);
    check_wider(tree, request, &paths);
    if plain && request.hidden && request.ignored && page.truncated.is_none() {
        let want: Vec<&VirtualPath> = tree
            .entries
            .iter()
            .filter(|e| wanted(request, &e.0, e.1))
            .map(|e| &e.0)
            .collect();
        assert_eq!(paths, want, "{request:?} in {:?}", tree.entries);
    }
}

fn check_error(tree: &Tree, request: &GlobRequest, error: &backend_core::Error) {
    let kind = error.kind();
    let base = tree.base(&request.path, &request.exclude);
    match kind {
        ErrorKind::InvalidPattern => {}
        ErrorKind::InvalidRequest => assert_eq!(request.limit, 0, "{request:?}: {error}"),
        ErrorKind::NotFound => assert_eq!(base, None, "{request:?}: {error}"),
        ErrorKind::NotADirectory => {
            assert_ne!(base, Some(EntryKind::Directory), "{request:?}: {error}")
        }
        _ => panic!("{request:?}: {error:?}"),
    }
}

/// A limit keeps the first results, and says whether there are more.
fn check_limit(tree: &Tree, request: &GlobRequest, page: &Page<Entry>) {
    let all = now(tree.backend.glob_with(&request.clone().limit(usize::MAX)));
    let all = all.expect("a higher limit is not an error");
    assert!(all.is_whole());
    assert_eq!(
        page.items.len(),
        all.items.len().min(request.limit),
        "{request:?}"
    );
    assert_eq!(paths(page), paths(&all)[..page.items.len()], "{request:?}");
    let more = all.items.len() > request.limit;
    assert_eq!(
        page.truncated,
        more.then_some(Truncation::Limit),
        "{request:?}"
    );
}

/// A search of hidden and ignored entries too also finds the others.
fn check_wider(tree: &Tree, request: &GlobRequest, paths: &[&VirtualPath]) {
    let wide = request.clone().hidden().ignored().limit(usize::MAX);
    let wide = now(tree.backend.glob_with(&wide)).expect("a wider search is not an error");
    for path in paths {
        assert!(
            wide.items.iter().any(|entry| entry.path == **path),
            "{path} of {request:?}"
        );
    }
}

fn paths(page: &Page<Entry>) -> Vec<&VirtualPath> {
    page.items.iter().map(|entry| &entry.path).collect()
}

/// Decides independently, in the simplest way, whether an entry is among the results.
fn wanted(request: &GlobRequest, path: &VirtualPath, kind: EntryKind) -> bool {
    let Some(inner) = path.strip_prefix(&request.path) else {
        return false;
    };
    let pattern: Vec<&str> = request.pattern.split('/').collect();
    let segments: Vec<&str> = inner.segments().collect();
    let excluded = request.exclude.iter().any(|out| path.starts_with(out));
    let kind = request.directories || kind != EntryKind::Directory;
    !segments.is_empty() && !excluded && kind && segments_match(&pattern, &segments)
}

fn segments_match(pattern: &[&str], segments: &[&str]) -> bool {
    match pattern.split_first() {
        None => segments.is_empty(),
        // The last `**` stands for at least one segment.
        Some((&"**", [])) => !segments.is_empty(),
        Some((&"**", rest)) => {
            (0..=segments.len()).any(|skip| segments_match(rest, &segments[skip..]))
        }
        Some((first, rest)) => segments.split_first().is_some_and(|(name, others)| {
            let (first, name): (Vec<char>, Vec<char>) =
                (first.chars().collect(), name.chars().collect());
            name_matches(&first, &name) && segments_match(rest, others)
        }),
    }
}

fn name_matches(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|skip| name_matches(rest, &name[skip..])),
        Some(('?', rest)) => !name.is_empty() && name_matches(rest, &name[1..]),
        Some((c, rest)) => name.first() == Some(c) && name_matches(rest, &name[1..]),
    }
}
