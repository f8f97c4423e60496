//! Laws about processes that keep running after the call that started them.

use std::collections::BTreeSet;
use std::time::Duration;

use backend_core::{
    ErrorKind, ExecRequest, ExecStatus, OutputRequest, ProcessId, ProcessInfo, Signal,
    StdinRequest, TerminalSize,
};

use crate::Workshop;
use crate::workshop::{LONG, TOOLS};
use crate::workspace::refused;

#[doc(hidden)]
#[macro_export]
macro_rules! __process_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args processes;
            PS1 a_spawn_returns_at_once [Processes]
                "`spawn` returns while the process runs: its id, what it runs, when it started, and no status yet.";
            PS2 no_id_is_used_twice [Processes]
                "Each process has an id of its own, which is not used again when it has ended.";
            PS3 processes_are_listed_in_order [Processes]
                "`processes` lists spawned processes in the order in which they started, ended ones with how they ended.";
            PS4 executed_commands_are_not_listed [Processes]
                "Commands of `execute` are not among the processes.";
            PS5 an_unknown_process_is_not_found [Processes]
                "An id that was never given is `not_found` for every operation, and the error names it.";
            PS6 a_process_runs_like_a_command [Processes]
                "A spawned process has the `cwd`, the variables, the input and the statuses that `execute` gives.";
            PS7 a_program_that_is_not_there_is_a_process [Processes]
                "A program that is not there is a process that has ended with 127 and one line on the standard error.";
            PS8 a_process_has_its_timeout [Processes]
                "A spawned process is `timed_out` after its timeout, with what it had printed; `None` sets no limit.";
            PS9 a_process_has_its_ceiling [Processes]
                "A spawned process that prints more than its ceiling is killed, and its status says so.";
            PS10 a_signal_reaches_all [Processes]
                "A signal reaches the process and all that it started, in other sessions too.";
            PS11 a_signal_can_be_handled [Processes]
                "A process that handles a signal continues or ends as it chooses; `kill` cannot be handled.";
            PS12 a_stopped_process_gets_a_signal [Processes]
                "A process that has stopped itself ends by `terminate`.";
            PS13 a_signal_to_an_ended_process_does_nothing [Processes]
                "A signal to a process that has ended does nothing, and its status stays.";
        }
    };
}

crate::__process_laws! { registry_of_area [Commands] }

async fn listed(shop: &Workshop) -> Vec<ProcessInfo> {
    shop.processes().await.unwrap()
}

async fn a_spawn_returns_at_once(shop: &Workshop) {
    for request in [
        shop.line("sleep 5000"),
        shop.words(["sleep", "5000"]),
        shop.line("sleep 5000 & wait"),
    ] {
        let process = shop.spawn(&request.timeout(None)).await.unwrap();
        assert_eq!(process.status, None);
        let found = listed(shop)
            .await
            .into_iter()
            .find(|one| one.id == process.id);
        assert_eq!(found, Some(process));
    }
}

async fn no_id_is_used_twice(shop: &Workshop) {
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        let process = shop.start(&shop.words(["true"])).await;
        shop.read_all(&process).await;
        assert!(ids.insert(process.clone()), "{process} was used before");
    }
}

async fn processes_are_listed_in_order(shop: &Workshop) {
    let mut ids = Vec::new();
    for line in ["exit 3", "sleep 5000", "kill -9 $$", "exit 0"] {
        ids.push(shop.start(&shop.line(line)).await);
    }
    for id in [&ids[0], &ids[2], &ids[3]] {
        shop.read_all(id).await;
    }
    let list = listed(shop).await;
    // Other users of the sandbox may have processes too.
    let own: Vec<_> = list
        .iter()
        .filter(|process| ids.contains(&process.id))
        .collect();
    let shown: Vec<_> = own
        .iter()
        .map(|process| (&process.id, process.status))
        .collect();
    let wanted = [
        (&ids[0], Some(ExecStatus::Exited(3))),
        (&ids[1], None),
        (&ids[2], Some(ExecStatus::Signaled(9))),
        (&ids[3], Some(ExecStatus::Exited(0))),
    ];
    assert_eq!(shown, wanted);
    assert_eq!(own[1].command, ExecRequest::shell("sleep 5000").command);
    for pair in list.windows(2) {
        assert!(pair[0].started <= pair[1].started, "{pair:?}");
    }
}

async fn executed_commands_are_not_listed(shop: &Workshop) {
    let line = "echo not a process of this law; sleep 1";
    let request = shop.line(line);
    let (_, during) = tokio::join!(shop.run(&request), listed(shop));
    let after = listed(shop).await;
    let all = during.iter().chain(&after);
    assert!(
        !all.into_iter()
            .any(|process| process.command == request.command)
    );
}

async fn an_unknown_process_is_not_found(shop: &Workshop) {
    let known = shop.start(&shop.line("sleep 5000")).await;
    let near = format!("{known}0");
    let spaced = format!(" {known}");
    for text in ["", "none", "0", "-1", "../1", "ü", &near, &spaced] {
        let id = ProcessId::new(text);
        if listed(shop).await.iter().any(|process| process.id == id) {
            continue;
        }
        let size = TerminalSize {
            rows: 1,
            columns: 1,
        };
        let about = |error: backend_core::Error| {
            let unknown = backend_core::Error::unknown_process(&id);
            assert_eq!(error.to_string(), unknown.to_string());
        };
        let read = shop.read_output(&OutputRequest::new(id.clone())).await;
        about(refused(read, ErrorKind::NotFound));
        let write = shop
            .write_stdin(&StdinRequest::write(id.clone(), "x"))
            .await;
        about(refused(write, ErrorKind::NotFound));
        let close = shop.write_stdin(&StdinRequest::close(id.clone())).await;
        about(refused(close, ErrorKind::NotFound));
        about(refused(
            shop.signal(&id, Signal::Kill).await,
            ErrorKind::NotFound,
        ));
        about(refused(shop.resize(&id, size).await, ErrorKind::NotFound));
    }
}

