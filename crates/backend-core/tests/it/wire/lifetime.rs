//! How connections start and end when both sides follow the rules.

use std::sync::Arc;
use std::time::Duration;

use backend_core::wire::{self, KeepAlive, Options, Server};
use backend_core::{Backend, BackendExt, ErrorKind, Sandbox, SandboxExt};
use tokio::sync::oneshot;

use super::{Fake, connected, soon};

#[tokio::test]
async fn the_last_clone_ends_the_connection_with_a_goodbye() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let served = tokio::spawn(async move { wire::serve(Fake::new(), far).await });
    let remote = wire::connect(near).await.unwrap();
    let clone = remote.clone();
    drop(remote);
    clone.write("/a", "b").await.unwrap();
    drop(clone);
    soon(served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_shuts_down_answers_pending_requests() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (stop, stopped) = oneshot::channel::<()>();
    let fake = Arc::new(Fake::new());
    let server = Server::sandbox(Arc::clone(&fake));
    let served = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap_or_default() };
        server.serve_until(far, stopped).await
    });
    let remote = wire::connect(near).await.unwrap();
    let forever = tokio::spawn({
        let remote = remote.clone();
        async move { remote.execute("forever").await }
    });
    soon(fake.running(1)).await;
    remote.write("/a", "b").await.unwrap();
    stop.send(()).unwrap();
    // The command would never end: it is cancelled after the grace period.
    soon(served).await.unwrap().unwrap();
    let error = soon(forever).await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unavailable: the other side ended the connection: the server is shutting down"
    );
    soon(fake.running(0)).await;
    assert_eq!(
        remote.stat("/a").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn an_idle_server_shuts_down_immediately() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = Server::backend(Fake::new());
    let remote = tokio::spawn(wire::connect(near));
    soon(server.serve_until(far, async {})).await.unwrap();
    let remote = remote.await.unwrap().unwrap();
    let error = soon(remote.closed()).await;
    assert!(
        error.to_string().contains("the server is shutting down"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_serves_many_connections_of_one_sandbox() {
    let server = Server::sandbox(Arc::new(Fake::new()));
    let mut remotes = Vec::new();
    for _ in 0..5 {
        let (near, far) = tokio::io::duplex(1 << 16);
        let server = server.clone();
        tokio::spawn(async move { server.serve(far).await });
        remotes.push(wire::connect(near).await.unwrap());
    }
    let process = remotes[0].spawn("one").await.unwrap();
    drop(remotes.remove(0));
    assert_eq!(remotes[3].processes().await.unwrap(), [process]);
    remotes[0].write("/a", "b").await.unwrap();
    assert_eq!(remotes[1].read("/a").await.unwrap().text, "b");
}

#[tokio::test]
async fn a_remote_can_be_served_again() {
    let (remote, _fake) = connected().await;
    let (near, far) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move { wire::serve(remote, far).await });
    let twice = wire::connect(near).await.unwrap();
    assert_eq!(twice.id().as_str(), "fake-1");
    assert_eq!(
        twice.execute("echo far").await.unwrap().stdout.head,
        "far\n"
    );
    let error = twice.read("/none").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn pings_keep_an_idle_connection_alive() {
    let (remote, _fake) = connected().await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!(remote.liveness().await.is_alive());
    assert!(remote.stat("/").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_side_without_keep_alive_still_answers_pings() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = Server::sandbox(Fake::new()).options(Options::default().keep_alive(None));
    tokio::spawn(async move { server.serve(far).await });
    let rule = KeepAlive::new(Duration::from_secs(1), 2);
    let options = Options::default().keep_alive(rule);
    let remote = wire::connect_with(near, &options).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(remote.liveness().await.is_alive());
}

#[tokio::test(start_paused = true)]
async fn a_silently_lost_client_is_detected_and_its_commands_are_killed() {
    let fake = Arc::new(Fake::new());
    let (near, middle_near) = tokio::io::duplex(1 << 16);
    let (mut middle_far, far) = tokio::io::duplex(1 << 16);
    let server = Server::sandbox(Arc::clone(&fake));
    let served = tokio::spawn(async move { server.serve(far).await });
    let (cut, is_cut) = oneshot::channel::<()>();
    let keeper = tokio::spawn(async move {
        let mut middle_near = middle_near;
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut middle_near, &mut middle_far) => {}
            _ = is_cut => {}
        }
        // Both halves stay open, but nothing passes any more: a lost network.
        std::future::pending::<()>().await;
    });
    let remote = wire::connect(near).await.unwrap();
    let call = tokio::spawn(async move { remote.execute("forever").await });
    fake.running(1).await;
    cut.send(()).unwrap();
    let error = served.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("nothing was heard"), "{error}");
    fake.running(0).await;
    assert!(
        call.await
            .unwrap()
            .unwrap_err()
            .to_string()
            .contains("nothing was heard")
    );
    keeper.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pause_a_client_asks_before_it_sends() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let keep_alive = KeepAlive::new(Duration::from_millis(20), 3);
    let options = Options::default().keep_alive(keep_alive);
    let (ended, server_ended) = std::sync::mpsc::channel();
    let server = Server::backend(Fake::new()).options(options.clone());
    tokio::spawn(async move {
        let _ = server.serve(far).await;
        ended.send(()).unwrap();
    });
    let client = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let remote = wire::connect_with(near, &options).await.unwrap();
            remote.stat("/").await.unwrap();
            remote.ready().await.unwrap();
            // Nothing of the client runs until the server has given it up.
            server_ended.recv().unwrap();
            assert!(!remote.is_closed());
            assert_eq!(
                remote.ready().await.unwrap_err().kind(),
                ErrorKind::Unavailable
            );
            assert!(remote.is_closed());
        });
    });
    soon(client).await.unwrap();
}

#[tokio::test]
async fn extreme_options_do_no_harm() {
    let rule = KeepAlive::new(Duration::MAX, u32::MAX);
    let options = Options::default().keep_alive(rule).grace(Duration::MAX);
    let options = options
        .hello_timeout(Duration::MAX)
        .call_timeout(Duration::MAX);
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = Server::sandbox(Fake::new()).options(options.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap_or_default() };
        server.serve_until(far, stopped).await
    });
    let remote = wire::connect_with(near, &options).await.unwrap();
    let request = backend_core::ExecRequest::shell("echo x").timeout(Duration::MAX);
    assert!(
        soon(remote.execute_with(&request))
            .await
            .unwrap()
            .status
            .is_success()
    );
    stop.send(()).unwrap();
    soon(served).await.unwrap().unwrap();
}

#[test]
fn without_a_runtime_there_is_an_error_and_not_a_panic() {
    let (near, _far) = tokio::io::duplex(100);
    let mut connecting = std::pin::pin!(wire::connect(near));
    let waker = std::task::Waker::noop();
    let polled = connecting
        .as_mut()
        .poll(&mut std::task::Context::from_waker(waker));
    let std::task::Poll::Ready(Err(error)) = polled else {
        panic!("{polled:?}");
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn the_parts_can_be_shared_between_threads() {
    fn check<T: Send + Sync + std::fmt::Debug + 'static>() {}
    check::<wire::Remote>();
    check::<Server>();
    fn is_backend<T: Backend + Sandbox>() {}
    is_backend::<wire::Remote>();
}
