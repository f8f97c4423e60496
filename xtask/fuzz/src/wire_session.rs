//! A whole session with a peer that ignores the protocol: it ends, with or without an error, and every caller learns of it.

use arbitrary::{Result, Unstructured};
use backend_core::wire::{self, Server};
use backend_core::{Backend, ExecRequest, Sandbox};
use backend_core::{BackendExt, ErrorKind, ReadBytesRequest, SandboxExt, VirtualPath};
use backend_state::StateBackend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::wire::{REQUEST, RESPONSE, hello, options, outcomes, play, requests, script};

/// Takes a script of frames, and plays it to a server or to a client.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok((server, bytes)) = session(&mut u) else {
        return;
    };
    if server {
        play(to_a_client(bytes));
    } else {
        play(to_a_server(bytes));
    }
}

fn session(u: &mut Unstructured<'_>) -> Result<(bool, Vec<u8>)> {
    let server = u.arbitrary()?;
    let mut bytes = hello(u, server)?;
    bytes.extend(if server {
        script(u, RESPONSE, &outcomes())?
    } else {
        script(u, REQUEST, &requests())?
    });
    Ok((server, bytes))
}

async fn to_a_server(bytes: Vec<u8>) {
    let (near, far) = tokio::io::duplex(16 << 10);
    let (mut read, mut write) = tokio::io::split(near);
    let server = Server::backend(StateBackend::new()).options(options());
    let served = tokio::spawn(async move { server.serve(far).await });
    let sending = tokio::spawn(async move {
        let _ = write.write_all(&bytes).await;
        let _ = write.shutdown().await;
    });
    let _ = read.read_to_end(&mut Vec::new()).await;
    if let Err(error) = served.await.expect("the server does not panic") {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(!error.to_string().is_empty());
    }
    sending.abort();
}

async fn to_a_client(bytes: Vec<u8>) {
    let (near, far) = tokio::io::duplex(16 << 10);
    let (mut read, mut write) = tokio::io::split(far);
    let listening = tokio::spawn(async move { read.read_to_end(&mut Vec::new()).await });
    let sending = tokio::spawn(async move {
        // In two parts, so that some of it arrives when there are already requests.
        let half = bytes.len().min(300);
        let _ = write.write_all(&bytes[..half]).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let _ = write.write_all(&bytes[half..]).await;
        let _ = write.shutdown().await;
    });
    if let Ok(remote) = wire::connect_with(near, &options()).await {
        let bytes = ReadBytesRequest::new(VirtualPath::root()).limit(100);
        let command = ExecRequest::shell("x").stdin(vec![1; 50_000]);
        tokio::join!(
            async { drop(remote.stat("/a").await) },
            async { drop(remote.read_bytes_with(&bytes).await) },
            async { drop(remote.execute_with(&command).await) },
            async { drop(remote.write("/a", vec![0; 40_000]).await) },
            async { drop(remote.ls("/").await) },
            async { drop(remote.grep("x").await) },
            async { drop(remote.spawn("x").await) },
        );
        // The other side has sent everything.
        let error = remote.closed().await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let again = remote.stat("/").await.expect_err("the connection is gone");
        assert_eq!(again.to_string(), error.to_string());
        assert!(!remote.liveness().await.is_alive());
    }
    sending.abort();
    listening.abort();
}
