//! The wire's decoder: any bytes as the value of a message are answered, and the connection stays up.

use arbitrary::Unstructured;
use backend_core::wire::{self, Server};
use backend_core::{Backend, BackendExt};
use backend_state::StateBackend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::wire::{REQUEST, RESPONSE, hello, options, play, value, whole};

/// Takes bytes, and gives them to a server as a request, or to a client as an answer.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((0..=127, content)) if !content.is_empty() => play(request(content)),
        Some((_, content)) if !content.is_empty() => play(answer(content)),
        _ => {}
    }
}

fn start(server: bool) -> Vec<u8> {
    // With no input left nothing is corrupted.
    hello(&mut Unstructured::new(&[]), server).unwrap_or_default()
}

/// A server that gets an unreadable request still answers the next one.
async fn request(content: &[u8]) {
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let server = Server::backend(StateBackend::new()).options(options());
    let served = tokio::spawn(async move { server.serve(far).await });
    let stat = value(&serde_json::json!({ "value": { "stat": { "path": "/" } } }));
    let mut script = start(false);
    script.extend(whole(REQUEST, 1, content));
    script.extend(whole(REQUEST, 2, &stat));
    near.write_all(&script).await.expect("the server reads");
    let mut answered = 0;
    near.read_exact(&mut [0; 8])
        .await
        .expect("the server says hello");
    while answered < 3 {
        let mut header = [0; 16];
        near.read_exact(&mut header)
            .await
            .expect("the server answers");
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let mut payload = vec![0; length as usize];
        near.read_exact(&mut payload)
            .await
            .expect("the server answers");
        answered += 1;
    }
    drop(near);
    let _ = served.await.expect("the server does not panic");
}

/// A client that gets an unreadable answer still gets the next one.
async fn answer(content: &[u8]) {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let mut script = start(true);
    let entry = serde_json::json!({ "path": "/a", "kind": "file", "size": 3 });
    let entry = value(&serde_json::json!({ "value": { "Ok": entry } }));
    let (content, which) = (content.to_vec(), content[0] % 4);
    let options = options();
    let connecting = wire::connect_with(near, &options);
    let serving = async {
        far.write_all(&script).await.expect("the client reads");
        script.clear();
    };
    let (remote, ()) = tokio::join!(connecting, serving);
    let remote = remote.expect("the client connects");
    let peer = async {
        // The first request has been sent once the paused clock advances.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        far.write_all(&whole(RESPONSE, 1, &content))
            .await
            .expect("the client reads");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        far.write_all(&whole(RESPONSE, 2, &entry))
            .await
            .expect("the client reads");
    };
    let calls = async {
        let outcome = match which {
            0 => remote.stat("/a").await.map(drop),
            1 => remote.ls("/a").await.map(drop),
            2 => remote.grep("a").await.map(drop),
            _ => remote.read("/a").await.map(drop),
        };
        if let Err(error) = outcome {
            assert!(!error.to_string().is_empty() && !error.for_model().is_empty());
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let request = backend_core::StatRequest::new(backend_core::VirtualPath::root());
        assert_eq!(
            remote
                .stat_with(&request)
                .await
                .expect("the client still works")
                .size,
            3
        );
    };
    tokio::join!(peer, calls);
}
