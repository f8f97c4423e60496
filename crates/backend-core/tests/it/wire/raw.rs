//! The protocol by hand, from its description and not from the code: for peers that break it.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, DuplexStream};

pub(super) const MAGIC: &[u8] = b"\x89ABWIRE\n";

pub(super) const HELLO: u8 = 1;
pub(super) const GOODBYE: u8 = 2;
pub(super) const PING: u8 = 3;
pub(super) const PONG: u8 = 4;
pub(super) const REQUEST: u8 = 16;
pub(super) const RESPONSE: u8 = 17;
pub(super) const DATA: u8 = 18;
pub(super) const CREDIT: u8 = 19;
pub(super) const CANCEL: u8 = 20;

pub(super) fn header(length: u32, kind: u8, id: u64) -> Vec<u8> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend([kind, 0, 0, 0]);
    bytes.extend(id.to_be_bytes());
    bytes
}

pub(super) fn frame(kind: u8, id: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(payload.len() as u32, kind, id);
    bytes.extend(payload);
    bytes
}

pub(super) fn value(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

/// The beginning of a message with these lengths.
pub(super) fn first(kind: u8, id: u64, lengths: (u32, u64), bytes: &[u8]) -> Vec<u8> {
    let mut payload = lengths.0.to_be_bytes().to_vec();
    payload.extend(lengths.1.to_be_bytes());
    payload.extend(bytes);
    frame(kind, id, &payload)
}

/// A message without a body, in one frame.
pub(super) fn message(kind: u8, id: u64, content: Value) -> Vec<u8> {
    let content = value(&json!({ "value": content }));
    first(kind, id, (content.len() as u32, 0), &content)
}

pub(super) fn offer() -> Value {
    json!({
        "frame": 65536, "message": 1 << 20, "elements": 10_000, "body": 1 << 24, "window": 65536,
        "in_flight": 8,
    })
}

pub(super) fn client_hello() -> Value {
    json!({ "oldest": 1, "newest": 1, "offer": offer() })
}

pub(super) fn server_hello() -> Value {
    json!({
        "oldest": 1, "newest": 1, "offer": offer(),
        "serves": { "capabilities": { "executes": true }, "sandbox": "raw" },
    })
}

pub(super) fn start(hello: &Value) -> Vec<u8> {
    [MAGIC, &frame(HELLO, 0, &value(hello))].concat()
}

/// Reads the bytes that a connection starts with.
pub(super) async fn read_magic(io: &mut DuplexStream) {
    let mut magic = [0; 8];
    io.read_exact(&mut magic).await.unwrap();
    assert_eq!(magic, MAGIC);
}

/// Reads a frame; `None` at the end.
pub(super) async fn read_frame(io: &mut DuplexStream) -> Option<(u8, u64, Vec<u8>)> {
    let mut header = [0; 16];
    io.read_exact(&mut header).await.ok()?;
    let length = u32::from_be_bytes(header[..4].try_into().unwrap());
    let mut payload = vec![0; length as usize];
    io.read_exact(&mut payload).await.ok()?;
    Some((
        header[4],
        u64::from_be_bytes(header[8..].try_into().unwrap()),
        payload,
    ))
}
