//! What commands print: bounded in memory, exact in what is kept, apart by stream.

use std::fs;

use backend_core::{Captured, ExecRequest, ExecStatus, OutputRequest, OutputStream, Sandbox};
use bytes::Bytes;

use crate::support::{alone, await_file, run, sandbox};

#[tokio::test]
async fn the_streams_are_apart_and_any_bytes_are_kept() {
    let (sandbox, _dir) = sandbox();
    let output = run(
        &sandbox,
        r"printf 'a\377\000b'; printf 'err\376' >&2; printf 'no newline'",
    )
    .await;
    assert_eq!(
        output.stdout.head,
        Bytes::from_static(b"a\xff\0bno newline")
    );
    assert_eq!(output.stderr.head, Bytes::from_static(b"err\xfe"));
    assert_eq!(output.status, ExecStatus::Exited(0));
    let nothing = run(&sandbox, "true").await;
    assert_eq!(nothing.stdout, Captured::default());
    assert_eq!(nothing.stderr, Captured::default());
}

#[tokio::test]
async fn head_and_tail_are_kept_and_the_middle_is_counted() {
    let (sandbox, _dir) = sandbox();
    // Numbers from 1 to 100000 on lines of their own are 588895 bytes.
    let all: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    for limit in [0, 1, 2, 7, 1000, 65_536, 588_894, 588_895, 1 << 20] {
        let request = ExecRequest::shell("seq 100000; seq 100000 >&2").output_bytes(limit);
        let output = sandbox.execute_with(&request).await.unwrap();
        for kept in [&output.stdout, &output.stderr] {
            assert_eq!(kept.total(), all.len() as u64);
            if limit >= all.len() {
                assert_eq!((kept.omitted, &kept.head[..]), (0, all.as_bytes()));
                continue;
            }
            assert_eq!(kept.head.len() + kept.tail.len(), limit);
            assert_eq!(kept.tail.len(), limit / 2);
            assert!(all.as_bytes().starts_with(&kept.head));
            assert!(all.as_bytes().ends_with(&kept.tail));
        }
    }
}

#[tokio::test]
async fn a_ceiling_is_reached_by_the_byte_after_it() {
    let (sandbox, _dir) = sandbox();
    for (line, ceiling, status) in [
        ("printf 1234", 4, ExecStatus::Exited(0)),
        ("printf 12345", 4, ExecStatus::OutputCeiling),
        ("printf 12345 >&2", 4, ExecStatus::OutputCeiling),
        ("printf 123; printf 123 >&2", 4, ExecStatus::Exited(0)),
        ("true", 0, ExecStatus::Exited(0)),
        ("printf 1", 0, ExecStatus::OutputCeiling),
        ("cat /dev/zero", 100_000_000, ExecStatus::OutputCeiling),
    ] {
        let request = ExecRequest::shell(line).output_ceiling(ceiling);
        let output = sandbox.execute_with(&request).await.unwrap();
        assert_eq!(output.status, status, "{line}");
        if status == ExecStatus::OutputCeiling {
            let most = output.stdout.total().max(output.stderr.total());
            assert!(most > ceiling, "{most}");
        }
    }
}

/// The most memory that this process ever had resident, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_gigabyte_is_read_in_a_few_megabytes() {
    alone(
        "output::a_gigabyte_is_read_in_a_few_megabytes",
        async || {
            let (sandbox, _dir) = sandbox();
            run(&sandbox, "echo warm").await;
            let before = peak();
            let line = "head -c 1000000000 /dev/zero; printf end";
            let request = ExecRequest::shell(line).output_bytes(1 << 20).timeout(None);
            let output = sandbox.execute_with(&request).await.unwrap();
            let extra = peak() - before;
            println!(
                "1 GB of output: {extra} KiB more at the peak, in {:?}",
                output.elapsed
            );
            assert_eq!(output.status, ExecStatus::Exited(0));
            assert_eq!(output.stdout.total(), 1_000_000_003);
            assert_eq!(output.stdout.head.len() + output.stdout.tail.len(), 1 << 20);
            assert!(output.stdout.tail.ends_with(b"\0\0end"));
            assert!(extra < 16 << 10, "{extra} KiB");
        },
    );
}

#[test]
fn a_process_that_nobody_reads_is_neither_blocked_nor_kept() {
    alone(
        "output::a_process_that_nobody_reads_is_neither_blocked_nor_kept",
        async || {
            let (sandbox, dir) = sandbox();
            run(&sandbox, "echo warm").await;
            let before = peak();
            // A line at a time to each stream in turn is the worst for what keeps them in order.
            let line = "head -c 1000000000 /dev/zero; yes | head -n 20000 | while read x; do \
                    echo $x; echo $x >&2; done; printf end; touch done";
            let request = ExecRequest::shell(line).output_bytes(1 << 20).timeout(None);
            let process = sandbox.spawn_with(&request).await.unwrap();
            await_file(&dir.path().join("done"));
            let wait = std::time::Duration::from_secs(60);
            let mut read = OutputRequest::new(process.id).limit(usize::MAX).wait(wait);
            let (mut seen, mut last) = (0, Bytes::new());
            let status = loop {
                let output = sandbox.read_output(&read).await.unwrap();
                seen += output.missed;
                for chunk in output.chunks {
                    seen += chunk.bytes.len() as u64;
                    if chunk.stream == OutputStream::Stdout {
                        last = chunk.bytes;
                    }
                }
                read.cursor = output.next;
                if let Some(status) = output.status {
                    break status;
                }
            };
            let extra = peak() - before;
            println!("1 GB of output that nobody read: {extra} KiB more at the peak");
            assert_eq!(status, ExecStatus::Exited(0));
            assert_eq!(seen, 1_000_000_000 + 2 * 2 * 20_000 + 3);
            assert!(last.ends_with(b"end"));
            assert!(extra < 16 << 10, "{extra} KiB");
        },
    );
}
