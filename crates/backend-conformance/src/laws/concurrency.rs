//! Laws about what happens at the same time, and about futures that are dropped.

use std::future::Future;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, ErrorKind, GrepRequest, Replacement, Result,
    WriteMode, WriteRequest,
};
use tokio::runtime::Handle;

use crate::Workspace;
use crate::workspace::p;

#[doc(hidden)]
#[macro_export]
macro_rules! __concurrency_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args concurrency;
            C1 no_concurrent_edit_is_lost
                "Of edits of one file at the same time, each is applied or refused as a `conflict`; none vanishes.";
            C2 one_creator_wins
                "Of writers with `create_new` at the same path, one creates and the others are `already_exists`.";
            C3 a_reader_sees_whole_contents
                "While a file is overwritten, every read is of one content or another, with its own version.";
            C4 one_writer_of_a_version_wins
                "Of writers with `if_version` and the same version, one writes and the others are `conflict`.";
            C5 writes_to_different_files_all_happen
                "Writers of different files, in one new directory, all succeed.";
            C6 directories_can_be_made_by_many
                "Many `mkdir` of the same path all succeed, and at most one says that it made it.";
            C7 one_rename_to_a_new_name_wins
                "Of renames to one target, one succeeds, the others are `already_exists`, and nothing is lost.";
            C8 one_delete_wins
                "Of deletes of one file, one succeeds and the others are `not_found`.";
            C9 searches_survive_changes
                "Listings, globs and greps succeed while files come and go.";
            C10 a_dropped_edit_is_done_or_not
                "Dropping the future of an edit or a write leaves the old content or the new, and the file can be edited.";
            C11 a_dropped_search_leaves_the_backend_usable
                "After searches are dropped the next one finds everything.";
            C12 an_edit_and_a_write_do_not_mix
                "While edits and conditional writes race, each that succeeded is in the content.";
        }
    };
}

crate::__concurrency_laws! { registry_of_area [Files] }

