//! A client that breaks the rules: the server ends the connection, and says why.

use std::sync::Arc;

use backend_core::wire::{Limits, Options, Server};
use backend_core::{ErrorKind, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::raw::*;
use super::{Fake, soon};

/// Sends bytes to a server, reads everything it sends, and returns how its connection ended.
async fn ended_by(script: Vec<u8>) -> (Result<()>, Vec<u8>) {
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let limits = Limits::default()
        .message(1 << 20)
        .body(1 << 20)
        .in_flight(4);
    let server = Server::sandbox(Arc::new(Fake::new())).options(Options::default().limits(limits));
    let served = tokio::spawn(async move { server.serve(far).await });
    // The server may have closed before it has read everything.
    let _ = near.write_all(&script).await;
    let _ = near.shutdown().await;
    let mut said = Vec::new();
    let _ = soon(near.read_to_end(&mut said)).await;
    (soon(served).await.unwrap(), said)
}

fn hello() -> Vec<u8> {
    start(&client_hello())
}

fn stat(id: u64) -> Vec<u8> {
    message(REQUEST, id, json!({ "stat": { "path": "/" } }))
}

fn forever(id: u64) -> Vec<u8> {
    let request = json!({ "execute": {
        "command": { "shell": "forever" }, "stdin": [], "timeout": null, "output_bytes": 10,
    }});
    let content = value(&json!({ "parts": [0], "value": request }));
    first(REQUEST, id, (content.len() as u32, 0), &content)
}

#[tokio::test]
async fn a_breach_ends_the_connection_and_names_the_broken_rule() {
    let breaches: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "http",
            b"GET / HTTP/1.1\r\n".to_vec(),
            "does not speak this protocol",
        ),
        (
            "no hello",
            [MAGIC, &stat(1)].concat(),
            "a Request frame before hello",
        ),
        (
            "hello that is not a value",
            [MAGIC, &frame(HELLO, 0, b"\xc1")].concat(),
            "a hello that cannot be read",
        ),
        (
            "hello that is huge",
            [MAGIC, &header(1 << 20, HELLO, 0)].concat(),
            "a Hello frame of 1048576 bytes",
        ),
        (
            "another version",
            start(&json!({ "oldest": 7, "newest": 9, "offer": offer() })),
            "versions 7 to 9",
        ),
        (
            "two servers",
            start(&server_hello()),
            "a server where a client was expected",
        ),
        (
            "two hellos",
            [hello(), frame(HELLO, 0, &value(&client_hello()))].concat(),
            "a second hello",
        ),
        (
            "half a header",
            [hello(), vec![0, 0]].concat(),
            "in the middle of a frame",
        ),
        (
            "half a frame",
            [hello(), header(100, DATA, 1), vec![1; 50]].concat(),
            "in the middle of a frame",
        ),
        (
            "unknown kind",
            [hello(), frame(77, 1, b"x")].concat(),
            "a frame of unknown kind 77",
        ),
        (
            "wrong length",
            [hello(), header(u32::MAX, DATA, 1)].concat(),
            "a Data frame of 4294967295 bytes",
        ),
        (
            "response",
            [hello(), first(RESPONSE, 1, (1, 0), b"x")].concat(),
            "a Response frame from a client",
        ),
        (
            "data for nothing",
            [hello(), frame(DATA, 1, b"x")].concat(),
            "a Data frame for unknown request 1",
        ),
        (
            "credit for nothing",
            [hello(), frame(CREDIT, 9, &[0, 0, 0, 1])].concat(),
            "a Credit frame for unknown request 9",
        ),
        (
            "cancel of nothing",
            [hello(), frame(CANCEL, 2, b"")].concat(),
            "a Cancel frame for unknown request 2",
        ),
        (
            "same id",
            [hello(), forever(3), stat(3)].concat(),
            "request 3 after request 3",
        ),
        (
            "lower id",
            [hello(), stat(5), stat(4)].concat(),
            "request 4 after request 5",
        ),
        (
            "too many",
            [hello(), (1..=5).flat_map(forever).collect()].concat(),
            "more requests at once than are allowed",
        ),
        (
            "empty message",
            [hello(), first(REQUEST, 1, (0, 0), b"x")].concat(),
            "an empty message",
        ),
        (
            "long message",
            [hello(), first(REQUEST, 1, (1 << 21, 0), b"x")].concat(),
            "where 1048576 and 1048576 are allowed",
        ),
        (
            "long body",
            [hello(), first(REQUEST, 1, (1, u64::MAX), b"x")].concat(),
            "where 1048576 and 1048576 are allowed",
        ),
        (
            "more than said",
            [hello(), first(REQUEST, 1, (1, 1), b"xyz")].concat(),
            "more data than the message has",
        ),
        (
            "crumbs",
            [
                hello(),
                first(REQUEST, 1, (1, 100_000), b"x"),
                frame(DATA, 1, b"y"),
            ]
            .concat(),
            "very small pieces",
        ),
        (
            "credit of nothing",
            [hello(), forever(1), frame(CREDIT, 1, &[0; 4])].concat(),
            "a credit of 0",
        ),
        (
            "too much credit",
            [
                hello(),
                forever(1),
                frame(CREDIT, 1, &[0xff; 4]).repeat(1000),
            ]
            .concat(),
            "too much credit",
        ),
    ];
    for (name, script, want) in breaches {
        let (ended, said) = ended_by(script).await;
        let error = ended.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}");
        assert!(error.to_string().contains(want), "{name}: {error}");
        if error.to_string().contains("broke the protocol")
            && !name.contains("hello")
            && name != "two servers"
        {
            let said = String::from_utf8_lossy(&said);
            assert!(said.contains("protocol violation: "), "{name}: {said}");
        }
    }
}

