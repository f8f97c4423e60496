//! The wire by hand: what a peer that ignores the protocol can send, and a session with one that follows it.

use std::future::Future;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use backend_core::wire::{Limits, Options};
use serde_json::{Value, json};

pub(crate) const REQUEST: u8 = 16;
pub(crate) const RESPONSE: u8 = 17;
const DATA: u8 = 18;
const CREDIT: u8 = 19;
const CANCEL: u8 = 20;

/// Longer than any wait that the protocol allows. Clocks are paused and advance automatically.
const HANG: Duration = Duration::from_secs(100_000);

/// Runs a session to its end; one that never ends is a bug.
pub(crate) fn play<F: Future>(session: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can always be made");
    runtime.block_on(async {
        tokio::time::timeout(HANG, session)
            .await
            .expect("the session hangs")
    })
}

/// Limits that a short script can reach.
pub(crate) fn options() -> Options {
    let limits = Limits::default()
        .message(64 << 10)
        .body(256 << 10)
        .buffered(512 << 10)
        .window(16 << 10)
        .in_flight(4);
    Options::default().limits(limits)
}

/// The start of a connection: nearly always well formed.
pub(crate) fn hello(u: &mut Unstructured<'_>, server: bool) -> Result<Vec<u8>> {
    let mut hello = json!({
        "oldest": 1, "newest": number(u, 1)?,
        "offer": {
            "frame": number(u, 65536)?, "message": number(u, 65536)?, "elements": number(u, 10_000)?,
            "body": number(u, 65536)?, "window": number(u, 65536)?, "in_flight": number(u, 4)?,
        },
    });
    if server {
        hello["serves"] = json!({ "capabilities": { "executes": true }, "sandbox": "fuzz" });
    }
    let mut bytes = b"\x89ABWIRE\n".to_vec();
    bytes.extend(frame(1, 0, &value(&hello)));
    spoil(u, &mut bytes)?;
    Ok(bytes)
}

/// A few frames of every kind, valid and invalid. Requests come from a client, responses from a server.
pub(crate) fn script(u: &mut Unstructured<'_>, opens: u8, messages: &[Value]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut next = 1;
    for _ in 0..u.int_in_range(0..=24_u8)? {
        let id = match u.int_in_range(0..=9_u8)? {
            0 => u.arbitrary()?,
            1..=3 => u64::from(u.int_in_range(1..=4_u8)?),
            _ => next,
        };
        match u.int_in_range(0..=11_u8)? {
            0..=3 => {
                let mut content = value(u.choose(messages)?);
                spoil(u, &mut content)?;
                bytes.extend(whole(opens, id, &content));
                next = id.wrapping_add(1);
            }
            4 => {
                let lengths = (number(u, 100)? as u32, number(u, 30_000)?);
                let here = u.int_in_range(0..=200_usize)?;
                bytes.extend(first(opens, id, lengths, &vec![0x80; here]));
                next = id.wrapping_add(1);
            }
            5 | 6 => {
                let length = *u.choose(&[1, 100, 4096, 16 << 10, 65536])?;
                bytes.extend(frame(DATA, id, &vec![0xc0; length]));
            }
            7 => bytes.extend(frame(
                CREDIT,
                id,
                &(number(u, 10_000)? as u32).to_be_bytes(),
            )),
            8 => bytes.extend(frame(CANCEL, id, b"")),
            9 => bytes.extend(frame(*u.choose(&[3, 4])?, 0, &[7; 8])),
            10 => bytes.extend(frame(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?)),
            _ => bytes.extend(u.arbitrary::<&[u8]>()?),
        }
    }
    if u.arbitrary()? {
        bytes.extend(frame(2, 0, b"done"));
    }
    Ok(bytes)
}

