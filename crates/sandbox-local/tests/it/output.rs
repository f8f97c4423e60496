//! The output of commands takes a bounded amount of memory, whether it is kept, discarded or never
//! read.

use std::fs;

use backend_core::{ExecRequest, ExecStatus, OutputRequest, OutputStream, Sandbox};
use bytes::Bytes;

use crate::support::{alone, await_file, run, sandbox};

/// The peak resident memory of this process, in KiB.
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
fn an_unread_process_does_not_block_and_its_output_is_bounded() {
    alone(
        "output::an_unread_process_does_not_block_and_its_output_is_bounded",
        async || {
            let (sandbox, dir) = sandbox();
            run(&sandbox, "echo warm").await;
            let before = peak();
            // A line at a time to each stream in turn is the worst case for keeping them in order.
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
            println!("1 GB of unread output: {extra} KiB more at the peak");
            assert_eq!(status, ExecStatus::Exited(0));
            assert_eq!(seen, 1_000_000_000 + 2 * 2 * 20_000 + 3);
            assert!(last.ends_with(b"end"));
            assert!(extra < 16 << 10, "{extra} KiB");
        },
    );
}
