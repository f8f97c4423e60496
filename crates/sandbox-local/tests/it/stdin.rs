//! The standard input of a command: the bytes of the request, then the end.

use backend_core::{ExecRequest, ExecStatus, Sandbox};
use bytes::Bytes;

use crate::support::sandbox;

/// 100 MB in which every part is different.
fn hundred_megabytes() -> Bytes {
    let numbers = (0..25_000_000_u32).flat_map(u32::to_le_bytes);
    numbers.collect::<Vec<u8>>().into()
}

#[tokio::test]
async fn a_hundred_megabytes_go_in_and_come_out() {
    let (sandbox, dir) = sandbox();
    let input = hundred_megabytes();
    // Both directions at once: who first writes all and then reads would wait for ever.
    let request = ExecRequest::shell("tee copy").stdin(input.clone());
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(0));
    assert_eq!(output.stdout.total(), input.len() as u64);
    let half = output.stdout.tail.len();
    assert_eq!(output.stdout.head, input[..half]);
    assert_eq!(output.stdout.tail, input[input.len() - half..]);
    assert!(std::fs::read(dir.path().join("copy")).unwrap() == input);
}

#[tokio::test]
async fn no_input_is_its_end() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::argv(["wc", "-c"]);
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.stdout.to_text(), "0\n");
}

#[tokio::test]
async fn a_program_that_does_not_read_to_the_end_is_no_error() {
    let (sandbox, _dir) = sandbox();
    let input = Bytes::from(vec![b'x'; 10_000_000]);
    for line in ["head -c 3", "exec 0<&-; printf xxx", "printf xxx"] {
        let request = ExecRequest::shell(line).stdin(input.clone());
        let output = sandbox.execute_with(&request).await.unwrap();
        assert_eq!(output.status, ExecStatus::Exited(0), "{line}");
        assert_eq!(output.stdout.to_text(), "xxx");
    }
}

#[tokio::test]
async fn a_program_that_never_reads_is_killed_at_its_deadline() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::shell("sleep 1000")
        .stdin(vec![b'x'; 10_000_000])
        .timeout(std::time::Duration::from_millis(100));
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::TimedOut);
}

#[tokio::test]
async fn any_bytes_arrive() {
    let (sandbox, _dir) = sandbox();
    let input: Vec<u8> = (0..=255).collect();
    let request = ExecRequest::argv(["cat"]).stdin(input.clone());
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.stdout.head, input);
}
