//! What may arrive and what may not, and when there is credit for more.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Failure, Inbox, Lengths};

const WINDOW: u32 = 16 << 10;

fn inbox() -> Inbox {
    let limits = Lengths {
        message: 1000,
        body: 100_000,
    };
    Inbox::new(limits, WINDOW)
}

fn first(message: u32, body: u64, here: usize) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u32(message);
    bytes.put_u64(body);
    bytes.put_bytes(b'x', here);
    bytes.freeze()
}

fn data(length: usize) -> Bytes {
    vec![b'd'; length].into()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Failure>, want: &str) {
    let failure = result.unwrap_err().to_string();
    assert!(failure.ends_with(want), "{failure}");
}

#[test]
fn a_message_over_its_limits_is_refused() {
    refused(
        inbox().open(first(1001, 0, 0)),
        "where 1000 and 100000 are allowed",
    );
    refused(
        inbox().open(first(1, 100_001, 0)),
        "where 1000 and 100000 are allowed",
    );
    refused(
        inbox().open(first(1, u64::MAX, 0)),
        "where 1000 and 100000 are allowed",
    );
    refused(inbox().open(first(0, 0, 0)), "an empty message");
    refused(
        inbox().open(first(3, 4, 8)),
        "more data than the message has",
    );
}

#[test]
fn frames_out_of_order_are_refused() {
    refused(inbox().push(data(5000)), "data before its message");
    let inbox = inbox();
    inbox.open(first(10, 0, 10)).unwrap();
    refused(
        inbox.open(first(10, 0, 10)),
        "a second message for one request",
    );
    refused(inbox.push(data(1)), "more data than the message has");
}

#[test]
fn data_over_the_window_is_refused() {
    let inbox = inbox();
    inbox.open(first(1, 100_000, 1)).unwrap();
    inbox.push(data(WINDOW as usize)).unwrap();
    refused(inbox.push(data(4096)), "more data than there is credit");
}

#[test]
fn a_message_in_crumbs_is_refused() {
    let inbox = inbox();
    inbox.open(first(1, 10_000, 1)).unwrap();
    inbox.push(data(5000)).unwrap();
    refused(inbox.push(data(4000)), "a message in very small pieces");
}

#[tokio::test]
async fn credit_comes_with_taking_and_only_while_it_is_of_use() {
    let inbox = inbox();
    inbox.open(first(1, 40_000, 1)).unwrap();
    assert_eq!(inbox.lengths().await.unwrap().total(), 40_001);
    assert_eq!(inbox.chunk().await.unwrap().bytes, "x");

    let mut sent = 0;
    let mut allowed = WINDOW as usize;
    let mut granted = Vec::new();
    while sent < 40_000 {
        let length = 4096.min(40_000 - sent);
        assert!(length <= allowed, "the sender would stop for ever");
        inbox.push(data(length)).unwrap();
        sent += length;
        allowed -= length;
        let chunk = inbox.chunk().await.unwrap();
        allowed += chunk.credit as usize;
        granted.push(chunk.credit);
    }
    assert!(granted.iter().sum::<u32>() <= 40_000);
    assert_eq!(granted.last(), Some(&0), "there is nothing left to send");
}

#[tokio::test]
async fn what_arrived_before_a_failure_can_be_taken() {
    let inbox = inbox();
    inbox.open(first(3, 10, 3)).unwrap();
    inbox.fail(&Arc::new(Failure::Closed));
    assert_eq!(inbox.lengths().await.unwrap().total(), 13);
    assert_eq!(inbox.chunk().await.unwrap().bytes, "xxx");
    assert!(matches!(*inbox.chunk().await.unwrap_err(), Failure::Closed));
}
