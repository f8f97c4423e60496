//! Names that may not be listed do not appear: the model test cannot distinguish a guarded workspace with hidden files
//! from one without them.

use backend_conformance::Model;
use backend_core::{Backend, BackendExt, GrepOutput, GrepRequest};
use backend_guard::{Action, Guarded, Operation, Permissions, Rule};
use backend_state::StateBackend;
use proptest::prelude::*;

use crate::support::{all_but, p};

async fn with_hidden() -> StateBackend {
    let backend = StateBackend::new();
    for (path, content) in [
        ("/m/zz/one.txt", "one\n"),
        ("/m/zz/deep/two.rs", "one two\n"),
        ("/m/.zz", "one\n"),
        ("/zz/a", "one\n"),
        ("/.zz/a", "one\n"),
        ("/.h.zz", "\0one\n"),
        ("/a.zz/b.txt", "one\n"),
    ] {
        backend.write(path, content).await.unwrap();
    }
    backend
}

#[test]
fn hidden_names_do_not_appear() {
    let model = Model::new("guard hides").fixed(p("/m")).sequences(200);
    model.agree(
        || async {
            let backend = StateBackend::new();
            backend.mkdir("/m").await.unwrap();
            backend
        },
        || async {
            let rules = all_but(&["zz", ".zz", "*.zz"]);
            Guarded::new(with_hidden().await, rules)
        },
    );
}

/// Two workspaces that differ only in the content of denied files, and in nothing that a listing shows.
async fn twins(contents: [&str; 2]) -> [Guarded<StateBackend>; 2] {
    let mut twins = Vec::new();
    for content in contents {
        let backend = StateBackend::new();
        backend.write("/a/open.txt", "needle one\n").await.unwrap();
        backend.write("/a/s.key", content).await.unwrap();
        backend.write("/b/open.txt", "needle two\n").await.unwrap();
        backend.write("/s.key", content).await.unwrap();
        let rule = Rule::new(Action::Deny)
            .operations([Operation::Read])
            .unwrap()
            .paths(["*.key"])
            .unwrap();
        let rules = Permissions::all(Action::Allow).with_rule(rule);
        twins.push(Guarded::new(backend, rules));
    }
    twins.try_into().expect("two")
}

fn search() -> impl Strategy<Value = GrepRequest> {
    let pattern = prop::sample::select(vec![
        "needle",
        "e",
        "x",
        "^",
        "one",
        "[a-c]",
        "two$",
        "(?s).",
        "\\w+ \\w+",
    ]);
    let base = prop::sample::select(vec!["/", "/a", "/b"]);
    let output = prop::sample::select(vec![
        GrepOutput::Matches,
        GrepOutput::Files,
        GrepOutput::Counts,
    ]);
    let glob = prop::option::of(prop::sample::select(vec![
        "*.key", "*.txt", "**/s*", "!*.txt",
    ]));
    (
        pattern,
        base,
        output,
        glob,
        1..4_usize,
        0..3_usize,
        any::<bool>(),
    )
        .prop_map(
            |(pattern, base, output, glob, limit, context, multi_line)| {
                let mut request = GrepRequest::new(pattern)
                    .path(p(base))
                    .output(output)
                    .limit(limit)
                    .context(context, context);
                if multi_line {
                    request = request.multi_line();
                }
                request.globs.extend(glob.map(str::to_owned));
                request
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Not the matches, not their number, not the end of the list, not the counts.
    #[test]
    fn a_search_reveals_nothing_of_an_unreadable_file(request in search()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let [left, right] = twins(["needle xe\n", "\0ab\nzz\nyy"]).await;
            let left = left.grep_with(&request).await;
            let right = right.grep_with(&request).await;
            prop_assert_eq!(format!("{left:?}"), format!("{right:?}"));
            Ok(())
        })?;
    }
}
