//! However a command over the wire ends, no process of its tree is left: hundreds of trees, ended in every way.

use std::time::{Duration, Instant};

use backend_core::wire::Remote;
use backend_core::{ErrorKind, ExecOutput, ExecRequest, ExecStatus, Result, Sandbox, SandboxExt};
use tokio::task::JoinHandle;

use crate::host::{Init, Served, lives, mark, soon, survivors, until_none, until_sleeping};

/// How many trees run at once, and how often.
const TREES: usize = 8;
const ROUNDS: usize = 10;

/// How many processes of a tree sleep.
const SLEEPERS: usize = 5;

/// A command that tries everything to outlive its caller: children that ignore signals, lead sessions of their own, are
/// orphaned, or have stopped themselves.
fn clinging(mark: &str) -> String {
    format!(
        "trap '' TERM INT HUP; sleep {mark} & setsid sleep {mark} & \
         (setsid sh -c '(setsid sleep {mark} &) ; sh -c \"kill -STOP \\$\\$; sleep {mark}\" & sleep {mark} & wait' &) ; \
         sleep {mark}"
    )
}

fn endless(line: String) -> ExecRequest {
    ExecRequest::shell(line).timeout(None)
}

type Calls = Vec<JoinHandle<Result<ExecOutput>>>;

/// Starts trees with one mark, and returns when all of them are up.
async fn trees(remote: &Remote, mark: &str) -> Calls {
    let calls = (0..TREES)
        .map(|_| {
            let (remote, request) = (remote.clone(), endless(clinging(mark)));
            tokio::spawn(async move { remote.execute_with(&request).await })
        })
        .collect();
    until_sleeping(mark, TREES * SLEEPERS).await;
    calls
}

/// How long each round took until no process was left.
#[derive(Default)]
struct Ends(Vec<Duration>);

impl Ends {
    /// Waits until no process is left.
    async fn of(&mut self, mark: &str) {
        let ended = Instant::now();
        until_none(mark).await;
        self.0.push(ended.elapsed());
    }

    /// Asserts that the trees of a round are gone within a second: checks the median, because on a busy machine a single
    /// round may take longer through no fault of the guest.
    fn within_a_second(mut self, after: &str) {
        self.0.sort_unstable();
        let (median, last) = (self.0[self.0.len() / 2], self.0[self.0.len() - 1]);
        println!(
            "{} times {TREES} trees were gone after {after}: half of the times in {median:?}, the last in {last:?}",
            self.0.len()
        );
        assert!(median < Duration::from_secs(1), "{median:?}");
    }
}

async fn unavailable(calls: Calls) {
    for call in calls {
        let error = soon(call).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

/// Runs requests concurrently, and expects that all of them end in this way.
async fn all_end(remote: &Remote, request: ExecRequest, want: ExecStatus) {
    let calls: Calls = (0..TREES)
        .map(|_| {
            let (remote, request) = (remote.clone(), request.clone());
            tokio::spawn(async move { remote.execute_with(&request).await })
        })
        .collect();
    for call in calls {
        let output = soon(call).await.unwrap().unwrap();
        assert_eq!(output.status, want, "{output:?}");
    }
}

#[tokio::test]
async fn a_timeout_leaves_no_processes() {
    let (guest, mut ends) = (Served::start().await, Ends::default());
    for round in 0..ROUNDS as u64 {
        let mark = mark();
        // From the middle of its start to well after it.
        let time = Duration::from_millis(20 + 100 * round);
        let request = ExecRequest::shell(clinging(&mark)).timeout(time);
        all_end(&guest.remote, request, ExecStatus::TimedOut).await;
        // Immediately, except for a command that had not even started: it is killed as it starts.
        ends.of(&mark).await;
    }
    ends.within_a_second("a timeout");
}

#[tokio::test]
async fn a_ceiling_leaves_no_processes() {
    let guest = Served::start().await;
    for _ in 0..ROUNDS {
        let mark = mark();
        let line = format!("({}) & exec yes {mark}", clinging(&mark));
        let request = endless(line).output_ceiling(10 << 20);
        all_end(&guest.remote, request, ExecStatus::OutputCeiling).await;
        // When the call returns, not soon after.
        assert_eq!(survivors(&mark), 0);
    }
}

#[tokio::test]
async fn a_dropped_call_leaves_no_processes() {
    let (guest, mut ends) = (Served::start().await, Ends::default());
    for _ in 0..ROUNDS {
        let mark = mark();
        for call in trees(&guest.remote, &mark).await {
            call.abort();
        }
        ends.of(&mark).await;
    }
    ends.within_a_second("their calls were dropped");
    assert!(
        guest
            .remote
            .execute("true")
            .await
            .unwrap()
            .status
            .is_success()
    );
}

#[tokio::test]
async fn a_closed_connection_leaves_only_spawned_processes() {
    let init = Init::start().await;
    let (kept, mut ends) = (mark(), Ends::default());
    let first = init.connect().await;
    first
        .spawn_with(&endless(format!("exec sleep {kept}")))
        .await
        .unwrap();
    for _ in 0..ROUNDS {
        let (mark, remote) = (mark(), init.connect().await);
        let calls = trees(&remote, &mark).await;
        remote.close().await;
        unavailable(calls).await;
        ends.of(&mark).await;
    }
    ends.within_a_second("their connection was closed");
    assert!(lives(&kept));
    assert_eq!(init.connect().await.processes().await.unwrap().len(), 1);
    first.stop().await.unwrap();
    until_none(&kept).await;
}

#[tokio::test]
async fn a_connection_whose_program_is_killed_leaves_only_spawned_processes() {
    let init = Init::start().await;
    let (kept, mut ends) = (mark(), Ends::default());
    for round in 0..ROUNDS {
        let mark = mark();
        let (remote, mut splice) = init.splice().await;
        assert_eq!(remote.processes().await.unwrap().len(), round);
        remote
            .spawn_with(&endless(format!("exec sleep {kept}")))
            .await
            .unwrap();
        let calls = trees(&remote, &mark).await;
        splice.kill().await.unwrap();
        unavailable(calls).await;
        ends.of(&mark).await;
        until_sleeping(&kept, round + 1).await;
    }
    ends.within_a_second("their connection was killed");
    init.connect().await.stop().await.unwrap();
    until_none(&kept).await;
}

#[tokio::test]
async fn a_killed_guest_leaves_no_processes() {
    for _ in 0..10 {
        let mark = mark();
        let mut guest = Served::start().await;
        guest
            .remote
            .spawn_with(&endless(clinging(&mark)))
            .await
            .unwrap();
        until_sleeping(&mark, SLEEPERS).await;
        guest.child.kill().await.unwrap();
        until_none(&mark).await;
    }
}
