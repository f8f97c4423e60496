//! A server that breaks the rules: every call answers `unavailable`, and says why.

use backend_core::wire::{self, Limits, Options};
use backend_core::{
    Backend, BackendExt, Error, ErrorKind, ExecRequest, ReadBytesRequest, Sandbox, VirtualPath,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::raw::*;
use super::soon;

/// Sends a hello as a server, and waits for the first request.
async fn until_asked(io: &mut tokio::io::DuplexStream) {
    read_magic(io).await;
    assert_eq!(read_frame(io).await.unwrap().0, HELLO);
    io.write_all(&start(&server_hello())).await.unwrap();
    let (kind, id, _) = read_frame(io).await.unwrap();
    assert_eq!((kind, id), (REQUEST, 1));
}

/// Sends a hello as a server, waits for a request, sends bytes, and then reads until the client ends.
async fn play(mut io: tokio::io::DuplexStream, script: Vec<u8>) -> Vec<u8> {
    until_asked(&mut io).await;
    let _ = io.write_all(&script).await;
    let mut said = Vec::new();
    let _ = io.read_to_end(&mut said).await;
    said
}

/// Connects to a server that plays a script, and makes one call.
async fn stat_after(script: Vec<u8>) -> (backend_core::Result<backend_core::Entry>, wire::Remote) {
    let (near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(play(far, script));
    let remote = wire::connect(near).await.unwrap();
    let outcome = soon(remote.stat("/a")).await;
    (outcome, remote)
}

fn ok(id: u64, outcome: Value) -> Vec<u8> {
    message(RESPONSE, id, json!({ "Ok": outcome }))
}

fn entry() -> Value {
    json!({ "path": "/a", "kind": "file", "size": 3 })
}

#[tokio::test]
async fn a_failed_connection_is_closed_before_its_goodbye_is_read() {
    use futures_util::FutureExt;

    // So small that calls fill it, and no goodbye gets through.
    let (near, mut far) = tokio::io::duplex(128);
    let peer = tokio::spawn(async move {
        until_asked(&mut far).await;
        let _ = far.write_all(&[0xff; 16]).await;
        far
    });
    let remote = wire::connect(near).await.unwrap();
    assert!(!remote.is_closed());
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.stat("/a").await })
        })
        .collect();
    for call in calls {
        assert!(soon(call).await.unwrap().is_err());
    }
    assert!(remote.is_closed());
    assert!(remote.closed().now_or_never().is_none());
    drop(peer.await.unwrap());
    soon(remote.closed()).await;
}

