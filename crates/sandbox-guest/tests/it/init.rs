//! The socket of an init: who may connect, how it starts, and how it ends.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::Duration;

use backend_core::{BackendExt, Sandbox, SandboxExt};
use tokio::process::Command;

use crate::host::{Init, guest, init, mark, over_stdio, soon, until_none, until_sleeping};

fn signal(child: &tokio::process::Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    let killed = std::process::Command::new("kill")
        .args([name, &pid])
        .status();
    assert!(killed.unwrap().success());
}

#[tokio::test]
async fn only_its_own_user_can_open_the_socket() {
    let init = Init::start().await;
    let mode = std::fs::metadata(&init.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn several_hosts_share_one_workspace() {
    let init = Init::with(&["--id", "shared", "--env", "COLOUR=blue"]).await;
    let (first, second) = (init.connect().await, init.connect().await);
    assert_eq!(second.id().as_str(), "shared");
    first.write("/a", "from the first").await.unwrap();
    let seen = second.execute("cat a; echo \" $COLOUR\"").await.unwrap();
    assert_eq!(seen.output(), "from the first blue\n");
}

#[tokio::test]
async fn a_signal_ends_it_with_everything_and_leaves_no_socket() {
    for name in ["-TERM", "-INT", "-HUP"] {
        let mut init = Init::start().await;
        let remote = init.connect().await;
        let mark = mark();
        remote.spawn(format!("sleep {mark}")).await.unwrap();
        let call = tokio::spawn({
            let (remote, line) = (remote.clone(), format!("sleep {mark}"));
            async move { remote.execute(line).await }
        });
        until_sleeping(&mark, 2).await;
        signal(&init.child, name);
        assert!(soon(init.child.wait()).await.unwrap().success());
        assert!(!init.socket.exists());
        let error = soon(remote.closed()).await;
        assert!(
            error.to_string().contains("the server is shutting down"),
            "{error}"
        );
        assert!(soon(call).await.unwrap().is_err());
        until_none(&mark).await;
    }
}

#[tokio::test]
async fn a_stop_ends_it_after_the_host_got_the_answer() {
    let mut init = Init::start().await;
    let remote = init.connect().await;
    remote.stop().await.unwrap();
    assert!(!remote.liveness().await.is_alive());
    remote.close().await;
    assert!(soon(init.child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_lease_ends_without_a_connection() {
    let mut init = Init::with(&["--lease", "0.5"]).await;
    let remote = init.connect().await;
    // A connection lasts longer than the lease.
    remote.execute("sleep 1").await.unwrap();
    assert!(init.child.try_wait().unwrap().is_none());
    drop(remote);
    assert!(soon(init.child.wait()).await.unwrap().success());
    assert!(!init.socket.exists());
}

#[tokio::test]
async fn a_lease_does_not_run_while_the_guest_is_paused() {
    let mut init = Init::with(&["--lease", "2"]).await;
    signal(&init.child, "-STOP");
    // Longer than the lease. There is no event to wait for here, only time.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    signal(&init.child, "-CONT");
    let remote = init.connect().await;
    assert!(remote.liveness().await.is_alive());
    drop(remote);
    assert!(soon(init.child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn commands_get_the_variables_of_the_guest_if_asked_to() {
    let (root, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let seen_by = |more: &'static [&'static str]| {
        let socket = place.path().join(format!("{}.sock", more.len()));
        let mut command = init(root.path(), &socket, more);
        command.env_clear().env("COLOUR", "red").env("SIZE", "7");
        command.env("PATH", "/usr/bin:/bin:/opt/more");
        async move {
            let _init = command.spawn().unwrap();
            let mut connect = Command::new(guest());
            connect.arg("connect").arg("--socket").arg(&socket);
            let (remote, _splice) = over_stdio(&mut connect).await;
            let line = "echo $COLOUR $SIZE $PATH $LANG";
            remote.execute(line).await.unwrap().output()
        }
    };
    assert_eq!(
        seen_by(&["--inherit-env", "--env", "COLOUR=blue"]).await,
        "blue 7 /usr/bin:/bin:/opt/more C.UTF-8\n"
    );
    let nothing = seen_by(&[]).await;
    assert!(nothing.starts_with("/usr/local/sbin:"), "{nothing}");
}

#[tokio::test]
async fn it_runs_without_standard_streams() {
    let (root, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let socket = place.path().join("guest.sock");
    let mut closed = Command::new("sh");
    closed
        .args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh"])
        .arg(guest())
        .arg("init")
        .arg("--root")
        .arg(root.path())
        .arg("--socket")
        .arg(&socket)
        .kill_on_drop(true);
    let mut child = closed.spawn().unwrap();
    let mut connect = Command::new(guest());
    connect.arg("connect").arg("--socket").arg(&socket);
    let (remote, _splice) = over_stdio(&mut connect).await;
    let output = remote.execute("cat; echo out; echo err >&2").await.unwrap();
    assert_eq!(output.output(), "out\nerr\n");
    signal(&child, "-TERM");
    assert!(soon(child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn only_a_socket_left_by_a_killed_guest_is_replaced() {
    let mut killed = Init::start().await;
    killed.child.kill().await.unwrap();
    assert!(killed.socket.exists());
    let mut next = init(killed.root.path(), &killed.socket, &[])
        .spawn()
        .unwrap();
    let mut command = Command::new(guest());
    command.arg("connect").arg("--socket").arg(&killed.socket);
    let (remote, _splice) = over_stdio(&mut command).await;
    assert!(remote.liveness().await.is_alive());

    let second = init(killed.root.path(), &killed.socket, &[])
        .stderr(Stdio::piped())
        .output();
    let second = soon(second).await.unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"));
    assert!(remote.liveness().await.is_alive());
    next.kill().await.unwrap();

    let file = killed.root.path().join("a file");
    std::fs::write(&file, "kept").unwrap();
    let refused = init(killed.root.path(), &file, &[])
        .stderr(Stdio::null())
        .status();
    assert_eq!(soon(refused).await.unwrap().code(), Some(1));
    assert_eq!(std::fs::read(&file).unwrap(), b"kept");
}

#[tokio::test]
async fn connect_waits_for_a_socket_and_gives_up() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("late.sock");
    let mut command = Command::new(guest());
    command
        .args(["connect", "--wait", "60", "--socket"])
        .arg(&socket);
    let connecting = tokio::spawn(async move { over_stdio(&mut command).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _init = init(place.path(), &socket, &[]).spawn().unwrap();
    let (remote, _child) = soon(connecting).await.unwrap();
    assert!(remote.liveness().await.is_alive());

    let mut command = Command::new(guest());
    command
        .args(["connect", "--wait=0.05", "--socket"])
        .arg(place.path().join("never"));
    let output = soon(command.stdin(Stdio::null()).output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && !output.stderr.is_empty());
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_a_slot() {
    let init = Init::start().await;
    let mut remotes = Vec::new();
    for _ in 0..16 {
        remotes.push(init.connect().await);
    }
    let next = tokio::spawn({
        let socket = init.socket.clone();
        async move {
            let stream = tokio::net::UnixStream::connect(socket).await.unwrap();
            backend_core::wire::connect(stream).await
        }
    });
    // It gets a slot as soon as another connection ends.
    remotes.pop().unwrap().close().await;
    let next = soon(next).await.unwrap().unwrap();
    assert!(next.liveness().await.is_alive());

    // If none ends it is told why, also through a program that joins its streams.
    let stream = tokio::net::UnixStream::connect(&init.socket).await.unwrap();
    let mut connect = Command::new(guest());
    connect.arg("connect").arg("--socket").arg(&init.socket);
    let mut child = connect
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let joined = tokio::io::join(streams.0, streams.1);
    let (direct, spliced) = tokio::join!(
        backend_core::wire::connect(stream),
        backend_core::wire::connect(joined)
    );
    for refused in [direct, spliced] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("16 programs are connected"), "{error}");
    }
    for remote in &remotes {
        assert!(remote.liveness().await.is_alive());
    }
    drop(remotes.pop());
    assert!(init.connect().await.liveness().await.is_alive());
}

#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let init = Init::start().await;
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(tokio::net::UnixStream::connect(&init.socket).await.unwrap());
    }
    let remote = init.connect().await;
    assert!(remote.liveness().await.is_alive());
}

#[tokio::test]
async fn the_streams_can_be_a_socket_or_files() {
    let root = tempfile::tempdir().unwrap();
    let serve = |streams: [Stdio; 2]| {
        let [input, output] = streams;
        let mut command = Command::new(guest());
        command
            .args(["serve", "--root"])
            .arg(root.path())
            .stdin(input)
            .stdout(output);
        command.kill_on_drop(true).spawn().unwrap()
    };
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    let streams = [far.try_clone().unwrap(), far].map(|end| Stdio::from(OwnedFd::from(end)));
    let mut child = serve(streams);
    near.set_nonblocking(true).unwrap();
    let near = tokio::net::UnixStream::from_std(near).unwrap();
    let remote = soon(backend_core::wire::connect(near)).await.unwrap();
    remote.write("/a", vec![7; 3 << 20]).await.unwrap();
    assert_eq!(remote.read_bytes("/a").await.unwrap().len(), 3 << 20);
    drop(remote);
    assert!(soon(child.wait()).await.unwrap().success());

    let said = root.path().join("said");
    let streams = [
        Stdio::null(),
        Stdio::from(std::fs::File::create(&said).unwrap()),
    ];
    // There is no hello in an empty file.
    assert_eq!(soon(serve(streams).wait()).await.unwrap().code(), Some(0));
    assert_eq!(std::fs::read(&said).unwrap(), b"");
}

#[tokio::test]
async fn the_command_line_is_explained() {
    let run = |arguments: &'static [&'static str]| async move {
        let output = Command::new(guest())
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        let output = soon(output).await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = run(&["--help"]).await;
    assert_eq!(code, Some(0));
    assert!(text.starts_with("usage: agent-guest"));
    let (code, text) = run(&["--version"]).await;
    assert_eq!(
        (code, text),
        (
            Some(0),
            format!("agent-guest {}\n", env!("CARGO_PKG_VERSION"))
        )
    );
    let (code, text) = run(&["dance"]).await;
    assert_eq!(code, Some(2));
    assert!(text.contains("unknown command 'dance'") && text.contains("usage:"));
    let (code, _) = run(&["serve", "--root", "/no/such/directory"]).await;
    assert_eq!(code, Some(1));
    let (code, text) = run(&["serve", "--work-dir", "/proc/none"]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("cannot create the work directory"), "{text}");
    let odd = OsStr::from_bytes(b"--id=\xff");
    let odd = Command::new(guest()).arg("serve").arg(odd).output();
    assert_eq!(soon(odd).await.unwrap().status.code(), Some(2));
}

#[tokio::test]
async fn a_listener_that_is_not_a_guest_is_detected() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("other.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = std::thread::spawn(move || {
        use std::io::Write;
        listener
            .accept()
            .unwrap()
            .0
            .write_all(b"220 smtp ready\r\n")
            .unwrap();
    });
    let mut child = Command::new(guest())
        .arg("connect")
        .arg("--socket")
        .arg(&socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let streams = tokio::io::join(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let error = soon(backend_core::wire::connect(streams))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("does not speak this protocol"),
        "{error}"
    );
    answer.join().unwrap();
}
