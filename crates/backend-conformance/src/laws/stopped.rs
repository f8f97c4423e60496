//! Laws about a stopped sandbox: it is gone for good, and says so.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, OutputRequest, ProcessId, ReadRequest, Result,
    Signal, StdinRequest, TerminalSize, WriteRequest,
};

use crate::Workshop;
use crate::workshop::{LONG, within};
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __stop_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args stopped;
            SS1 a_sandbox_is_alive_until_it_is_stopped [Alone]
                "`liveness` is alive before `stop`, and gone or asleep after it.";
            SS2 a_second_stop_succeeds [Alone]
                "A second `stop` succeeds, and so do several at once.";
            SS3 commands_are_unavailable_after_a_stop [Alone]
                "After `stop`, `execute` and `spawn` answer `unavailable`, valid request or not.";
            SS4 processes_are_unavailable_after_a_stop [Alone Processes]
                "After `stop`, every operation on a process answers `unavailable`, and so does their list.";
            SS5 files_are_unavailable_after_a_stop [Alone]
                "After `stop`, every operation on files answers `unavailable`.";
            SS6 calls_that_wait_are_unavailable_when_it_stops [Alone]
                "A command that runs when the sandbox is stopped is answered with `unavailable`, not with a status.";
            SS7 readers_that_wait_are_unavailable_when_it_stops [Alone Processes]
                "A call that waits for output of a process, or for room in its input, is answered with `unavailable`.";
            SS8 a_sandbox_has_one_name
                "`id` is the same before, during and after everything.";
        }
    };
}

crate::__stop_laws! { registry_of_area [Commands] }

#[track_caller]
fn gone<T: Debug>(result: Result<T>) {
    refused(result, ErrorKind::Unavailable);
}

async fn stop(shop: &Workshop) {
    within("stop", shop.sandbox().stop()).await.unwrap();
}

async fn a_sandbox_is_alive_until_it_is_stopped(shop: &Workshop) {
    assert!(shop.sandbox().liveness().await.is_alive());
    shop.says("true").await;
    assert!(shop.sandbox().liveness().await.is_alive());
    stop(shop).await;
    for _ in 0..3 {
        let liveness = shop.sandbox().liveness().await;
        assert!(liveness.is_gone() || liveness.is_asleep(), "{liveness:?}");
    }
}

async fn a_second_stop_succeeds(shop: &Workshop) {
    shop.says("sleep 5000 > /dev/null 2>&1 &").await;
    tokio::join!(stop(shop), stop(shop), stop(shop));
    stop(shop).await;
}

async fn commands_are_unavailable_after_a_stop(shop: &Workshop) {
    stop(shop).await;
    for request in [
        ExecRequest::shell("true"),
        ExecRequest::argv(["no-such-program"]),
        shop.line("true"),
    ] {
        gone(shop.execute(&request).await);
        if shop.sandbox().capabilities().processes {
            gone(shop.spawn(&request).await);
        }
    }
}

async fn processes_are_unavailable_after_a_stop(shop: &Workshop) {
    let running = shop.start(&shop.line("sleep 5000")).await;
    let ended = shop.start(&shop.line("true")).await;
    shop.read_all(&ended).await;
    stop(shop).await;
    gone(shop.processes().await);
    let size = TerminalSize {
        rows: 1,
        columns: 1,
    };
    for id in [running, ended, ProcessId::new("none")] {
        gone(shop.read_output(&OutputRequest::new(id.clone())).await);
        gone(shop.write_stdin(&StdinRequest::close(id.clone())).await);
        gone(shop.signal(&id, Signal::Kill).await);
        gone(shop.resize(&id, size).await);
    }
}

async fn files_are_unavailable_after_a_stop(shop: &Workshop) {
    let files = shop.files();
    files.put("/f", "x").await;
    stop(shop).await;
    gone(files.stat("/").await);
    gone(files.stat("/f").await);
    gone(files.ls("/").await);
    gone(files.read("/f").await);
    gone(files.read("/none").await);
    gone(files.read_bytes("/f").await);
    gone(files.write("/f", "y").await);
    gone(files.edit("/f", "x", "y").await);
    gone(files.mkdir("/d").await);
    gone(files.glob("*").await);
    gone(files.grep("x").await);
    gone(files.rename("/f", "/g").await);
    gone(files.delete("/f").await);
    for outcome in files.read_many_with(&[ReadRequest::new(p("/f"))]).await {
        gone(outcome);
    }
    for outcome in files
        .write_many_with(&[WriteRequest::new(p("/f"), "y")])
        .await
    {
        gone(outcome);
    }
}

async fn calls_that_wait_are_unavailable_when_it_stops(shop: &Workshop) {
    let line = shop.line(": > up; sleep 5000; exit 0").timeout(None);
    let all = shop.line("while [ ! -e up ]; do sleep 0.02; done");
    let (output, ()) = tokio::join!(shop.execute(&line), async {
        shop.printed(&all).await;
        stop(shop).await;
    });
    gone(output);
}

async fn readers_that_wait_are_unavailable_when_it_stops(shop: &Workshop) {
    let process = shop.start(&shop.line("sleep 5000")).await;
    let sandbox = Arc::clone(shop.sandbox());
    let read = OutputRequest::new(process.clone()).wait(LONG);
    let write = StdinRequest::write(process, vec![0; 5_000_000]);
    let (output, written, ()) = tokio::join!(
        sandbox.read_output(&read),
        sandbox.write_stdin(&write),
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            stop(shop).await;
        }
    );
    gone(output);
    gone(written);
}

async fn a_sandbox_has_one_name(shop: &Workshop) {
    let id = shop.sandbox().id().clone();
    assert!(!id.as_str().is_empty());
    shop.says("true").await;
    assert_eq!(shop.sandbox().id(), &id);
}
