//! Which frames are accepted and rejected, and when credit is given.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Failure, Inbox, Lengths};

const WINDOW: u32 = 16 << 10;

fn inbox() -> Inbox {
    let limits = Lengths {
        message: 1000,
        body: 100_000,
    };
    Inbox::new(limits, WINDOW, None)
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
    refused(inbox.push(data(4096)), "more data than there is credit for");
}

#[test]
fn a_message_in_tiny_frames_is_refused() {
    let inbox = inbox();
    inbox.open(first(1, 10_000, 1)).unwrap();
    inbox.push(data(5000)).unwrap();
    refused(inbox.push(data(4000)), "a message in very small pieces");
}

#[tokio::test]
async fn credit_is_given_for_taken_bytes_and_only_while_useful() {
    let inbox = inbox();
    inbox.open(first(1, 40_000, 1)).unwrap();
    assert_eq!(inbox.lengths().await.unwrap().total(), 40_001);
    assert_eq!(inbox.chunk().await.unwrap().bytes, "x");

    let mut sent = 0;
    let mut allowed = WINDOW as usize;
    let mut granted = Vec::new();
    while sent < 40_000 {
        let length = 4096.min(40_000 - sent);
        assert!(length <= allowed, "the sender would stop forever");
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
async fn bytes_that_arrived_before_a_failure_can_be_taken() {
    let inbox = inbox();
    inbox.open(first(3, 10, 3)).unwrap();
    inbox.fail(&Arc::new(Failure::Closed));
    assert_eq!(inbox.lengths().await.unwrap().total(), 13);
    assert_eq!(inbox.chunk().await.unwrap().bytes, "xxx");
    assert!(matches!(*inbox.chunk().await.unwrap_err(), Failure::Closed));
}

#[tokio::test]
async fn raw_bytes_come_to_their_place_and_the_value_does_not() {
    let limits = Lengths {
        message: 1000,
        body: 100_000,
    };
    let whole = BytesMut::with_capacity(100_000);
    let start = whole.as_ptr();
    let inbox = Inbox::new(limits, 100_000, Some(whole));
    // A value in two frames; the second one also brings raw bytes, which are copied.
    inbox.open(first(300, 30_000, 200)).unwrap();
    assert!(inbox.place_for(5000).is_none(), "the value is not whole");
    inbox.push(data(5100)).unwrap();
    // The rest can be read directly into its place.
    for length in [10_000, 15_000] {
        let mut room = inbox.place_for(length).unwrap();
        assert_eq!((room.len(), room.capacity()), (0, length));
        room.put_bytes(b'r', length);
        inbox.push_placed(room).unwrap();
    }
    let mut incoming = Vec::new();
    for _ in 0..4 {
        let chunk = inbox.chunk().await.unwrap();
        incoming.push((chunk.bytes.len(), chunk.placed));
    }
    assert_eq!(incoming, [(200, 0), (100, 5000), (0, 10_000), (0, 15_000)]);
    let placed = inbox.take_placed();
    assert_eq!(placed.as_ptr(), start, "nothing was copied elsewhere");
    assert_eq!(placed[..5000], data(5000)[..]);
    assert_eq!(placed[5000..], [b'r'; 25_000]);
}

#[test]
fn a_place_has_room_for_no_more_than_it_was_made_for() {
    let limits = Lengths {
        message: 1000,
        body: 100,
    };
    let inbox = Inbox::new(limits, WINDOW, Some(BytesMut::with_capacity(100)));
    assert!(inbox.place_for(1).is_none(), "there is no message yet");
    inbox.open(first(1, 100, 1)).unwrap();
    assert!(inbox.place_for(101).is_none());
    assert!(inbox.place_for(100).is_some());
    let mut more = BytesMut::new();
    more.put_bytes(b'r', WINDOW as usize + 1);
    refused(
        inbox.push_placed(more),
        "more data than there is credit for",
    );
}
