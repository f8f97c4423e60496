//! Searches over several backends: merging, truncation, failures.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, ErrorKind, GlobRequest, GrepOutput, GrepRequest, Truncation,
};
use backend_state::StateBackend;

use crate::fakes::Rigged;
use crate::support::{composite, marked, p, refused, store};

async fn three() -> CompositeBackend<StateBackend> {
    let default = store(&["/b.txt", "/z.txt", "/m/shadowed.txt", "/c/d.txt"]).await;
    let (m, n) = (
        store(&["/a.txt", "/s/t.txt"]).await,
        store(&["/n.txt"]).await,
    );
    composite(&default, &[("/m", &m), ("/c/n", &n)])
}

const ALL: [&str; 6] = [
    "/b.txt",
    "/c/d.txt",
    "/c/n/n.txt",
    "/m/a.txt",
    "/m/s/t.txt",
    "/z.txt",
];

fn hits(found: &backend_core::Grepped) -> Vec<&str> {
    let matches = found.matches.iter().map(|hit| hit.path.as_str());
    matches
        .chain(found.files.iter().map(|file| file.path.as_str()))
        .collect()
}

#[tokio::test]
async fn results_of_all_backends_come_in_path_order() {
    let ws = three().await;
    assert_eq!(marked(&ws.glob("**").await.unwrap()), ALL);
    let found = ws.grep("needle").await.unwrap();
    assert_eq!(hits(&found), ALL);
    assert_eq!(found.searched, 6);
    assert!(found.is_whole());
}

#[tokio::test]
async fn the_first_results_are_returned_before_it_is_cut() {
    let ws = three().await;
    for limit in 1..8 {
        let want = &ALL[..limit.min(6)];
        let cut = (limit < 6).then_some(Truncation::Limit);
        let page = ws
            .glob_with(&GlobRequest::new("**").limit(limit))
            .await
            .unwrap();
        assert_eq!(
            (marked(&page), page.truncated),
            (to_owned(want), cut),
            "{limit}"
        );
        for output in [GrepOutput::Matches, GrepOutput::Files, GrepOutput::Counts] {
            let request = GrepRequest::new("needle").output(output).limit(limit);
            let found = ws.grep_with(&request).await.unwrap();
            assert_eq!(
                (hits(&found), found.truncated),
                (want.to_vec(), cut),
                "{limit}"
            );
        }
    }
}