async fn a_process_runs_like_a_command(shop: &Workshop) {
    shop.says("echo here > in").await;
    let request = shop
        .line("cat in; echo \"$LAW|$TERM\"; read x; echo \"$x\"; echo err >&2; exit 42")
        .env("LAW", "set")
        .stdin("typed\n");
    let process = shop.start(&request).await;
    let (out, err, status) = shop.read_all(&process).await;
    assert_eq!(out, "here\nset|dumb\ntyped\n");
    assert_eq!(err, "err\n");
    assert_eq!(status, ExecStatus::Exited(42));
    let process = shop
        .start(&shop.words(["printf", "%s|", "a b", "$HOME"]))
        .await;
    assert_eq!(shop.read_all(&process).await.0, "a b|$HOME|");
    let process = shop.start(&shop.line("kill -HUP $$")).await;
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Signaled(1));
}

async fn a_program_that_is_not_there_is_a_process(shop: &Workshop) {
    let process = shop.start(&shop.words(["no-such-program"])).await;
    let (out, err, status) = shop.read_all(&process).await;
    assert_eq!(status, ExecStatus::Exited(127));
    assert_eq!(
        (out.len(), err.iter().filter(|byte| **byte == b'\n').count()),
        (0, 1)
    );
    shop.signal(&process, Signal::Kill).await.unwrap();
    let closed = shop.write_stdin(&StdinRequest::close(process)).await;
    refused(closed, ErrorKind::InvalidRequest);
}

async fn a_process_has_its_timeout(shop: &Workshop) {
    for tries in 0..8 {
        let request = shop.line("echo up; echo err >&2; sleep 5000");
        let request = request.timeout(Duration::from_millis(300 << tries));
        let process = shop.start(&request).await;
        let (out, err, status) = shop.read_all(&process).await;
        assert_eq!(status, ExecStatus::TimedOut);
        if (out, err) == ("up\n".into(), "err\n".into()) {
            break;
        }
    }
    let process = shop
        .start(&shop.line("sleep 1; exit 5").timeout(None))
        .await;
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Exited(5));
    let process = shop.start(&shop.line("exit 6").timeout(LONG)).await;
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Exited(6));
}

async fn a_process_has_its_ceiling(shop: &Workshop) {
    for (line, ceiling, status) in [
        ("printf 1234", 4, ExecStatus::Exited(0)),
        ("printf 12345; sleep 5000", 4, ExecStatus::OutputCeiling),
        ("printf 12345 >&2; sleep 5000", 4, ExecStatus::OutputCeiling),
        ("cat /dev/zero", 1_000_000, ExecStatus::OutputCeiling),
    ] {
        let request = shop.line(line).output_ceiling(ceiling).output_bytes(9);
        let process = shop.start(&request).await;
        assert_eq!(shop.read_all(&process).await.2, status, "{line}");
    }
}

async fn a_signal_reaches_all(shop: &Workshop) {
    for (signal, number) in [
        (Signal::Interrupt, 2),
        (Signal::Terminate, 15),
        (Signal::Hangup, 1),
        (Signal::Kill, 9),
    ] {
        shop.prepare_trees().await;
        // A shell ignores an interrupt in a child with `&`, but not in a pipeline.
        let line = format!("{TOOLS}setsid sh ./sleeper | sh ./sleeper");
        let process = shop.start(&shop.line(line)).await;
        shop.until_seen(2).await;
        shop.signal(&process, signal).await.unwrap();
        let (_, _, status) = shop.read_all(&process).await;
        assert_eq!(status, ExecStatus::Signaled(number), "{signal:?}");
        shop.nobody_is_left("a signal").await;
    }
}

async fn a_signal_can_be_handled(shop: &Workshop) {
    let line = "trap 'echo caught' HUP; trap 'echo stopping; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    let process = shop.start(&shop.line(line)).await;
    let cursor = shop.read_until(&process, 0, "up\n").await;
    shop.signal(&process, Signal::Hangup).await.unwrap();
    shop.read_until(&process, cursor, "caught\n").await;
    shop.signal(&process, Signal::Terminate).await.unwrap();
    let (out, _, status) = shop.read_all(&process).await;
    assert_eq!(out, "up\ncaught\nstopping\n");
    assert_eq!(status, ExecStatus::Exited(3));
    let line = "trap '' TERM INT HUP; echo up; while :; do sleep 0.05; done";
    let process = shop.start(&shop.line(line)).await;
    shop.read_until(&process, 0, "up\n").await;
    shop.signal(&process, Signal::Terminate).await.unwrap();
    shop.signal(&process, Signal::Kill).await.unwrap();
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Signaled(9));
}

async fn a_stopped_process_gets_a_signal(shop: &Workshop) {
    let process = shop
        .start(&shop.line("echo up; kill -STOP $$; echo never"))
        .await;
    shop.read_until(&process, 0, "up\n").await;
    shop.signal(&process, Signal::Terminate).await.unwrap();
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Signaled(15));
}

async fn a_signal_to_an_ended_process_does_nothing(shop: &Workshop) {
    let process = shop.start(&shop.line("exit 4")).await;
    shop.read_all(&process).await;
    for signal in [
        Signal::Interrupt,
        Signal::Terminate,
        Signal::Hangup,
        Signal::Kill,
    ] {
        shop.signal(&process, signal).await.unwrap();
    }
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Exited(4));
}
