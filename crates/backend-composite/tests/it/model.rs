//! A composite behaves as a single backend would: random operations on both, side by side.
//!
//! The single backend has a directory where the composite has a mount. Only operations that would remove a mount
//! differ.

use std::fmt::Write as _;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, DeleteRequest, Entry, Error, ErrorKind, GlobRequest, GrepRequest,
    LsRequest, Page, RenameRequest, Result, VirtualPath, WriteMode, WriteRequest,
};
use backend_state::StateBackend;
use proptest::prelude::*;

use crate::support::{composite, p};

/// Where the composite has mounts: side by side, deep, hidden, and one in another.
const MOUNTS: [&str; 4] = ["/a", "/b/a", "/a/c/b", "/.d/b"];

/// What the default has behind them.
const SHADOWED: [&str; 4] = ["/a/a", "/a/c/b/a", "/b/a", "/.d/b/c"];

#[derive(Clone, Debug)]
enum Operation {
    Write(VirtualPath, u8, bool),
    Edit(VirtualPath),
    Delete(VirtualPath, bool),
    Rename(VirtualPath, VirtualPath, bool),
    Mkdir(VirtualPath),
    Look(VirtualPath, usize),
    Glob(VirtualPath, String, Flags, usize),
    Grep(VirtualPath, Option<String>, Flags, usize),
}

/// Whether to search hidden entries, and to return directories.
type Flags = (bool, bool);

fn path() -> impl Strategy<Value = VirtualPath> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", ".d"]), 0..5)
        .prop_map(|names| p(&names.join("/")))
}

fn pattern() -> impl Strategy<Value = String> {
    let segments = prop::sample::select(vec!["a", "b", "*", "**", "?", "{a,c}", ".*", "[!a]"]);
    let segments = prop::collection::vec(segments, 1..4);
    (segments, any::<bool>()).prop_map(|(segments, only_directories)| {
        let end = if only_directories { "/" } else { "" };
        segments.join("/") + end
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let flags = || any::<(bool, bool)>();
    let limit = || prop_oneof![1..6usize, Just(1000)];
    prop_oneof![
        6 => (path(), 0..4u8, any::<bool>()).prop_map(|(p, c, new)| Operation::Write(p, c, new)),
        1 => path().prop_map(Operation::Edit),
        2 => (path(), any::<bool>()).prop_map(|(p, all)| Operation::Delete(p, all)),
        3 => (path(), path(), any::<bool>()).prop_map(|(f, t, o)| Operation::Rename(f, t, o)),
        2 => path().prop_map(Operation::Mkdir),
        2 => (path(), limit()).prop_map(|(p, limit)| Operation::Look(p, limit)),
        2 => (path(), pattern(), flags(), limit())
            .prop_map(|(p, g, flags, limit)| Operation::Glob(p, g, flags, limit)),
        2 => (path(), prop::option::of(pattern()), flags(), limit())
            .prop_map(|(p, g, flags, limit)| Operation::Grep(p, g, flags, limit)),
    ]
}

/// The outcome of an operation, except times, versions and how it was done.
async fn apply(backend: &dyn Backend, operation: &Operation) -> String {
    match operation {
        Operation::Write(path, content, new) => {
            let mode = if *new {
                WriteMode::CreateNew
            } else {
                WriteMode::Overwrite
            };
            let request = WriteRequest::new(path, format!("needle {content}\n")).mode(mode);
            shown(
                backend
                    .write_with(&request)
                    .await
                    .map(|written| written.created),
            )
        }
        Operation::Edit(path) => shown(
            backend
                .edit(path, "needle", "pin needle")
                .await
                .map(|edited| edited.diff),
        ),
        Operation::Delete(path, all) => {
            let mut request = DeleteRequest::new(path);
            request.recursive = *all;
            shown(backend.delete_with(&request).await)
        }
        Operation::Rename(from, to, overwrite) => {
            let request = RenameRequest::new(from, to);
            let request = if *overwrite {
                request.overwrite()
            } else {
                request
            };
            let renamed = backend.rename_with(&request).await;
            shown(renamed.map(|renamed| renamed.version.is_some()))
        }
        Operation::Mkdir(path) => shown(backend.mkdir(path).await),
        Operation::Look(path, limit) => {
            let list = LsRequest::new(path).limit(*limit);
            format!(
                "{} {} {} {}",
                shown(backend.stat(path).await.map(|entry| entry_shown(&entry))),
                page_shown(backend.ls_with(&list).await),
                shown(backend.read(path).await.map(|page| (page.path, page.text))),
                shown(backend.read_bytes(path).await),
            )
        }
        Operation::Glob(path, pattern, (hidden, directories), limit) => {
            let mut request = GlobRequest::new(pattern.clone()).path(path).limit(*limit);
            (request.hidden, request.directories) = (*hidden, *directories);
            page_shown(backend.glob_with(&request).await)
        }
        Operation::Grep(path, glob, (hidden, _), limit) => {
            let mut request = GrepRequest::new("needle").path(path).limit(*limit);
            request.hidden = *hidden;
            request.globs.extend(glob.clone());
            let found = backend.grep_with(&request).await;
            shown(found.map(|found| {
                // How many files are searched before a limit is reached depends on the backend.
                let whole = found
                    .truncated
                    .is_none()
                    .then_some((found.searched, found.skipped));
                (found.matches, found.truncated, whole, found.failures.len())
            }))
        }
    }
}

fn shown<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error_shown(&error),
    }
}