/// Every operation, with a valid request.
pub(crate) fn requests() -> Vec<Value> {
    let path = json!({ "path": "/a" });
    let command = json!({
        "command": { "shell": "x" }, "stdin": [], "timeout": { "secs": 9, "nanos": 0 },
        "output_bytes": 10,
    });
    let process =
        json!({ "process": "p", "cursor": 0, "limit": 10, "wait": { "secs": 0, "nanos": 0 } });
    let write = json!({ "path": "/a", "content": [], "mode": "overwrite" });
    let read = json!({
        "path": "/a", "offset": 0, "limit": 1, "line_bytes": 9, "page_bytes": 9,
    });
    [
        json!({ "stat": path }),
        json!({ "resolve": path }),
        json!({ "ls": { "path": "/", "limit": 10 } }),
        json!({ "read": read }),
        json!({ "read_many": [read, read] }),
        json!({ "read_bytes": { "path": "/a", "limit": 10 } }),
        json!({ "mkdir": path }),
        json!({ "delete": { "path": "/a", "recursive": true } }),
        json!({ "execute": command }),
        json!({ "read_output": process }),
        json!("liveness"),
        json!("stop"),
    ]
    .into_iter()
    .map(|request| json!({ "value": request }))
    .chain([
        json!({ "parts": [0], "value": { "write": write } }),
        json!({ "parts": [0, 0], "value": { "write_many": [write, write] } }),
    ])
    .collect()
}

/// Outcomes and errors that a server can answer with.
pub(crate) fn outcomes() -> Vec<Value> {
    let entry = json!({ "path": "/a", "kind": "file", "size": 3 });
    let stream = json!({ "head": [], "omitted": 0, "tail": [] });
    let output = json!({
        "status": { "exited": 0 }, "stdout": stream, "stderr": stream,
        "elapsed": { "secs": 0, "nanos": 0 },
    });
    [
        json!({ "Ok": entry }),
        json!({ "Ok": { "items": [entry, entry] } }),
        json!({ "Ok": null }),
        json!({ "Ok": true }),
        json!({ "Ok": { "matches": [], "files": [], "searched": 1 } }),
        json!({ "Ok": [{ "Err": { "kind": "not_found", "path": "/a" } }] }),
        json!({ "Err": { "kind": "not_found", "path": "/a" } }),
        json!({ "Err": { "kind": "conflict", "path": "/a", "reason": "x", "current": null } }),
        json!({ "Err": { "kind": "timed_out", "what": "x", "after": { "secs": 1, "nanos": 2 } } }),
    ]
    .into_iter()
    .map(|outcome| json!({ "value": outcome }))
    .chain([
        json!({ "parts": [0, 0, 0, 0], "value": { "Ok": output } }),
        json!({ "parts": [0], "value": { "Ok": {
            "bytes": [], "size": 0, "version": "00000000000000000000000000000000",
        }}}),
    ])
    .collect()
}

pub(crate) fn value(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("JSON can be encoded")
}

/// A message without a body, in one frame.
pub(crate) fn whole(kind: u8, id: u64, content: &[u8]) -> Vec<u8> {
    first(kind, id, (content.len() as u32, 0), content)
}

fn first(kind: u8, id: u64, lengths: (u32, u64), content: &[u8]) -> Vec<u8> {
    let mut payload = lengths.0.to_be_bytes().to_vec();
    payload.extend(lengths.1.to_be_bytes());
    payload.extend(content);
    frame(kind, id, &payload)
}

fn frame(kind: u8, id: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes().to_vec();
    bytes.extend([kind, 0, 0, 0]);
    bytes.extend(id.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Returns the usual number most of the time, and otherwise any other.
fn number(u: &mut Unstructured<'_>, usual: u64) -> Result<u64> {
    Ok(if u.ratio(15, 16)? {
        usual
    } else {
        u.arbitrary()?
    })
}

/// Occasionally changes a few bytes.
fn spoil(u: &mut Unstructured<'_>, bytes: &mut [u8]) -> Result<()> {
    if bytes.is_empty() || u.ratio(3, 4)? {
        return Ok(());
    }
    for _ in 0..u.int_in_range(1..=3_u8)? {
        let at = u.choose_index(bytes.len())?;
        bytes[at] = u.arbitrary()?;
    }
    Ok(())
}