fn to_owned(paths: &[&str]) -> Vec<String> {
    paths.iter().copied().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_search_below_a_directory_asks_only_the_backends_there() {
    let ws = three().await;
    let glob = async |path: &str, pattern: &str| {
        marked(
            &ws.glob_with(&GlobRequest::new(pattern).path(p(path)))
                .await
                .unwrap(),
        )
    };
    assert_eq!(glob("/c", "**").await, ["/c/d.txt", "/c/n/n.txt"]);
    assert_eq!(glob("/c", "*").await, ["/c/d.txt"]);
    assert_eq!(glob("/c", "n/*").await, ["/c/n/n.txt"]);
    assert_eq!(glob("/c", "/*/*.txt").await, ["/c/n/n.txt"]);
    assert_eq!(glob("/m", "**/t.txt").await, ["/m/s/t.txt"]);
    assert_eq!(glob("/", "{m,c}/?.txt").await, ["/c/d.txt", "/m/a.txt"]);
    assert_eq!(glob("/", "**/n/**").await, ["/c/n/n.txt"]);
}

#[tokio::test]
async fn patterns_match_as_seen_from_the_base() {
    let ws = three().await;
    let request = |glob: &str| GrepRequest::new("needle").glob(glob);
    let grep = async |request: GrepRequest| {
        let found = ws.grep_with(&request).await.unwrap();
        hits(&found)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(grep(request("m/**")).await, ["/m/a.txt", "/m/s/t.txt"]);
    assert_eq!(grep(request("n.txt")).await, ["/c/n/n.txt"]);
    assert_eq!(
        grep(request("!m/**").glob("!c/**")).await,
        ["/b.txt", "/z.txt"]
    );
    assert_eq!(grep(request("n/*").path(p("/c"))).await, ["/c/n/n.txt"]);
    assert_eq!(grep(request("s/*").path(p("/m"))).await, ["/m/s/t.txt"]);
    let seen = GlobRequest::new("outer/c/n/*").seen_at(p("/outer"));
    assert_eq!(marked(&ws.glob_with(&seen).await.unwrap()), ["/c/n/n.txt"]);
    let seen = GlobRequest::new("outer/s/*")
        .seen_at(p("/outer"))
        .path(p("/m"));
    assert_eq!(marked(&ws.glob_with(&seen).await.unwrap()), ["/m/s/t.txt"]);
}

#[tokio::test]
async fn excluded_paths_are_excluded_in_every_backend() {
    let ws = three().await;
    for (exclude, want) in [
        (
            &["/m"][..],
            &["/b.txt", "/c/d.txt", "/c/n/n.txt", "/z.txt"][..],
        ),
        (
            &["/m/s"],
            &["/b.txt", "/c/d.txt", "/c/n/n.txt", "/m/a.txt", "/z.txt"],
        ),
        (&["/c", "/m/a.txt"], &["/b.txt", "/m/s/t.txt", "/z.txt"]),
        (
            &["/c/n", "/z.txt", "/m/s/t.txt"],
            &["/b.txt", "/c/d.txt", "/m/a.txt"],
        ),
    ] {
        let mut glob = GlobRequest::new("**");
        let mut grep = GrepRequest::new("needle");
        for path in exclude {
            (glob, grep) = (glob.exclude(p(path)), grep.exclude(p(path)));
        }
        assert_eq!(
            marked(&ws.glob_with(&glob).await.unwrap()),
            want,
            "{exclude:?}"
        );
        assert_eq!(
            hits(&ws.grep_with(&grep).await.unwrap()),
            want,
            "{exclude:?}"
        );
    }
    let inside = GlobRequest::new("**").path(p("/m")).exclude(p("/m/s"));
    assert_eq!(marked(&ws.glob_with(&inside).await.unwrap()), ["/m/a.txt"]);
}

#[tokio::test]
async fn mount_points_are_found_as_directories() {
    let ws = three().await;
    let glob = async |pattern: &str| {
        let request = GlobRequest::new(pattern).directories();
        marked(&ws.glob_with(&request).await.unwrap())
    };
    assert_eq!(glob("*").await, ["/b.txt", "/c/", "/m/", "/z.txt"]);
    assert_eq!(glob("**/").await, ["/c/", "/c/n/", "/m/", "/m/s/"]);
    assert_eq!(glob("c/n").await, ["/c/n/"]);
    let page = ws.glob("*/").await.unwrap();
    assert_eq!(marked(&page), ["/c/", "/m/"]);
    for entry in page {
        assert_eq!(ws.stat(&entry.path).await.unwrap(), entry);
    }
    let ws = composite(&StateBackend::new(), &[("/v/w/x", &StateBackend::new())]);
    let page = ws.glob("**/").await.unwrap();
    assert_eq!(marked(&page), ["/v/", "/v/w/", "/v/w/x/"]);
    let below = GlobRequest::new("**/").path(p("/v/w"));
    assert_eq!(marked(&ws.glob_with(&below).await.unwrap()), ["/v/w/x/"]);
}

#[tokio::test]
async fn hidden_mounts_are_skipped_unless_they_are_named() {
    let default = store(&["/a.txt", "/.cfg/own.txt"]).await;
    let inner = store(&["/x.txt", "/.y.txt"]).await;
    let ws = composite(&default, &[("/.cfg/m", &inner), ("/.m", &inner)]);
    let glob = async |request: GlobRequest| {
        let page = ws.glob_with(&request).await.unwrap();
        (marked(&page), page.skipped.hidden)
    };
    let (found, hidden) = glob(GlobRequest::new("**")).await;
    assert_eq!((found, hidden), (vec!["/a.txt".to_owned()], 2));
    let found = ws.grep("needle").await.unwrap();
    assert_eq!((hits(&found), found.skipped.hidden), (vec!["/a.txt"], 2));

    let everything = [
        "/.cfg/m/.y.txt",
        "/.cfg/m/x.txt",
        "/.cfg/own.txt",
        "/.m/.y.txt",
        "/.m/x.txt",
        "/a.txt",
    ];
    assert_eq!(glob(GlobRequest::new("**").hidden()).await.0, everything);
    let found = ws
        .grep_with(&GrepRequest::new("needle").hidden())
        .await
        .unwrap();
    assert_eq!(hits(&found), everything);

    assert_eq!(
        glob(GlobRequest::new(".m/*")).await,
        (vec!["/.m/x.txt".to_owned()], 1)
    );
    let named = glob(GlobRequest::new(".cfg/**")).await;
    assert_eq!(named.0, ["/.cfg/m/x.txt", "/.cfg/own.txt"]);
    let below = glob(GlobRequest::new("**").path(p("/.cfg"))).await;
    assert_eq!(below.0, ["/.cfg/m/x.txt", "/.cfg/own.txt"]);
}

fn with(default: Arc<dyn Backend>, mounts: Vec<(&str, Arc<dyn Backend>)>) -> CompositeBackend {
    let mut builder = CompositeBackend::builder(default);
    for (path, backend) in mounts {
        builder = builder.mount(path, backend);
    }
    builder.build().unwrap()
}

#[tokio::test]
async fn a_failing_backend_is_named_along_with_the_results_of_others() {
    let default = store(&["/a"]).await;
    let good = store(&["/g"]).await;
    let ws = with(
        Arc::new(default),
        vec![
            ("/gone", Arc::new(Rigged::gone())),
            ("/good", Arc::new(good)),
            ("/no", Arc::new(Rigged::denying())),
        ],
    );
    let page = ws.glob("**").await.unwrap();
    assert_eq!(marked(&page), ["/a", "/good/g"]);
    assert!(!page.is_whole());
    let found = ws.grep("needle").await.unwrap();
    assert_eq!(hits(&found), ["/a", "/good/g"]);
    for failures in [&page.failures, &found.failures] {
        let kinds: Vec<_> = failures.iter().map(|error| error.kind()).collect();
        assert_eq!(kinds, [ErrorKind::Unavailable, ErrorKind::PermissionDenied]);
        assert_eq!(failures[1].path(), Some(&p("/no")));
    }
    let list = ws.ls("/").await.unwrap();
    assert_eq!(marked(&list), ["/gone/", "/good/", "/no/", "/a"]);
    assert_eq!(list.failures.len(), 2);
    // Searched directly, it fails.
    let alone = GrepRequest::new("needle").path(p("/gone"));
    assert_eq!(
        ws.grep_with(&alone).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn a_default_that_fails_does_not_hide_the_mounts() {
    let ws = with(
        Arc::new(Rigged::gone()),
        vec![("/m", Arc::new(store(&["/f"]).await))],
    );
    let page = ws.glob("**").await.unwrap();
    assert_eq!(marked(&page), ["/m/f"]);
    assert_eq!(page.failures.len(), 1);
    let list = ws.ls("/").await.unwrap();
    assert_eq!(
        (marked(&list), list.failures.len()),
        (vec!["/m/".to_owned()], 1)
    );
}

#[tokio::test]
async fn a_search_that_no_backend_answers_fails() {
    let ws = with(
        Arc::new(Rigged::gone()),
        vec![("/m", Arc::new(Rigged::denying()))],
    );
    assert_eq!(
        ws.glob("**").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        ws.grep("x").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    // The default has nothing at a place that only leads to a mount: that does not count as an
    // answer.
    let ws = with(
        Arc::new(StateBackend::new()),
        vec![("/v/m", Arc::new(Rigged::denying()))],
    );
    let below = GlobRequest::new("**").path(p("/v"));
    refused(
        ws.glob_with(&below).await,
        ErrorKind::PermissionDenied,
        "/v/m",
    );
}

#[tokio::test]
async fn a_place_that_only_leads_to_mounts_can_be_searched() {
    let ws = composite(&StateBackend::new(), &[("/v/w/m", &store(&["/f"]).await)]);
    for path in ["/v", "/v/w"] {
        let page = ws
            .glob_with(&GlobRequest::new("**").path(p(path)))
            .await
            .unwrap();
        assert_eq!(
            (marked(&page), page.is_whole()),
            (vec!["/v/w/m/f".to_owned()], true)
        );
        let found = ws
            .grep_with(&GrepRequest::new("needle").path(p(path)))
            .await
            .unwrap();
        assert_eq!((hits(&found), found.is_whole()), (vec!["/v/w/m/f"], true));
    }
}

#[tokio::test]
async fn counts_of_all_backends_add_up() {
    let default = store(&["/.hidden", "/skipped.log"]).await;
    default.write("/.gitignore", "*.log\n").await.unwrap();
    default.write("/bin", "\0").await.unwrap();
    let inner = store(&["/.x", "/kept.log"]).await;
    inner.write("/bin", "\0").await.unwrap();
    let ws = composite(&default, &[("/m", &inner)]);
    let found = ws.grep("needle").await.unwrap();
    assert_eq!(hits(&found), ["/m/kept.log"]);
    let skipped = found.skipped;
    assert_eq!((skipped.hidden, skipped.ignored, skipped.binary), (3, 1, 2));
}

#[tokio::test]
async fn context_and_lines_stay_in_order() {
    let (default, inner) = (StateBackend::new(), StateBackend::new());
    for store in [&default, &inner] {
        store
            .write("/f", "one\nneedle\ntwo\nneedle\nthree\n")
            .await
            .unwrap();
    }
    let ws = composite(&default, &[("/m", &inner)]);
    let request = GrepRequest::new("needle").context(1, 1);
    let found = ws.grep_with(&request).await.unwrap();
    let places: Vec<_> = found
        .matches
        .iter()
        .map(|hit| (hit.path.as_str(), hit.line))
        .collect();
    assert_eq!(places, [("/f", 2), ("/f", 4), ("/m/f", 2), ("/m/f", 4)]);
    assert_eq!(found.matches[0].before[0].text, "one");
}
