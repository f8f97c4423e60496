//! Processes that are read on from a cursor, written to, signalled and listed.

use std::time::Duration;

use backend_core::{
    ErrorKind, ExecRequest, ExecStatus, OutputRequest, OutputStream, ProcessId, Sandbox, Signal,
    StdinRequest, TerminalSize,
};

use crate::support::{
    await_file, eventually, mark, marked, marked_processes, no_survivors, sandbox,
};

const LONG: Duration = Duration::from_secs(100);

/// Reads to the end, and returns what came on each stream and how it ended.
pub(crate) async fn read_all(
    sandbox: &dyn Sandbox,
    id: &ProcessId,
) -> (String, String, ExecStatus) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut request = OutputRequest::new(id.clone()).wait(LONG).limit(1000);
    loop {
        let output = sandbox.read_output(&request).await.unwrap();
        for chunk in output.chunks {
            match chunk.stream {
                OutputStream::Stderr => err.extend(chunk.bytes),
                _ => out.extend(chunk.bytes),
            }
        }
        request.cursor = output.next;
        if let Some(status) = output.status {
            let text = |bytes| String::from_utf8(bytes).unwrap();
            return (text(out), text(err), status);
        }
    }
}

/// Waits until the process has printed this, and returns the cursor behind it.
pub(crate) async fn read_until(
    sandbox: &dyn Sandbox,
    id: &ProcessId,
    from: u64,
    text: &str,
) -> u64 {
    let mut request = OutputRequest::new(id.clone()).cursor(from).wait(LONG);
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let output = sandbox.read_output(&request).await.unwrap();
        for chunk in &output.chunks {
            seen.extend_from_slice(&chunk.bytes);
        }
        let shown = String::from_utf8_lossy(&seen);
        assert!(
            output.status.is_none() || shown.contains(text),
            "{shown:?}: {output:?}"
        );
        request.cursor = output.next;
    }
    request.cursor
}

async fn spawn(sandbox: &dyn Sandbox, line: &str) -> ProcessId {
    sandbox
        .spawn_with(&ExecRequest::shell(line))
        .await
        .unwrap()
        .id
}

#[tokio::test]
async fn output_is_read_on_from_a_cursor() {
    let (sandbox, _dir) = sandbox();
    let id = spawn(
        &sandbox,
        "echo one; read x; echo two >&2; read x; echo three; exit 7",
    )
    .await;
    let cursor = read_until(&sandbox, &id, 0, "one\n").await;
    assert_eq!(cursor, 4);
    // Nothing new, and no wait: an empty answer, not an end.
    let quiet = OutputRequest::new(id.clone()).cursor(cursor);
    let output = sandbox.read_output(&quiet).await.unwrap();
    assert_eq!(
        (output.chunks.len(), output.next, output.status),
        (0, 4, None)
    );
    sandbox
        .write_stdin(&StdinRequest::write(id.clone(), "\n"))
        .await
        .unwrap();
    let cursor = read_until(&sandbox, &id, cursor, "two\n").await;
    sandbox
        .write_stdin(&StdinRequest::write(id.clone(), "\n"))
        .await
        .unwrap();
    read_until(&sandbox, &id, cursor, "three\n").await;
    let (out, err, status) = read_all(&sandbox, &id).await;
    assert_eq!((out.as_str(), err.as_str()), ("one\nthree\n", "two\n"));
    assert_eq!(status, ExecStatus::Exited(7));
    // And again, from anywhere.
    let output = sandbox
        .read_output(&OutputRequest::new(id.clone()).cursor(2).limit(4))
        .await
        .unwrap();
    assert_eq!((output.next, output.missed, output.status), (6, 0, None));
    let past = OutputRequest::new(id).cursor(1000);
    let error = sandbox.read_output(&past).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_reader_waits_for_the_first_byte_or_the_end() {
    let (sandbox, _dir) = sandbox();
    let id = spawn(&sandbox, "read x; echo $x; read x").await;
    let request = OutputRequest::new(id.clone()).wait(LONG);
    let (output, written) = tokio::join!(sandbox.read_output(&request), async {
        tokio::task::yield_now().await;
        sandbox
            .write_stdin(&StdinRequest::write(id.clone(), "hello\n"))
            .await
    });
    written.unwrap();
    let output = output.unwrap();
    assert_eq!(output.chunks[0].bytes, "hello\n");
    let (request, close) = (request.cursor(output.next), StdinRequest::close(id));
    let (output, closed) = tokio::join!(sandbox.read_output(&request), sandbox.write_stdin(&close));
    closed.unwrap();
    let output = output.unwrap();
    assert!(output.chunks.is_empty());
    assert_eq!(output.status, Some(ExecStatus::Exited(1)));
}

#[tokio::test]
async fn the_newest_output_is_kept_and_the_rest_counted() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::shell("seq 1000; read x").output_bytes(10);
    let id = sandbox.spawn_with(&request).await.unwrap().id;
    let cursor = read_until(&sandbox, &id, 0, "\n1000\n").await;
    // Numbers up to 1000 on lines of their own are 3893 bytes.
    assert_eq!(cursor, 3893);
    let output = sandbox.read_output(&OutputRequest::new(id)).await.unwrap();
    assert_eq!((output.missed, output.next), (3883, 3893));
    assert_eq!(output.chunks[0].bytes, "\n999\n1000\n");
}

