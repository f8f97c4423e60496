//! The engine on trees in memory: tables of matches, faults, and laws on random trees.

mod context;
mod counts;
mod faults;
mod files;
mod forest;
mod globs;
mod ignored;
mod laws;
mod limits;
mod partial;
mod patterns;
mod segments;
mod skipping;
mod source;
mod text;

use forest::{Forest, Hand, virtual_path};

use crate::search::{Cancel, glob, grep};
use crate::{Entry, ErrorKind, GlobRequest, GrepMatch, GrepOutput, GrepRequest, Grepped, Page};

/// A tree of empty files.
fn files<'a>(paths: impl IntoIterator<Item = &'a str>) -> Forest {
    Forest::new(paths.into_iter().map(|path| (path, "")))
}

/// Globs on one and on several threads, and asserts that both results are the same.
#[track_caller]
fn globbed(forest: &Forest, request: &GlobRequest) -> Page<Entry> {
    let alone = glob(forest, request, &Cancel::new(), 1).unwrap();
    let helped = glob(forest, request, &Cancel::new(), 3).unwrap();
    assert_eq!(format!("{helped:?}"), format!("{alone:?}"));
    alone
}

/// The paths of the results of a request.
fn paths(forest: &Forest, request: &GlobRequest) -> Vec<String> {
    globbed(forest, request)
        .items
        .into_iter()
        .map(|entry| entry.path.into())
        .collect()
}

fn found(forest: &Forest, pattern: &str) -> Vec<String> {
    paths(forest, &GlobRequest::new(pattern))
}

/// Greps on one and on several threads, by bytes and by readers, and asserts that all results are the same.
#[track_caller]
fn grepped(forest: &mut Forest, request: &GrepRequest) -> Grepped {
    let hand = forest.hand;
    let first = grep(forest, request, &Cancel::new(), 1).unwrap();
    for hand in [Hand::Bytes, Hand::Reader(usize::MAX), Hand::Reader(3)] {
        forest.hand = hand;
        for threads in [1, 3] {
            let again = grep(forest, request, &Cancel::new(), threads).unwrap();
            assert_eq!(
                format!("{again:?}"),
                format!("{first:?}"),
                "{hand:?} on {threads} threads"
            );
        }
    }
    forest.hand = hand;
    first
}

/// The matches, as `path:line:column:text`.
#[track_caller]
fn hits(forest: &mut Forest, request: &GrepRequest) -> Vec<String> {
    grepped(forest, request).matches.iter().map(hit).collect()
}

fn hit(found: &GrepMatch) -> String {
    format!(
        "{}:{}:{}:{}",
        found.path, found.line, found.column, found.text
    )
}

/// The files with a match.
#[track_caller]
fn in_files(forest: &mut Forest, request: GrepRequest) -> Vec<String> {
    grepped(forest, &request.output(GrepOutput::Files))
        .files
        .into_iter()
        .map(|file| file.path.into())
        .collect()
}

#[track_caller]
fn glob_refuses(pattern: &str, part: &str) {
    let error = glob(&files([]), &GlobRequest::new(pattern), &Cancel::new(), 1).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::InvalidPattern,
        "{pattern:?}: {error}"
    );
    assert!(error.to_string().contains(part), "{pattern:?}: {error}");
}

#[track_caller]
fn grep_refuses(request: &GrepRequest, kind: ErrorKind, part: &str) {
    let error = grep(&files([]), request, &Cancel::new(), 1).unwrap_err();
    assert_eq!(error.kind(), kind, "{request:?}: {error}");
    assert!(error.to_string().contains(part), "{request:?}: {error}");
}