/// Runs a task on each of several threads, all at once, and returns what they return, in order.
fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F + Sync) -> Vec<T>
where
    F: Future<Output = T>,
    T: Send,
{
    let (runtime, start) = (Handle::current(), Barrier::new(count));
    let run = || {
        std::thread::scope(|scope| {
            let (runtime, start, task) = (&runtime, &start, &task);
            let threads: Vec<_> = (0..count)
                .map(|index| {
                    scope.spawn(move || {
                        start.wait();
                        runtime.block_on(task(index))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        })
    };
    // The runtime's other workers may be blocked here too, and answering these threads needs one.
    tokio::task::block_in_place(run)
}

/// Checks that one outcome is a success and the others have this kind, and returns which one it is.
#[track_caller]
fn one_wins<T>(outcomes: &[Result<T>], others: ErrorKind) -> usize {
    let winners: Vec<usize> = (0..outcomes.len())
        .filter(|index| outcomes[*index].is_ok())
        .collect();
    for outcome in outcomes {
        if let Err(error) = outcome {
            assert_eq!(error.kind(), others, "{error}");
        }
    }
    assert_eq!(winners.len(), 1, "the winners are {winners:?}");
    winners[0]
}

/// Sets a flag when it is dropped, even by a panic, so that the tasks that wait for it end too.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

async fn no_concurrent_edit_is_lost(ws: &Workspace) {
    const SLOTS: usize = 240;
    let free = |slot: usize| format!("slot {slot:03} free");
    let lines: String = (0..SLOTS).map(|slot| free(slot) + "\n").collect();
    ws.put("/f", lines).await;
    let outcomes = at_once(8, |task| async move {
        let mut mine = Vec::new();
        for slot in (0..SLOTS).filter(|slot| slot % 8 == task) {
            let new = format!("slot {slot:03} by {task}");
            mine.push((new.clone(), ws.edit("/f", free(slot), new).await));
        }
        mine
    });
    let text = ws.text("/f").await;
    for (new, outcome) in outcomes.into_iter().flatten() {
        match outcome {
            Ok(edited) => {
                assert_eq!(edited.replacements, 1);
                assert!(text.contains(&new), "lost: {new}\n{text}");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                assert!(!text.contains(&new), "refused, and there: {new}");
            }
        }
    }
    assert_eq!(text.lines().count(), SLOTS);
}

async fn one_creator_wins(ws: &Workspace) {
    for round in 0..20 {
        let path = p(&format!("/{round}/new"));
        let outcomes = at_once(6, |task| {
            let request = WriteRequest::new(path.clone(), format!("task {task}"));
            async move { ws.write_with(&request.mode(WriteMode::CreateNew)).await }
        });
        let winner = one_wins(&outcomes, ErrorKind::AlreadyExists);
        assert_eq!(ws.text(path.as_str()).await, format!("task {winner}"));
    }
}

async fn a_reader_sees_whole_contents(ws: &Workspace) {
    const ROUNDS: usize = 60;
    let content = |n: usize| format!("{n:03}\n").repeat(20_000 + n * 100);
    ws.put("/f", content(0)).await;
    let done = &AtomicBool::new(false);
    at_once(3, |task| async move {
        if task == 0 {
            let _end = SetAtEnd(done);
            for round in 1..=ROUNDS {
                ws.put("/f", content(round)).await;
            }
        }
        while !done.load(Ordering::Acquire) {
            let bytes = ws.bytes("/f").await;
            assert!(
                !bytes.is_empty(),
                "a file that is overwritten is never empty"
            );
            let n: usize = std::str::from_utf8(&bytes[..3]).unwrap().parse().unwrap();
            assert!(
                bytes == content(n),
                "{} bytes are not content {n}",
                bytes.len()
            );
            let page = ws.read("/f").await.unwrap();
            let n: usize = page.text[..3].parse().unwrap();
            assert_eq!(page.size, content(n).len() as u64, "page {n}");
            assert_eq!(page.text, format!("{n:03}\n").repeat(2000));
        }
    });
}

async fn one_writer_of_a_version_wins(ws: &Workspace) {
    let mut version = ws.put("/f", "start").await;
    for round in 0..20 {
        let outcomes = at_once(6, |task| {
            let request = WriteRequest::new(p("/f"), format!("round {round} task {task}"));
            async move {
                ws.write_with(&request.mode(WriteMode::IfVersion(version)))
                    .await
            }
        });
        let winner = one_wins(&outcomes, ErrorKind::Conflict);
        assert_eq!(ws.text("/f").await, format!("round {round} task {winner}"));
        version = outcomes[winner].as_ref().unwrap().version;
    }
}

async fn writes_to_different_files_all_happen(ws: &Workspace) {
    at_once(8, |task| async move {
        for n in 0..20 {
            ws.put(&format!("/d/e/{task}-{n}"), format!("{task} {n}"))
                .await;
        }
    });
    assert_eq!(ws.listed("/d/e").await.len(), 160);
    for task in 0..8 {
        assert_eq!(
            ws.text(&format!("/d/e/{task}-19")).await,
            format!("{task} 19")
        );
    }
}

async fn directories_can_be_made_by_many(ws: &Workspace) {
    for round in 0..20 {
        let path = p(&format!("/{round}/a/b/c"));
        let path = &path;
        let made = at_once(6, |_| async move { ws.mkdir(path).await.unwrap().created });
        assert!(made.iter().filter(|made| **made).count() <= 1, "{made:?}");
        assert!(ws.has(path.as_str()).await);
    }
}

async fn one_rename_to_a_new_name_wins(ws: &Workspace) {
    for round in 0..20 {
        for task in 0..4 {
            ws.put(&format!("/{round}/{task}"), format!("{task}")).await;
        }
        let to = p(&format!("/{round}/target"));
        let to = &to;
        let outcomes = at_once(4, |task| async move {
            ws.rename(p(&format!("/{round}/{task}")), to).await
        });
        let winner = one_wins(&outcomes, ErrorKind::AlreadyExists);
        assert_eq!(ws.text(to.as_str()).await, winner.to_string());
        assert_eq!(
            ws.listed(&format!("/{round}")).await.len(),
            4,
            "nothing is lost"
        );
    }
}

async fn one_delete_wins(ws: &Workspace) {
    for _ in 0..20 {
        ws.put("/d/f", "x").await;
        let outcomes = at_once(4, |_| async move { ws.delete("/d/f").await });
        one_wins(&outcomes, ErrorKind::NotFound);
        assert!(!ws.has("/d/f").await);
    }
}

async fn searches_survive_changes(ws: &Workspace) {
    ws.tree(&[("/stays/a", "needle\n"), ("/stays/b", "needle\n")])
        .await;
    at_once(3, |task| async move {
        for round in 0..30 {
            let path = format!("/come/{}/f", round % 3);
            if task == 0 {
                ws.put(&path, "needle\n").await;
                let tree = DeleteRequest::new(p("/come")).recursive();
                ws.delete_with(&tree).await.unwrap();
                continue;
            }
            let found = ws.grep_with(&GrepRequest::new("needle")).await.unwrap();
            let stays = found
                .matches
                .iter()
                .filter(|hit| hit.path.as_str() > "/stays")
                .count();
            assert_eq!(stays, 2, "{found:?}");
            let page = ws.glob("**").await.unwrap();
            let stays = page
                .items
                .iter()
                .filter(|entry| entry.path.as_str() > "/stays")
                .count();
            assert_eq!(stays, 2, "{page:?}");
            let root = ws.ls("/").await.unwrap();
            assert!(
                root.items.iter().any(|entry| entry.path == "/stays"),
                "{root:?}"
            );
        }
    });
}

/// Polls a future up to `polls` times, with the runtime's other work in between, and drops it.
async fn dropped<F: Future>(future: F, polls: usize) {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        let done =
            std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready()));
        if done.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn a_dropped_edit_is_done_or_not(ws: &Workspace) {
    for round in 0..40 {
        ws.put("/f", "old\n".repeat(1000)).await;
        let all = EditRequest::exact(p("/f"), vec![Replacement::all("old", "new")]);
        dropped(ws.edit_with(&all), round % 4).await;
        dropped(ws.write("/g", "whole"), round % 4).await;
        let text = ws.text("/f").await;
        let whole = ["old\n", "new\n"].map(|line| line.repeat(1000));
        assert!(whole.contains(&text), "round {round}: {text:?}");
        // Whatever still runs for the dropped future holds no lock for good, and ends.
        ws.put("/f", "later old\n").await;
        ws.edit("/f", "later", "last").await.unwrap();
    }
    for entry in ws.ls("/").await.unwrap() {
        assert!(
            ["/f", "/g"].contains(&entry.path.as_str()),
            "litter: {entry:?}"
        );
    }
    if ws.has("/g").await {
        assert_eq!(ws.text("/g").await, "whole");
    }
}

async fn a_dropped_search_leaves_the_backend_usable(ws: &Workspace) {
    for n in 0..40 {
        ws.put(
            &format!("/d{}/{n}", n % 4),
            "line\n".repeat(2000) + "needle\n",
        )
        .await;
    }
    for round in 0..40 {
        dropped(ws.grep("needle"), round % 4).await;
        dropped(ws.glob("**/*"), round % 4).await;
        dropped(ws.ls("/d0"), round % 4).await;
    }
    assert_eq!(ws.grep("needle").await.unwrap().matches.len(), 40);
    ws.put("/d0/0", "needle\n").await;
    assert_eq!(ws.found("**").await.len(), 40);
}

async fn an_edit_and_a_write_do_not_mix(ws: &Workspace) {
    ws.put("/f", "0\n").await;
    let applied = at_once(4, |task| async move {
        let mut applied = 0_u64;
        for _ in 0..25 {
            let content = ws.read("/f").await.unwrap();
            let number: u64 = content.text.trim().parse().unwrap();
            let next = format!("{}\n", number + 1);
            let outcome = if task % 2 == 0 {
                let edit = EditRequest::new(p("/f"), content.text, next).expect(content.version);
                ws.edit_with(&edit).await.map(drop)
            } else {
                let mode = WriteMode::IfVersion(content.version);
                ws.write_with(&WriteRequest::new(p("/f"), next).mode(mode))
                    .await
                    .map(drop)
            };
            match outcome {
                Ok(()) => applied += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        }
        applied
    });
    let total: u64 = applied.iter().sum();
    assert_eq!(ws.text("/f").await, format!("{total}\n"), "{applied:?}");
    assert!(total > 0);
}