fn error_shown(error: &Error) -> String {
    format!("{} at {:?}", error.kind(), error.path())
}

fn entry_shown(entry: &Entry) -> String {
    format!("{} {:?} {}", entry.path, entry.kind, entry.size)
}

fn page_shown(page: Result<Page<Entry>>) -> String {
    shown(page.map(|page| {
        let mut text = String::new();
        for entry in &page.items {
            let _ = write!(text, "{}, ", entry_shown(entry));
        }
        let skipped = page.truncated.is_none().then_some(page.skipped);
        (text, page.truncated, skipped, page.failures.len())
    }))
}

/// Returns whether an operation would remove a mount. The composite must refuse it, and the other is not asked.
fn is_pinned(operation: &Operation) -> bool {
    let pinned =
        |path: &VirtualPath| !path.is_root() && MOUNTS.iter().any(|m| p(m).starts_with(path));
    match operation {
        Operation::Delete(path, _) => pinned(path),
        Operation::Rename(from, to, _) => pinned(from) && from != to && !to.is_root(),
        _ => false,
    }
}

async fn both(shadowed: bool) -> (CompositeBackend<StateBackend>, StateBackend) {
    let one = StateBackend::new();
    for mount in MOUNTS {
        one.mkdir(mount).await.unwrap();
    }
    let default = StateBackend::new();
    for path in SHADOWED.into_iter().filter(|_| shadowed) {
        default.write(path, "needle\n").await.unwrap();
    }
    let stores = MOUNTS.map(|_| StateBackend::new());
    let mounts: Vec<_> = MOUNTS.into_iter().zip(&stores).collect();
    (composite(&default, &mounts), one)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_composite_behaves_as_one_backend(
        operations in prop::collection::vec(operation(), 1..40),
        shadowed: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (many, one) = both(shadowed).await;
            for operation in &operations {
                if is_pinned(operation) {
                    let answer = apply(&many, operation).await;
                    let refusal = ErrorKind::PermissionDenied.as_str();
                    prop_assert!(answer.starts_with(refusal), "{:?}: {}", operation, answer);
                    continue;
                }
                let (left, right) = (apply(&many, operation).await, apply(&one, operation).await);
                prop_assert_eq!(left, right, "{:?}", operation);
            }
            let root = p("/");
            for operation in [
                Operation::Glob(root.clone(), "**".into(), (true, true), 1000),
                Operation::Grep(root, None, (true, true), 1000),
            ] {
                let (left, right) = (apply(&many, &operation).await, apply(&one, &operation).await);
                prop_assert_eq!(left, right);
            }
            Ok(())
        })?;
    }
}