#[tokio::test]
async fn everything_that_prevents_a_connection_is_an_error() {
    let hellos: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "closed the connection"),
        (
            "a shell",
            b"sh: 1: not found\n".to_vec(),
            "does not speak this protocol",
        ),
        (
            "half a hello",
            [MAGIC, &header(50, HELLO, 0), b"xx"].concat(),
            "in the middle of a frame",
        ),
        (
            "a client",
            start(&client_hello()),
            "a client where a server was expected",
        ),
        (
            "a newer one",
            start(&json!({ "oldest": 2, "newest": 3, "offer": offer() })),
            "versions 2 to 3",
        ),
        (
            "goodbye",
            [MAGIC, &frame(GOODBYE, 0, b"not \x1b[31mtoday")].concat(),
            "not",
        ),
        (
            "no offer",
            start(&json!({ "oldest": 1, "newest": 1 })),
            "a hello that cannot be read",
        ),
        (
            "no name",
            start(
                &json!({ "oldest": 1, "newest": 1, "offer": offer(), "serves": {
            "capabilities": {}, "sandbox": "../../etc" } }),
            ),
            "a hello that cannot be read",
        ),
    ];
    for (name, script, want) in hellos {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let _ = far.write_all(&script).await;
            let _ = far.shutdown().await;
            let _ = far.read_to_end(&mut Vec::new()).await;
        });
        let error = soon(wire::connect(near)).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}");
        assert!(error.to_string().contains(want), "{name}: {error}");
        assert!(!error.to_string().contains('\x1b'), "{name}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_still_heard() {
    for (said, want) in [
        (&b"cannot start it"[..], "does not speak this protocol"),
        (&b""[..], "the connection was lost"),
    ] {
        // Nothing reads the client's bytes, and everything has already been sent.
        let (closed, _) = tokio::io::duplex(1);
        let error = soon(wire::connect(tokio::io::join(said, closed)))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
}

#[tokio::test]
async fn a_breach_fails_every_call_and_names_the_broken_rule() {
    let breaches: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "unknown kind",
            frame(200, 1, b""),
            "a frame of unknown kind 200",
        ),
        (
            "request",
            message(REQUEST, 1, json!("stop")),
            "a Request frame from a server",
        ),
        (
            "cancel",
            frame(CANCEL, 1, b""),
            "a Cancel frame from a server",
        ),
        (
            "hello again",
            frame(HELLO, 0, &value(&server_hello())),
            "a second hello",
        ),
        (
            "answer to nothing",
            ok(2, entry()),
            "a Response frame for unknown request 2",
        ),
        (
            "data for nothing",
            frame(DATA, u64::MAX, b"x"),
            "a Data frame for unknown request 18446744073709551615",
        ),
        (
            "data first",
            frame(DATA, 1, &[0; 5000]),
            "data before its message",
        ),
        (
            "raw bytes for a stat",
            first(RESPONSE, 1, (10, 5), b"x"),
            "where 16777216 and 0 are allowed",
        ),
        (
            "endless value",
            first(RESPONSE, 1, (u32::MAX, 0), b"x"),
            "where 16777216 and 0 are allowed",
        ),
        (
            "twice",
            [
                first(RESPONSE, 1, (9000, 0), b"x"),
                first(RESPONSE, 1, (9000, 0), b"x"),
            ]
            .concat(),
            "a second message",
        ),
        (
            "more than said",
            [
                first(RESPONSE, 1, (9000, 0), b"x"),
                frame(DATA, 1, &[0; 9000]),
            ]
            .concat(),
            "more data than the message has",
        ),
        (
            "crumbs",
            [first(RESPONSE, 1, (9000, 0), b"x"), frame(DATA, 1, b"y")].concat(),
            "very small pieces",
        ),
        (
            "half a frame",
            [header(100, DATA, 1), vec![0; 7]].concat(),
            "",
        ),
        (
            "goodbye",
            frame(GOODBYE, 0, b"\x1b[2Jgone"),
            "ended the connection: \\u{1b}[2Jgone",
        ),
    ];
    for (name, script, want) in breaches {
        let half = name == "half a frame";
        let (near, far) = tokio::io::duplex(1 << 20);
        let player = tokio::spawn(async move {
            if half {
                // The stream really ends in the middle; it is not only that a reader gives up.
                let _ =
                    tokio::time::timeout(std::time::Duration::from_millis(200), play(far, script))
                        .await;
                Vec::new()
            } else {
                play(far, script).await
            }
        });
        let remote = wire::connect(near).await.unwrap();
        let error = soon(remote.stat("/a")).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}");
        assert!(error.to_string().contains(want), "{name}: {error}");
        // Immediately and permanently, with the same reason.
        let again = soon(remote.execute_with(&ExecRequest::shell("x")))
            .await
            .unwrap_err();
        assert_eq!(again.to_string(), error.to_string(), "{name}");
        assert_eq!(soon(remote.closed()).await.to_string(), error.to_string());
        assert!(!remote.liveness().await.is_alive());
        let said = String::from_utf8_lossy(&soon(player).await.unwrap()).into_owned();
        if error.to_string().contains("broke the protocol") {
            assert!(said.contains("protocol violation"), "{name}: {said}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_the_question_is_alive() {
    let message_of = |error: Value| message(RESPONSE, 1, json!({ "Err": error }));
    let unknown = "the request cannot be read: unknown variant `Liveness`";
    for (kind, alive) in [("invalid_request", true), ("unavailable", false)] {
        let script = message_of(json!({ "kind": kind, "message": unknown }));
        let (near, far) = tokio::io::duplex(1 << 20);
        tokio::spawn(play(far, script));
        let remote = wire::connect(near).await.unwrap();
        let liveness = soon(remote.liveness()).await;
        assert_eq!(liveness.is_alive(), alive, "{liveness:?}");
        assert_eq!(liveness.is_unknown(), !alive, "{liveness:?}");
    }
}

#[tokio::test]
async fn an_unreadable_answer_fails_only_its_call() {
    let answers = vec![
        ok(1, json!({ "path": "/a" })),
        ok(
            1,
            json!({ "path": "../../etc/passwd", "kind": "file", "size": 3 }),
        ),
        ok(1, json!({ "path": "/a", "kind": "wormhole", "size": 3 })),
        message(RESPONSE, 1, json!({ "Err": { "kind": "from_the_future" } })),
        message(RESPONSE, 1, json!({ "Maybe": 1 })),
        message(RESPONSE, 1, json!(null)),
        first(RESPONSE, 1, (1, 0), b"\xc1"),
        first(
            RESPONSE,
            1,
            (501, 0),
            &[vec![0x91; 500], vec![0xc0]].concat(),
        ),
        first(
            RESPONSE,
            1,
            (9, 0),
            &[0xdd, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        ),
    ];
    for answer in answers {
        let script = [answer, ok(2, entry())].concat();
        let (near, mut far) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            until_asked(&mut far).await;
            let (now, later) = script.split_at(script.len() - ok(2, entry()).len());
            far.write_all(now).await.unwrap();
            while read_frame(&mut far).await.unwrap().0 != REQUEST {}
            far.write_all(later).await.unwrap();
            let _ = far.read_to_end(&mut Vec::new()).await;
        });
        let remote = wire::connect(near).await.unwrap();
        let error = soon(remote.stat("/a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(
            error
                .to_string()
                .contains("the answer to stat cannot be read"),
            "{error}"
        );
        assert_eq!(soon(remote.stat("/a")).await.unwrap().size, 3);
    }
}

#[tokio::test]
async fn errors_are_accepted_as_sent() {
    let script = message(
        RESPONSE,
        1,
        json!({ "Err": {
            "kind": "conflict", "path": "/a", "reason": "changed", "current": null, "colour": "red",
        }}),
    );
    let (outcome, _remote) = stat_after(script).await;
    assert!(matches!(
        outcome.unwrap_err(),
        Error::Conflict { current: None, .. }
    ));
}

#[tokio::test]
async fn an_answer_larger_than_requested_is_refused_before_it_arrives() {
    let (near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(play(far, first(RESPONSE, 1, (100, 101), b"x")));
    let remote = wire::connect(near).await.unwrap();
    let request = ReadBytesRequest::new(VirtualPath::root()).limit(100);
    let error = soon(remote.read_bytes_with(&request)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("where 16777216 and 100 are allowed"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_not_waited_for_forever() {
    // It sends a hello, answers pings, and does nothing else.
    let (near, mut far) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        read_magic(&mut far).await;
        far.write_all(&start(&server_hello())).await.unwrap();
        while let Some((kind, _, payload)) = read_frame(&mut far).await {
            if kind == PING {
                far.write_all(&frame(PONG, 0, &payload)).await.unwrap();
            }
        }
    });
    let remote = wire::connect(near).await.unwrap();
    let started = tokio::time::Instant::now();
    let error = remote.stat("/a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "unavailable: stat was not answered in time"
    );
    assert_eq!(started.elapsed().as_secs(), 120);
    let request = ExecRequest::shell("x").timeout(std::time::Duration::from_secs(60));
    let error = remote.execute_with(&request).await.unwrap_err();
    assert_eq!(started.elapsed().as_secs(), 300);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stops_midway_is_not_waited_for_forever() {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        read_magic(&mut far).await;
        far.write_all(&start(&server_hello())).await.unwrap();
        while let Some((kind, id, payload)) = read_frame(&mut far).await {
            match kind {
                PING => far.write_all(&frame(PONG, 0, &payload)).await.unwrap(),
                REQUEST => far
                    .write_all(&first(RESPONSE, id, (9000, 0), b"x"))
                    .await
                    .unwrap(),
                _ => {}
            }
        }
    });
    let remote = wire::connect(near).await.unwrap();
    let error = remote.stat("/a").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "unavailable: stat was not answered in time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_counts_as_gone() {
    let (near, far) = tokio::io::duplex(1 << 20);
    let player = tokio::spawn(play(far, Vec::new()));
    let remote = wire::connect(near).await.unwrap();
    let error = remote
        .execute_with(&ExecRequest::shell("x").timeout(None))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("nothing was heard"), "{error}");
    let said = soon(player).await.unwrap();
    assert!(said.windows(16).any(|bytes| *bytes == header(8, PING, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_counts_as_gone() {
    // It sends pings, so it is not silent, but reads nothing.
    let (near, mut far) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        read_magic(&mut far).await;
        read_frame(&mut far).await.unwrap();
        far.write_all(&start(&server_hello())).await.unwrap();
        loop {
            if far.write_all(&frame(PING, 0, &[0; 8])).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        }
    });
    let limits = Limits::default();
    let options = Options::default().limits(limits).call_timeout(None);
    let remote = wire::connect_with(near, &options).await.unwrap();
    let error = remote.write("/a", vec![0; 100_000]).await.unwrap_err();
    assert!(
        error.to_string().contains("has read nothing for"),
        "{error}"
    );
}

#[tokio::test]
async fn a_piece_of_a_file_has_little_overhead() {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        until_asked(&mut far).await;
        let (size, limit) = (2 << 20, 1 << 20);
        let error = json!({ "kind": "too_large", "path": "/a", "size": size, "limit": limit });
        let answer = message(RESPONSE, 1, json!({ "Err": error }));
        far.write_all(&answer).await.unwrap();
        assert_eq!(read_frame(&mut far).await.unwrap().0, REQUEST);
        let answer = first(RESPONSE, 2, (100_000, 10), b"x");
        far.write_all(&answer).await.unwrap();
        let _ = far.read_to_end(&mut Vec::new()).await;
    });
    let remote = wire::connect(near).await.unwrap();
    let error = soon(remote.read_bytes("/a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error
            .to_string()
            .contains("where 65536 and 126976 are allowed"),
        "{error}"
    );
}
