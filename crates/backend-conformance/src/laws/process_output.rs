//! Laws about the output of a process, read from a cursor.

use std::time::Duration;

use backend_core::{ErrorKind, ExecStatus, OutputRequest, OutputStream, ProcessId, StdinRequest};
use bytes::Bytes;

use crate::Workshop;
use crate::workshop::LONG;
use crate::workspace::refused;

#[doc(hidden)]
#[macro_export]
macro_rules! __process_output_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args process_output;
            PO1 output_is_read_from_a_cursor [Processes]
                "`read_output` returns what came after the cursor, and `next` is where to continue.";
            PO2 output_can_be_read_again [Processes]
                "What is kept can be read from any cursor, any number of times, after the end too.";
            PO3 pieces_of_any_size_make_the_whole [Processes]
                "Read with any `limit`, the pieces are all of the output, each byte once and in order.";
            PO4 a_quiet_process_has_no_output [Processes]
                "Without a `wait`, a process with nothing new answers at once with nothing, and that is not the end.";
            PO5 a_reader_waits_for_the_first_byte [Processes]
                "With a `wait`, the answer comes with the first byte, with the end, or when the wait is over.";
            PO6 the_streams_are_in_the_order_of_arrival [Processes]
                "Pieces say their stream, and come in the order in which they arrived.";
            PO7 the_newest_output_is_kept [Processes]
                "Of more than `output_bytes` over both streams the newest are kept, and `missed` counts those before.";
            PO8 an_unread_process_is_not_blocked [Processes]
                "A process that prints much and is never read runs to its end.";
            PO9 the_status_comes_with_the_last_byte [Processes]
                "`status` is there when all output has been returned, and not before.";
            PO10 a_cursor_past_the_end_is_refused [Processes]
                "A cursor past what was printed, and a limit of 0, are `invalid_request`.";
            PO11 a_child_left_behind_does_not_delay_the_end [Processes]
                "A process has ended when it exits, even if a child of it keeps running and holds its streams.";
        }
    };
}

crate::__process_output_laws! { registry_of_area [Commands] }

fn read(process: &ProcessId) -> OutputRequest {
    OutputRequest::new(process.clone())
}

async fn output_is_read_from_a_cursor(shop: &Workshop) {
    let line = "echo one; read x; echo two >&2; read x; echo three; exit 7";
    let process = shop.start(&shop.line(line)).await;
    assert_eq!(shop.read_until(&process, 0, "one\n").await, 4);
    shop.type_in(&process, "\n").await;
    assert_eq!(shop.read_until(&process, 4, "two\n").await, 8);
    shop.type_in(&process, "\n").await;
    assert_eq!(shop.read_until(&process, 8, "three\n").await, 14);
    let (out, err, status) = shop.read_all(&process).await;
    assert_eq!((&out[..], &err[..]), (&b"one\nthree\n"[..], &b"two\n"[..]));
    assert_eq!(status, ExecStatus::Exited(7));
}

async fn output_can_be_read_again(shop: &Workshop) {
    let process = shop.start(&shop.line("printf 0123456789")).await;
    shop.read_all(&process).await;
    for (cursor, limit, wanted) in [
        (0, 10, "0123456789"),
        (2, 4, "2345"),
        (9, 5, "9"),
        (3, 1, "3"),
    ] {
        for _ in 0..2 {
            let request = read(&process).cursor(cursor).limit(limit);
            let output = shop.read_output(&request).await.unwrap();
            assert_eq!(output.chunks[0].bytes, wanted);
            assert_eq!(output.missed, 0);
        }
    }
    let request = read(&process).cursor(10).wait(LONG);
    let output = shop.read_output(&request).await.unwrap();
    assert_eq!(
        (output.chunks.len(), output.status),
        (0, Some(ExecStatus::Exited(0)))
    );
}

async fn pieces_of_any_size_make_the_whole(shop: &Workshop) {
    let all: Bytes = (0..=255_u8)
        .cycle()
        .take(100_000)
        .collect::<Vec<u8>>()
        .into();
    shop.give("all", all.clone()).await;
    let process = shop.start(&shop.line("cat all")).await;
    for limit in [997, 4096, 99_999, 100_000, usize::MAX] {
        let (mut seen, mut request) = (Vec::new(), read(&process).limit(limit).wait(LONG));
        loop {
            let output = shop.read_output(&request).await.unwrap();
            assert_eq!(output.missed, 0);
            for chunk in output.chunks {
                seen.extend(chunk.bytes);
            }
            request.cursor = output.next;
            if output.status.is_some() {
                break;
            }
        }
        assert!(seen == all, "{} bytes in pieces of {limit}", seen.len());
    }
}

async fn a_quiet_process_has_no_output(shop: &Workshop) {
    let process = shop.start(&shop.line("echo up; read x")).await;
    let cursor = shop.read_until(&process, 0, "up\n").await;
    for wait in [Duration::ZERO, Duration::from_millis(50)] {
        let request = read(&process).cursor(cursor).wait(wait);
        let output = shop.read_output(&request).await.unwrap();
        assert_eq!(
            (output.chunks.len(), output.next, output.status),
            (0, cursor, None)
        );
    }
}

async fn a_reader_waits_for_the_first_byte(shop: &Workshop) {
    let process = shop
        .start(&shop.line("read x; echo $x; read x; exit 1"))
        .await;
    let request = read(&process).wait(LONG);
    let (output, ()) = tokio::join!(shop.read_output(&request), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        shop.type_in(&process, "hello\n").await;
    });
    let output = output.unwrap();
    assert_eq!(output.chunks[0].bytes, "hello\n");
    let request = request.cursor(output.next);
    let close = StdinRequest::close(process.clone());
    let (output, closed) = tokio::join!(shop.read_output(&request), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        shop.write_stdin(&close).await
    });
    closed.unwrap();
    let output = output.unwrap();
    assert_eq!(
        (output.chunks.len(), output.status),
        (0, Some(ExecStatus::Exited(1)))
    );
}

