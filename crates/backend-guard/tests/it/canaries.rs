//! Random operations on a random tree with links: no answer ever has a word of a denied file in it, or its name.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, GlobRequest, GrepOutput, GrepRequest,
    LsRequest, ReadBytesRequest, ReadRequest, RenameRequest, ResolveRequest, Result, StatRequest,
    VirtualPath, WriteRequest,
};
use backend_fs::FsBackend;
use backend_guard::{Action, Guarded, Operation, Permissions, Rule};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{link, p};

/// Names that operations choose from. Below a `safe`, names have a word in them that must not get out.
const NAMES: &[&str] = &["a", "b", "safe", "a.key", "b.txt"];

const WORD: &str = "xyzzy";

/// The content of the tree: the word is below each `safe`, and in each `.key`.
#[derive(Clone, Debug)]
enum Planted {
    File(Vec<&'static str>),
    Link(Vec<&'static str>, Vec<&'static str>, &'static str),
}

#[derive(Clone, Debug)]
enum Step {
    Read(VirtualPath),
    ReadBytes(VirtualPath),
    ReadMany(Vec<VirtualPath>),
    Write(VirtualPath),
    Edit(VirtualPath, bool),
    Delete(VirtualPath),
    Rename(VirtualPath, VirtualPath),
    Mkdir(VirtualPath),
    Look(VirtualPath),
    Glob(VirtualPath, &'static str),
    Grep(VirtualPath, &'static str, GrepOutput, usize),
}

fn names() -> impl Strategy<Value = Vec<&'static str>> {
    vec(select(NAMES), 1..4)
}

fn path() -> impl Strategy<Value = VirtualPath> {
    vec(select(NAMES), 0..4).prop_map(|names| p(&names.join("/")))
}

fn planted() -> impl Strategy<Value = Planted> {
    prop_oneof![
        3 => names().prop_map(Planted::File),
        2 => (names(), names(), select(&["", "safe/xyzzy.txt", "a.key"][..]))
            .prop_map(|(at, to, last)| Planted::Link(at, to, last)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let output = select(vec![
        GrepOutput::Matches,
        GrepOutput::Files,
        GrepOutput::Counts,
    ]);
    let pattern = select(&["plain", ".", "word", "xy", "key"][..]);
    let glob = select(&["**", "*", "**/*.txt", "**/x*", "safe/**", "*/*"][..]);
    prop_oneof![
        path().prop_map(Step::Read),
        path().prop_map(Step::ReadBytes),
        vec(path(), 1..4).prop_map(Step::ReadMany),
        path().prop_map(Step::Write),
        (path(), any::<bool>()).prop_map(|(path, dry)| Step::Edit(path, dry)),
        path().prop_map(Step::Delete),
        (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        path().prop_map(Step::Mkdir),
        path().prop_map(Step::Look),
        (path(), glob).prop_map(|(path, glob)| Step::Glob(path, glob)),
        (path(), pattern, output, 0..2_usize).prop_map(|(path, pattern, output, context)| {
            Step::Grep(path, pattern, output, context)
        }),
    ]
}

fn plant(dir: &Path, planted: &[Planted]) {
    let dir = &fs::canonicalize(dir).unwrap();
    for planted in planted {
        let names = match planted {
            Planted::File(names) | Planted::Link(names, ..) => names,
        };
        // Existing entries are left as they are.
        let place = dir.join(names.join("/"));
        let Some(parent) = place.parent() else {
            continue;
        };
        if fs::create_dir_all(parent).is_err() || fs::symlink_metadata(&place).is_ok() {
            continue;
        }
        // Content moved through a link would be at a path that no rule names, with a denied word in it.
        if fs::canonicalize(parent).unwrap() != parent {
            continue;
        }
        // So would the target of a link with a denied name: the rule is about that name.
        if matches!(planted, Planted::Link(at, ..) if at.last() == Some(&"safe")) {
            continue;
        }
        match planted {
            Planted::File(names) if names.contains(&"safe") => {
                let secret = place.join("xyzzy.txt");
                if fs::create_dir_all(&place).is_ok() && fs::symlink_metadata(&secret).is_err() {
                    fs::write(secret, "a plain word: xyzzy\n").unwrap();
                }
            }
            Planted::File(names) if names.iter().any(|name| name.ends_with(".key")) => {
                let _ = fs::write(place, "a plain word: xyzzy\n");
            }
            Planted::File(_) => fs::write(place, "a plain word\n").unwrap(),
            Planted::Link(at, to, last) => {
                let up = "../".repeat(at.len() - 1);
                let target = format!("{up}{}/{last}", to.join("/"));
                link(dir, &at.join("/"), target.trim_end_matches('/'));
            }
        }
    }
}

fn rules() -> Permissions {
    let keys = Rule::new(Action::Deny)
        .operations([Operation::Read])
        .unwrap();
    Permissions::all(Action::Allow)
        .with_rule(Rule::new(Action::Deny).paths(["safe"]).unwrap())
        .with_rule(keys.paths(["*.key"]).unwrap())
}

fn told<T: Debug>(outcome: Result<T>) -> String {
    match outcome {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => format!("{error:?} {}", error.for_model()),
    }
}

async fn take(backend: &dyn Backend, step: &Step) -> String {
    match step {
        Step::Read(path) => told(backend.read(path).await),
        Step::ReadBytes(path) => told(
            backend
                .read_bytes_with(&ReadBytesRequest::new(path).range(0..30))
                .await,
        ),
        Step::ReadMany(paths) => {
            let requests: Vec<ReadRequest> = paths.iter().map(ReadRequest::new).collect();
            backend
                .read_many_with(&requests)
                .await
                .into_iter()
                .map(told)
                .collect()
        }
        Step::Write(path) => told(
            backend
                .write_with(&WriteRequest::new(path, "plain\n"))
                .await,
        ),
        Step::Edit(path, dry) => {
            let mut request = EditRequest::new(path, "a plain", "A plain");
            request.dry_run = *dry;
            let near = EditRequest::new(path, "a  plain word: xyzz", "");
            told(backend.edit_with(&request).await) + &told(backend.edit_with(&near).await)
        }
        Step::Delete(path) => told(
            backend
                .delete_with(&DeleteRequest::new(path).recursive())
                .await,
        ),
        Step::Rename(from, to) => told(backend.rename_with(&RenameRequest::new(from, to)).await),
        Step::Mkdir(path) => told(backend.mkdir(path).await),
        Step::Look(path) => {
            told(backend.stat_with(&StatRequest::new(path)).await)
                + &told(backend.ls_with(&LsRequest::new(path)).await)
                + &told(backend.resolve_with(&ResolveRequest::new(path)).await)
        }
        Step::Glob(path, pattern) => {
            let request = GlobRequest::new(*pattern).path(path).directories();
            told(backend.glob_with(&request).await)
        }
        Step::Grep(path, pattern, output, context) => {
            let request = GrepRequest::new(*pattern).path(path).output(*output);
            told(
                backend
                    .grep_with(&request.context(*context, *context))
                    .await,
            )
        }
    }
}

/// Everything that is denied, by its names.
fn denied(dir: &Path, inside: bool, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let name = entry.file_name().into_string().unwrap();
        let inside = inside || name == "safe";
        if kind.is_dir() {
            denied(&entry.path(), inside, found);
        } else if kind.is_file() && (inside || name.ends_with(".key")) {
            let content = fs::read_to_string(entry.path()).unwrap();
            found.push(format!("{} {content}", entry.path().display()));
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_has_a_denied_word_in_it(
        planted in vec(planted(), 1..16),
        steps in vec(step(), 1..24),
    ) {
        let dir = tempfile::tempdir().unwrap();
        plant(dir.path(), &planted);
        let guarded = Guarded::new(FsBackend::open(dir.path()).unwrap(), rules());
        runtime().block_on(async {
            for step in &steps {
                let answer = take(&guarded, step).await;
                // The only such word that an agent may see is its own.
                let answer = answer.replace("xyzz\"", "");
                prop_assert!(!answer.contains(WORD), "{:?}: {}", step, answer);
            }
            Ok(())
        })?;
    }

    #[test]
    fn nothing_that_is_denied_below_safe_is_changed(
        planted in vec(planted(), 1..16),
        steps in vec(step(), 1..24),
    ) {
        let dir = tempfile::tempdir().unwrap();
        plant(dir.path(), &planted);
        let kept = |dir: &Path| {
            let mut found = Vec::new();
            denied(dir, false, &mut found);
            found.retain(|text| text.contains("/safe/"));
            found.sort();
            found
        };
        let before = kept(dir.path());
        let guarded = Guarded::new(FsBackend::open(dir.path()).unwrap(), rules());
        runtime().block_on(async {
            for step in &steps {
                let answer = take(&guarded, step).await;
                prop_assert_eq!(kept(dir.path()), before.clone(), "{:?}: {}", step, answer);
            }
            Ok(())
        })?;
    }
}

/// The same steps on the bare backend do reveal it: the properties are meaningful.
#[test]
fn without_the_guard_the_word_gets_out() {
    let dir = tempfile::tempdir().unwrap();
    plant(
        dir.path(),
        &[
            Planted::File(vec!["a", "safe"]),
            Planted::File(vec!["a.key"]),
        ],
    );
    let bare = FsBackend::open(dir.path()).unwrap();
    runtime().block_on(async {
        for step in [
            Step::Read(p("/a.key")),
            Step::Look(p("/a/safe")),
            Step::Glob(p("/"), "**"),
            Step::Grep(p("/"), ".", GrepOutput::Matches, 0),
            Step::Edit(p("/a.key"), true),
        ] {
            let answer = take(&bare, &step).await;
            assert!(answer.contains(WORD), "{step:?}: {answer}");
        }
    });
}
