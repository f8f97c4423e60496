//! Greps: the three forms of output agree, a limit keeps the first matches, and a line has the number that a read gives it.

use arbitrary::{Result, Unstructured};
use backend_core::{
    Backend, BackendExt, Case, EntryKind, ErrorKind, GrepMatch, GrepOutput, GrepRequest, Grepped,
    Truncation, VirtualPath,
};

use crate::now::now;
use crate::tree::{self, Tree};
use crate::words;

/// The parts of patterns. No `\w` and no large class: compiling one takes a thousand times as long as searching.
const WORDS: &[&str] = &[
    "a", "b", "ab", "A", ".", "*", "+", "?", "(", ")", "[", "]", "^", "$", "\\", "|", "\\b",
    "[0-9]", "\\n", "\n", "{", "}", "2", ",", "(?i)", "(?m)", "é", "[α-ω]", " ", "-", "[^a]", "a*",
    "\\s", "\r", "$^", "x{9}",
];

const PLAIN_WORDS: &[&str] = &["a", "b", "ab", "aa", "A", "é", " ", "a.b", "_", "0", "}"];

const GLOBS: &[&str] = &[
    "*.rs", "!*.rs", "a", "!a", "src/**", "**/a", "[", "{a,b}", "/a", "!", "", ".h", "*",
];

const TYPES: &[&str] = &["rust", "txt", "nothing", "", "all"];

/// Takes a small workspace and a request.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    if let Ok((tree, request)) = input(&mut u) {
        check(&tree, &request);
    }
}

fn input(u: &mut Unstructured<'_>) -> Result<(Tree, GrepRequest)> {
    let tree = Tree::arbitrary(u, 8, words::CONTENT)?;
    let fixed = u.arbitrary()?;
    let mut request = GrepRequest::new(words::text(u, if fixed { PLAIN_WORDS } else { WORDS }, 5)?);
    request.fixed = fixed;
    request.case = *u.choose(&[Case::Sensitive, Case::Insensitive, Case::Smart])?;
    request.word = u.ratio(1, 4)?;
    request.multi_line = u.ratio(1, 3)?;
    if u.ratio(1, 3)? {
        (request.before, request.after) = (words::size(u)?, words::size(u)?);
    }
    if u.ratio(1, 4)? {
        request.globs.push((*u.choose(GLOBS)?).to_owned());
    }
    if u.ratio(1, 8)? {
        request.types.push((*u.choose(TYPES)?).to_owned());
    }
    (request.hidden, request.ignored) = (u.arbitrary()?, u.arbitrary()?);
    if u.ratio(1, 3)? {
        request.path = tree::path(u)?;
    }
    if u.ratio(1, 8)? {
        request.exclude.push(tree::path(u)?);
    }
    if u.ratio(1, 2)? {
        request.limit = words::size(u)?;
    }
    if u.ratio(1, 8)? {
        request.file_limit = Some(words::size(u)?);
    }
    if u.ratio(1, 4)? {
        request.line_bytes = words::size(u)?;
    }
    Ok((tree, request))
}

fn check(tree: &Tree, request: &GrepRequest) {
    let found = match now(tree.backend.grep_with(request)) {
        Ok(found) => found,
        Err(error) => return check_error(tree, request, &error),
    };
    assert!(request.limit > 0, "a limit of 0 is refused");
    let again = now(tree.backend.grep_with(request)).expect("the same again");
    assert_eq!(format!("{again:?}"), format!("{found:?}"), "the same again");
    assert!(found.files.is_empty() && found.failures.is_empty());
    assert!(
        found
            .matches
            .is_sorted_by(|a, b| (&a.path, a.line, a.column) < (&b.path, b.line, b.column)),
        "{found:?}"
    );
    for hit in &found.matches {
        check_match(tree, request, hit);
    }
    check_limit(tree, request, &found);
    if request.file_limit.is_none() {
        check_forms(tree, request);
    }
    if request.fixed && request.case == Case::Sensitive && !request.word && !request.multi_line {
        check_lines(tree, request, &found);
    }
}

fn check_error(tree: &Tree, request: &GrepRequest, error: &backend_core::Error) {
    let base = tree.base(&request.path, &request.exclude).is_some();
    match error.kind() {
        ErrorKind::InvalidPattern => assert!(
            !request.fixed || !request.globs.is_empty(),
            "{request:?}: {error}"
        ),
        ErrorKind::InvalidRequest => {}
        ErrorKind::NotFound | ErrorKind::NotADirectory => assert!(!base, "{request:?}: {error}"),
        _ => panic!("{request:?}: {error:?}"),
    }
}

