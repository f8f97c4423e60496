//! Laws about commands with a terminal.

use std::time::Duration;

use backend_core::{
    ErrorKind, ExecRequest, ExecStatus, ProcessId, Signal, StdinRequest, TerminalSize,
};

use crate::Workshop;
use crate::workspace::refused;

#[doc(hidden)]
#[macro_export]
macro_rules! __terminal_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args terminals;
            PT1 all_streams_are_the_terminal [Terminal]
                "With a terminal all three streams are it, of the size asked for; all output is on `stdout`.";
            PT2 the_terminal_is_the_commands_own [Terminal]
                "The terminal is the one that the command can open, and `TERM` is not `dumb`.";
            PT3 input_is_typed_and_ends [Terminal]
                "The input of the request is typed, and then ends, in the middle of a line too.";
            PT4 a_terminal_can_be_resized [Terminal Processes]
                "After `resize` the process sees the new size, and is notified.";
            PT5 without_a_terminal_there_is_no_size [Processes]
                "`resize` of a process without a terminal is `invalid_request`.";
            PT6 control_characters_work [Terminal Processes]
                "Ctrl-C typed into the terminal interrupts what is in its foreground.";
            PT7 typed_input_is_echoed [Terminal Processes]
                "What is typed is echoed; `close` is the end of input, and the process continues to its own end.";
            PT8 a_hangup_ends_a_shell [Terminal Processes]
                "An interactive shell answers what is typed, and ends by `hangup`.";
            PT9 a_kill_ends_all_jobs [Terminal Processes]
                "`kill` ends a shell with all its jobs, each a group of its own.";
            PT10 a_timeout_ends_a_terminal [Terminal]
                "A command with a terminal has its timeout and its ceiling, and the usual status.";
        }
    };
}

crate::__terminal_laws! { registry_of_area [Commands] }

const SIZE: TerminalSize = TerminalSize {
    rows: 33,
    columns: 77,
};

fn on_terminal(shop: &Workshop, line: &str) -> ExecRequest {
    shop.line(line).terminal(SIZE)
}

async fn start(shop: &Workshop, line: &str) -> ProcessId {
    shop.start(&on_terminal(shop, line)).await
}

async fn all_streams_are_the_terminal(shop: &Workshop) {
    let line = "test -t 0 && test -t 1 && test -t 2 && stty size && echo err >&2";
    let output = shop.run(&on_terminal(shop, line)).await;
    assert_eq!(output.status, ExecStatus::Exited(0), "{output:?}");
    assert_eq!(output.stdout.to_text(), "33 77\r\nerr\r\n");
    assert_eq!(output.stderr.total(), 0);
    let request = shop.words(["no-such-program"]).terminal(SIZE);
    let output = shop.run(&request).await;
    assert_eq!(output.status, ExecStatus::Exited(127));
    assert_eq!(output.stderr.total(), 0);
    assert!(output.stdout.total() > 0);
}

async fn the_terminal_is_the_commands_own(shop: &Workshop) {
    let line = "echo to-the-terminal > /dev/tty; test \"$TERM\" != dumb && echo \"$TERM\"";
    let output = shop.run(&on_terminal(shop, line)).await;
    assert_eq!(output.status, ExecStatus::Exited(0), "{output:?}");
    assert!(
        output.stdout.to_text().starts_with("to-the-terminal\r\n"),
        "{output:?}"
    );
    let request = on_terminal(shop, "echo \"$TERM\"").env("TERM", "vt100");
    assert_eq!(shop.printed(&request).await, "vt100\r\n");
}

async fn input_is_typed_and_ends(shop: &Workshop) {
    for (input, count) in [("", 0), ("a\n", 2), ("a\nbc", 4), ("abc", 3)] {
        let request = on_terminal(shop, "cat > got; wc -c < got").stdin(input);
        let output = shop.run(&request).await;
        assert_eq!(output.status, ExecStatus::Exited(0), "{output:?}");
        // How the terminal echoes the end of input is not checked.
        let text = output.stdout.to_text();
        assert!(
            text.trim_end().ends_with(&count.to_string()),
            "{input:?}: {text:?}"
        );
        assert_eq!(shop.says("cat got").await, input);
    }
}