#[tokio::test]
async fn a_window_cannot_be_overrun() {
    // The server in this test never gets to take anything: everything arrives at once.
    let body = 1 << 20;
    let mut script = [hello(), first(REQUEST, 1, (10, body), b"x")].concat();
    for _ in 0..9 {
        script.extend(frame(DATA, 1, &[0; 65536]));
    }
    // How much of it the server has taken depends on timing; that the connection ends does not.
    let (ended, _) = ended_by(script).await;
    if let Err(error) = ended {
        assert!(
            error
                .to_string()
                .contains("more data than there is credit for"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn frames_for_a_closed_request_are_ignored() {
    let script = [
        hello(),
        stat(1),
        frame(CANCEL, 1, b""),
        frame(CANCEL, 1, b""),
        frame(DATA, 1, b"late"),
        frame(CREDIT, 1, &[0, 0, 0, 1]),
        frame(PING, 0, b"12345678"),
        frame(PONG, 0, b"unasked!"),
        stat(2),
        frame(GOODBYE, 0, b"done"),
    ];
    let (ended, _) = ended_by(script.concat()).await;
    ended.unwrap();
}

#[tokio::test]
async fn unreadable_requests_are_answered_and_the_connection_survives() {
    let bomb = [vec![0x91; 500], vec![0xc0]].concat();
    let many = [vec![0xdd, 0, 0x1e, 0x84, 0x81], vec![0xc0; 200]].concat();
    let mut requests = vec![
        message(REQUEST, 1, json!({ "format_the_disk": {} })),
        message(REQUEST, 2, json!({ "stat": { "path": "/../x" } })),
        message(REQUEST, 3, json!({ "stat": 5 })),
        message(REQUEST, 4, json!(null)),
        first(REQUEST, 5, (bomb.len() as u32, 0), &bomb),
        first(REQUEST, 6, (many.len() as u32, 0), &many),
        first(REQUEST, 7, (1, 0), b"\xc1"),
    ];
    let lying = value(&json!({ "parts": [u64::MAX], "value": { "write": {
        "path": "/a", "content": [], "mode": "overwrite",
    }}}));
    requests.push(first(REQUEST, 8, (lying.len() as u32, 0), &lying));
    let (mut near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move { Server::sandbox(Fake::new()).serve(far).await });
    near.write_all(&hello()).await.unwrap();
    read_magic(&mut near).await;
    assert_eq!(read_frame(&mut near).await.unwrap().0, HELLO);
    for (n, request) in requests.iter().enumerate() {
        near.write_all(request).await.unwrap();
        let (kind, id, payload) = soon(read_frame(&mut near)).await.unwrap();
        assert_eq!((kind, id), (RESPONSE, n as u64 + 1));
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert!(
            text.contains("invalid_request") && text.contains("cannot be read"),
            "{text}"
        );
    }
    near.write_all(&stat(9)).await.unwrap();
    let (_, id, payload) = soon(read_frame(&mut near)).await.unwrap();
    assert!(id == 9 && String::from_utf8_lossy(&payload).contains("directory"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_not_waited_for() {
    let (near, far) = tokio::io::duplex(1 << 10);
    let error = soon(Server::backend(Fake::new()).serve(far))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("sent no hello within 10s"),
        "{error}"
    );
    drop(near);
}

#[tokio::test]
async fn endless_pings_are_answered_with_few_pongs_and_no_memory() {
    let script = [
        hello(),
        frame(PING, 0, &[7; 8]).repeat(20_000),
        frame(GOODBYE, 0, b""),
    ]
    .concat();
    let (ended, said) = ended_by(script).await;
    ended.unwrap();
    assert!(said.len() < 24 * 20_000 + 1000);
}

#[tokio::test]
async fn requests_that_are_cancelled_at_once_leave_nothing() {
    let (mut near, far) = tokio::io::duplex(1 << 16);
    let fake = Arc::new(Fake::new());
    let server = Server::sandbox(Arc::clone(&fake));
    let served = tokio::spawn(async move { server.serve(far).await });
    near.write_all(&hello()).await.unwrap();
    for id in 1..=5000 {
        near.write_all(&[forever(id), frame(CANCEL, id, b"")].concat())
            .await
            .unwrap();
    }
    near.write_all(&frame(GOODBYE, 0, b"")).await.unwrap();
    soon(served).await.unwrap().unwrap();
    soon(fake.running(0)).await;
}