fn check_match(tree: &Tree, request: &GrepRequest, hit: &GrepMatch) {
    assert_eq!(tree.kind(&hit.path), Some(EntryKind::File), "{hit:?}");
    assert!(hit.path.starts_with(&request.path), "{hit:?}");
    assert!(
        !request.exclude.iter().any(|out| hit.path.starts_with(out)),
        "{hit:?}"
    );
    assert!(hit.line >= 1 && hit.column >= 1, "{hit:?}");
    assert!(
        hit.before.len() <= request.before && hit.after.len() <= request.after,
        "{hit:?}"
    );
    let numbers =
        |lines: &[backend_core::GrepLine]| lines.iter().map(|line| line.line).collect::<Vec<_>>();
    let (before, after) = (numbers(&hit.before), numbers(&hit.after));
    assert!(
        before.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{hit:?}"
    );
    assert!(
        before.last().is_none_or(|last| last + 1 == hit.line),
        "{hit:?}"
    );
    assert!(
        after.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{hit:?}"
    );
    assert!(
        after.first().is_none_or(|first| *first > hit.line),
        "{hit:?}"
    );
    if request.multi_line || hit.cut || hit.lossy {
        return;
    }
    // If the file is text, a read shows the same line under the same number.
    if let Ok(page) = now(tree.backend.read_lines(&hit.path, hit.line - 1, 1)) {
        let line = page
            .numbered_lines()
            .next()
            .map(|(_, line)| line.to_owned());
        assert_eq!(line.as_deref(), Some(hit.text.as_str()), "{hit:?}");
    }
}

fn check_limit(tree: &Tree, request: &GrepRequest, found: &Grepped) {
    // Context lines of the last match may be another match that the limit left out.
    let flat = request.clone().context(0, 0);
    let all =
        now(tree.backend.grep_with(&flat.clone().limit(usize::MAX))).expect("no limit is fine");
    assert!(
        all.truncated != Some(Truncation::Limit) || request.file_limit.is_some(),
        "{request:?}"
    );
    let places = |found: &Grepped| {
        found
            .matches
            .iter()
            .map(|hit| (hit.path.clone(), hit.line, hit.column))
            .collect::<Vec<_>>()
    };
    let (some, all) = (places(found), places(&all));
    assert_eq!(some, all[..all.len().min(request.limit)], "{request:?}");
    if request.file_limit.is_none() {
        let more = all.len() > request.limit;
        assert_eq!(
            found.truncated == Some(Truncation::Limit),
            more,
            "{request:?}"
        );
    }
}

/// Matches, files and counts agree.
fn check_forms(tree: &Tree, request: &GrepRequest) {
    let with = |output| {
        let request = request.clone().limit(usize::MAX).output(output);
        now(tree.backend.grep_with(&request)).expect("every form is valid")
    };
    let (matches, files, counts) = (
        with(GrepOutput::Matches),
        with(GrepOutput::Files),
        with(GrepOutput::Counts),
    );
    assert_eq!(
        (matches.searched, matches.skipped),
        (counts.searched, counts.skipped),
        "{request:?}"
    );
    let mut want: Vec<(VirtualPath, u64)> = Vec::new();
    for hit in &matches.matches {
        match want.last_mut().filter(|last| last.0 == hit.path) {
            Some(last) => last.1 += 1,
            None => want.push((hit.path.clone(), 1)),
        }
    }
    let counted: Vec<_> = counts
        .files
        .iter()
        .map(|hits| (hits.path.clone(), hits.count))
        .collect();
    assert_eq!(counted, want, "{request:?}");
    let ones: Vec<_> = files
        .files
        .iter()
        .map(|hits| (hits.path.clone(), hits.count))
        .collect();
    let want: Vec<_> = want.into_iter().map(|(path, _)| (path, 1)).collect();
    assert_eq!(ones, want, "{request:?}");
    assert!(files.matches.is_empty() && counts.matches.is_empty());
}

/// Finds a plain text independently, in the simplest way, in UTF-8 files that nothing excludes.
fn check_lines(tree: &Tree, request: &GrepRequest, found: &Grepped) {
    let everything =
        request.hidden && request.ignored && request.globs.is_empty() && request.types.is_empty();
    if !everything || found.truncated.is_some() || request.file_limit.is_some() {
        return;
    }
    let have: Vec<_> = found
        .matches
        .iter()
        .map(|hit| (hit.path.clone(), hit.line, hit.column))
        .collect();
    let mut want = Vec::new();
    for (path, kind, content) in &tree.entries {
        let inside = path.starts_with(&request.path)
            && !request.exclude.iter().any(|out| path.starts_with(out));
        if *kind != EntryKind::File || !inside || content.contains(&0) {
            continue;
        }
        if content.starts_with(b"\xff\xfe")
            || content.starts_with(b"\xfe\xff")
            || content.starts_with(b"\xef\xbb\xbf")
        {
            return;
        }
        for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
            let needle = request.pattern.as_bytes();
            let at = (0..=line.len()).find(|at| line[*at..].starts_with(needle));
            let end = number > 1
                && line.is_empty()
                && content.split(|byte| *byte == b'\n').count() == number;
            if let Some(at) = at.filter(|_| !end && !content.is_empty()) {
                want.push((path.clone(), number as u64, at as u64 + 1));
            }
        }
    }
    assert_eq!(have, want, "{request:?} in {:?}", tree.entries);
}