#[tokio::test]
async fn input_arrives_in_order_and_ends_when_it_is_closed() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::shell("cat").stdin("first ");
    let id = sandbox.spawn_with(&request).await.unwrap().id;
    for word in ["second ", "third "] {
        let request = StdinRequest::write(id.clone(), word);
        sandbox.write_stdin(&request).await.unwrap();
    }
    let mut last = StdinRequest::write(id.clone(), "last");
    last.close = true;
    sandbox.write_stdin(&last).await.unwrap();
    let error = sandbox.write_stdin(&last).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let (out, _, status) = read_all(&sandbox, &id).await;
    assert_eq!(out, "first second third last");
    assert_eq!(status, ExecStatus::Exited(0));
}

#[tokio::test]
async fn much_input_waits_for_the_process_and_fails_when_it_ends() {
    let (sandbox, _dir) = sandbox();
    let id = spawn(
        &sandbox,
        "head -c 1000000 > /dev/null; echo enough; sleep 1000",
    )
    .await;
    let request = StdinRequest::write(id.clone(), vec![b'x'; 1_000_000]);
    sandbox.write_stdin(&request).await.unwrap();
    read_until(&sandbox, &id, 0, "enough").await;
    // Nobody reads this any more: it waits until the process is gone.
    let (written, killed) = tokio::join!(
        sandbox.write_stdin(&request),
        sandbox.signal(&id, Signal::Kill)
    );
    killed.unwrap();
    assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidRequest);
    let error = sandbox
        .write_stdin(&StdinRequest::write(id, "x"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn signals_reach_the_process_and_all_that_it_started() {
    let (sandbox, dir) = sandbox();
    for (signal, number, name) in [
        (Signal::Interrupt, 2, "INT"),
        (Signal::Terminate, 15, "TERM"),
        (Signal::Hangup, 1, "HUP"),
        (Signal::Kill, 9, "KILL"),
    ] {
        let mark = mark();
        // A shell ignores SIGINT in a child with `&`, but not in a pipeline.
        let line = format!(
            "setsid sh -c 'echo > {name}1; sleep 1000' | sh -c 'echo > {name}2; sleep 1000'"
        );
        let id = sandbox.spawn_with(&marked(&line, &mark)).await.unwrap().id;
        await_file(&dir.path().join(format!("{name}1")));
        await_file(&dir.path().join(format!("{name}2")));
        eventually("they sleep", || {
            let all = marked_processes(&mark);
            all.iter().filter(|line| line.contains(": sleep")).count() == 2
        });
        sandbox.signal(&id, signal).await.unwrap();
        let (_, _, status) = read_all(&sandbox, &id).await;
        assert_eq!(status, ExecStatus::Signaled(number), "{name}");
        no_survivors(&mark);
        // Nothing happens to one that has ended.
        sandbox.signal(&id, signal).await.unwrap();
    }
}

#[tokio::test]
async fn a_signal_can_be_handled() {
    let (sandbox, _dir) = sandbox();
    let line = "trap 'echo stopping; exit 3' TERM; echo up; while :; do sleep 0.01; done";
    let id = spawn(&sandbox, line).await;
    read_until(&sandbox, &id, 0, "up").await;
    sandbox.signal(&id, Signal::Terminate).await.unwrap();
    let (out, _, status) = read_all(&sandbox, &id).await;
    assert_eq!(out, "up\nstopping\n");
    assert_eq!(status, ExecStatus::Exited(3));
}

#[tokio::test]
async fn one_that_is_stopped_gets_a_signal_too() {
    let (sandbox, _dir) = sandbox();
    let id = spawn(&sandbox, "echo up; kill -STOP $$; echo never").await;
    read_until(&sandbox, &id, 0, "up").await;
    sandbox.signal(&id, Signal::Terminate).await.unwrap();
    let (_, _, status) = read_all(&sandbox, &id).await;
    assert_eq!(status, ExecStatus::Signaled(15));
}

#[tokio::test]
async fn a_spawned_process_has_its_timeout_and_ceiling() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    let request = marked("setsid sleep 1000 & echo up; sleep 1000", &mark)
        .timeout(Duration::from_millis(300));
    let id = sandbox.spawn_with(&request).await.unwrap().id;
    let (out, _, status) = read_all(&sandbox, &id).await;
    assert_eq!((out.as_str(), status), ("up\n", ExecStatus::TimedOut));
    let request = marked("setsid sleep 1000 & cat /dev/zero", &mark).output_ceiling(100_000);
    let id = sandbox
        .spawn_with(&request.output_bytes(9))
        .await
        .unwrap()
        .id;
    let (_, _, status) = read_all(&sandbox, &id).await;
    assert_eq!(status, ExecStatus::OutputCeiling);
    assert_eq!(marked_processes(&mark), Vec::<String>::new());
}

#[tokio::test]
async fn processes_are_listed_in_order_with_how_they_ended() {
    let (sandbox, _dir) = sandbox();
    let lines = ["exit 3", "sleep 1000", "kill -9 $$"];
    let mut ids = Vec::new();
    for line in lines {
        ids.push(spawn(&sandbox, line).await);
    }
    for id in [&ids[0], &ids[2]] {
        read_all(&sandbox, id).await;
    }
    let list = sandbox.processes().await.unwrap();
    let shown: Vec<_> = list
        .iter()
        .map(|process| (&process.id, process.status))
        .collect();
    let wanted = [
        (&ids[0], Some(ExecStatus::Exited(3))),
        (&ids[1], None),
        (&ids[2], Some(ExecStatus::Signaled(9))),
    ];
    assert_eq!(shown, wanted);
    assert_eq!(list[1].command, ExecRequest::shell("sleep 1000").command);
    assert!(list[0].started <= list[1].started);
    // What is executed is none of them.
    crate::support::run(&sandbox, "true").await;
    assert_eq!(sandbox.processes().await.unwrap().len(), 3);
}

#[tokio::test]
async fn those_that_ended_long_ago_are_forgotten() {
    let (sandbox, _dir) = sandbox();
    let old = spawn(&sandbox, "sleep 1000").await;
    let mut ids = Vec::new();
    for _ in 0..270 {
        let id = sandbox
            .spawn_with(&ExecRequest::argv(["true"]))
            .await
            .unwrap()
            .id;
        read_all(&sandbox, &id).await;
        ids.push(id);
    }
    let list = sandbox.processes().await.unwrap();
    // The one that runs, the 256 newest that had ended when the last one came, and that one.
    assert_eq!(list.len(), 258);
    assert_eq!(list[0].id, old);
    let error = sandbox
        .read_output(&OutputRequest::new(ids[0].clone()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_unknown_process_is_not_found() {
    let (sandbox, _dir) = sandbox();
    let known = spawn(&sandbox, "sleep 1000").await;
    for text in [
        "", "p", "p0", "p99", "1", "p1 ", "p01", "p+1", "../p1", "P1",
    ] {
        let id = ProcessId::new(text);
        assert_ne!(id, known);
        let size = TerminalSize {
            rows: 1,
            columns: 1,
        };
        for error in [
            sandbox
                .read_output(&OutputRequest::new(id.clone()))
                .await
                .unwrap_err(),
            sandbox
                .write_stdin(&StdinRequest::close(id.clone()))
                .await
                .unwrap_err(),
            sandbox.signal(&id, Signal::Kill).await.unwrap_err(),
            sandbox.resize(&id, size).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{text}");
        }
    }
    let zero = OutputRequest::new(known).limit(0);
    let error = sandbox.read_output(&zero).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_process_that_has_ended() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::argv(["no-such-program"]);
    let process = sandbox.spawn_with(&request).await.unwrap();
    assert_eq!(process.status, Some(ExecStatus::Exited(127)));
    let (_, err, status) = read_all(&sandbox, &process.id).await;
    assert_eq!(err, "no-such-program: not found\n");
    assert_eq!(status, ExecStatus::Exited(127));
    sandbox.signal(&process.id, Signal::Kill).await.unwrap();
    let error = sandbox
        .write_stdin(&StdinRequest::close(process.id))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn what_a_process_leaves_behind_can_still_be_killed() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    let request = marked("setsid sleep 1000 & exit 0", &mark);
    let id = sandbox.spawn_with(&request).await.unwrap().id;
    let (_, _, status) = read_all(&sandbox, &id).await;
    assert_eq!(status, ExecStatus::Exited(0));
    assert_eq!(marked_processes(&mark).len(), 1);
    sandbox.signal(&id, Signal::Kill).await.unwrap();
    assert_eq!(marked_processes(&mark), Vec::<String>::new());
}