async fn the_streams_are_in_the_order_of_arrival(shop: &Workshop) {
    let line = "for n in 1 2 3 4 5 6; do echo out$n; read x; echo err$n >&2; read x; done";
    let process = shop.start(&shop.line(line)).await;
    let (mut cursor, mut wanted) = (0, Vec::new());
    for number in 1..=6 {
        for (stream, name) in [(OutputStream::Stdout, "out"), (OutputStream::Stderr, "err")] {
            let text = format!("{name}{number}\n");
            cursor = shop.read_until(&process, cursor, &text).await;
            wanted.push((stream, Bytes::from(text)));
            shop.type_in(&process, "\n").await;
        }
    }
    let output = shop.read_output(&read(&process)).await.unwrap();
    let seen: Vec<_> = output
        .chunks
        .into_iter()
        .map(|chunk| (chunk.stream, chunk.bytes))
        .collect();
    assert_eq!(seen, wanted);
}

async fn the_newest_output_is_kept(shop: &Workshop) {
    let line = "head -c 5000 /dev/zero >&2; read x; printf 0123456789; read x; printf ab";
    let process = shop.start(&shop.line(line).output_bytes(10)).await;
    // All of one stream before any of the other: across streams the order of arrival is unknown.
    let mut request = read(&process).wait(LONG);
    while request.cursor < 5000 {
        request.cursor = shop.read_output(&request).await.unwrap().next;
    }
    shop.type_in(&process, "\n").await;
    let cursor = shop.read_until(&process, 5000, "0123456789").await;
    assert_eq!(cursor, 5010);
    let output = shop.read_output(&read(&process)).await.unwrap();
    assert_eq!((output.missed, output.next), (5000, 5010));
    assert_eq!(output.chunks[0].bytes, "0123456789");
    // A cursor within the lost part misses only the rest of that part.
    let output = shop
        .read_output(&read(&process).cursor(4990).limit(3))
        .await
        .unwrap();
    assert_eq!((output.missed, output.next), (10, 5003));
    assert_eq!(output.chunks[0].bytes, "012");
    shop.type_in(&process, "\n").await;
    shop.read_until(&process, cursor, "ab").await;
    let output = shop
        .read_output(&read(&process).cursor(5000))
        .await
        .unwrap();
    assert_eq!((output.missed, output.next), (2, 5012));
    assert_eq!(output.chunks[0].bytes, "23456789ab");
    let process = shop.start(&shop.line("printf gone").output_bytes(0)).await;
    let mut request = read(&process).wait(LONG);
    let mut missed = 0;
    let status = loop {
        let output = shop.read_output(&request).await.unwrap();
        assert!(output.chunks.is_empty(), "{output:?}");
        missed += output.missed;
        request.cursor = output.next;
        if let Some(status) = output.status {
            break status;
        }
    };
    assert_eq!((missed, status), (4, ExecStatus::Exited(0)));
}

async fn an_unread_process_is_not_blocked(shop: &Workshop) {
    let line = "head -c 30000000 /dev/zero; head -c 30000000 /dev/zero >&2; echo end; : > ended";
    let process = shop.start(&shop.line(line).output_bytes(1000)).await;
    // It ends before anything has been read.
    shop.says("while [ ! -e ended ]; do sleep 0.05; done").await;
    let (mut seen, mut request) = (0, read(&process).wait(LONG));
    loop {
        let output = shop.read_output(&request).await.unwrap();
        seen += output.next - request.cursor;
        request.cursor = output.next;
        if let Some(status) = output.status {
            assert_eq!(status, ExecStatus::Exited(0));
            break;
        }
    }
    assert_eq!(seen, 60_000_004);
}

async fn the_status_comes_with_the_last_byte(shop: &Workshop) {
    let process = shop.start(&shop.line("printf 0123456789; exit 3")).await;
    shop.read_all(&process).await;
    let request = read(&process).limit(9);
    let output = shop.read_output(&request).await.unwrap();
    assert_eq!((output.next, output.status), (9, None));
    let output = shop.read_output(&request.cursor(9)).await.unwrap();
    assert_eq!(
        (output.next, output.status),
        (10, Some(ExecStatus::Exited(3)))
    );
}

async fn a_cursor_past_the_end_is_refused(shop: &Workshop) {
    let process = shop.start(&shop.line("printf 12345; read x")).await;
    shop.read_until(&process, 0, "12345").await;
    for cursor in [6, 1000, u64::MAX] {
        for wait in [Duration::ZERO, LONG] {
            let request = read(&process).cursor(cursor).wait(wait);
            refused(shop.read_output(&request).await, ErrorKind::InvalidRequest);
        }
    }
    refused(
        shop.read_output(&read(&process).limit(0)).await,
        ErrorKind::InvalidRequest,
    );
    let output = shop.read_output(&read(&process).cursor(5)).await.unwrap();
    assert_eq!((output.next, output.status), (5, None));
}

async fn a_child_left_behind_does_not_delay_the_end(shop: &Workshop) {
    shop.prepare_trees().await;
    let request = shop
        .line("sh ./sleeper & echo started; exit 2")
        .timeout(None);
    let process = shop.start(&request).await;
    let (out, _, status) = shop.read_all(&process).await;
    assert_eq!(
        (&out[..], status),
        (&b"started\n"[..], ExecStatus::Exited(2))
    );
    shop.until_seen(1).await;
    shop.all_live(1, "the end of its parent").await;
}