async fn a_terminal_can_be_resized(shop: &Workshop) {
    let line = "trap 'echo told' WINCH; echo up; while :; do sleep 0.05; stty size; done";
    let process = start(shop, line).await;
    let cursor = shop.read_until(&process, 0, "33 77\r\n").await;
    let size = TerminalSize {
        rows: 5,
        columns: 132,
    };
    shop.resize(&process, size).await.unwrap();
    let cursor = shop.read_until(&process, cursor, "5 132\r\n").await;
    shop.resize(&process, SIZE).await.unwrap();
    shop.read_until(&process, cursor, "33 77\r\n").await;
    shop.signal(&process, Signal::Kill).await.unwrap();
    let (out, _, _) = shop.read_all(&process).await;
    assert!(
        String::from_utf8_lossy(&out).contains("told\r\n"),
        "{out:?}"
    );
}

async fn without_a_terminal_there_is_no_size(shop: &Workshop) {
    let running = shop.start(&shop.line("sleep 5000")).await;
    refused(shop.resize(&running, SIZE).await, ErrorKind::InvalidRequest);
    let ended = shop.start(&shop.line("true")).await;
    shop.read_all(&ended).await;
    refused(shop.resize(&ended, SIZE).await, ErrorKind::InvalidRequest);
}

async fn control_characters_work(shop: &Workshop) {
    let process = start(
        shop,
        "trap 'echo caught' INT; echo up; cat; echo after; exit 3",
    )
    .await;
    let cursor = shop.read_until(&process, 0, "up\r\n").await;
    shop.type_in(&process, "hello\n").await;
    let cursor = shop
        .read_until(&process, cursor, "hello\r\nhello\r\n")
        .await;
    // It ends `cat`, which is in the foreground; the shell handles it.
    shop.type_in(&process, "\x03").await;
    shop.read_until(&process, cursor, "after\r\n").await;
    let (out, _, status) = shop.read_all(&process).await;
    assert!(
        String::from_utf8_lossy(&out).contains("caught\r\n"),
        "{out:?}"
    );
    assert_eq!(status, ExecStatus::Exited(3));
}

async fn typed_input_is_echoed(shop: &Workshop) {
    let process = start(shop, "cat; echo after; exit 4").await;
    shop.type_in(&process, "one\n").await;
    let cursor = shop.read_until(&process, 0, "one\r\none\r\n").await;
    shop.write_stdin(&StdinRequest::close(process.clone()))
        .await
        .unwrap();
    shop.read_until(&process, cursor, "after\r\n").await;
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Exited(4));
    let write = StdinRequest::write(process, "x");
    refused(shop.write_stdin(&write).await, ErrorKind::InvalidRequest);
}

async fn a_hangup_ends_a_shell(shop: &Workshop) {
    let request = shop
        .words(["/bin/sh", "-i"])
        .terminal(SIZE)
        .env("PS1", "ready> ");
    let process = shop.start(&request).await;
    let cursor = shop.read_until(&process, 0, "ready> ").await;
    shop.type_in(&process, "echo $((6 * 7))\n").await;
    shop.read_until(&process, cursor, "42\r\n").await;
    shop.signal(&process, Signal::Hangup).await.unwrap();
    let (_, _, status) = shop.read_all(&process).await;
    assert!(!status.is_success(), "{status:?}");
}

async fn a_kill_ends_all_jobs(shop: &Workshop) {
    shop.prepare_trees().await;
    let line = "set -m; sh ./sleeper & (trap '' HUP; sh ./sleeper) & \
                while [ \"$(wc -l < pids)\" -lt 2 ]; do sleep 0.02; done; echo up; sleep 5000";
    let process = start(shop, line).await;
    shop.read_until(&process, 0, "up\r\n").await;
    shop.signal(&process, Signal::Kill).await.unwrap();
    assert_eq!(shop.read_all(&process).await.2, ExecStatus::Signaled(9));
    shop.nobody_is_left("a kill of their shell").await;
}

async fn a_timeout_ends_a_terminal(shop: &Workshop) {
    let request = on_terminal(shop, "trap '' HUP TERM; sleep 5000");
    let output = shop.run(&request.timeout(Duration::from_millis(300))).await;
    assert_eq!(output.status, ExecStatus::TimedOut);
    let request = on_terminal(shop, "yes").output_ceiling(1000);
    assert_eq!(shop.run(&request).await.status, ExecStatus::OutputCeiling);
    let output = shop.run(&on_terminal(shop, "exit 9")).await;
    assert_eq!(output.status, ExecStatus::Exited(9));
    let output = shop.run(&on_terminal(shop, "kill -9 $$")).await;
    assert_eq!(output.status, ExecStatus::Signaled(9));
}
