//! Each operation has the same effect as on the other side.

use std::time::Duration;

use backend_core::*;
use bytes::Bytes;

use super::{Fake, connected, soon};

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

#[tokio::test]
async fn capabilities_and_name_cross() {
    let (remote, fake) = connected().await;
    assert_eq!(remote.capabilities(), fake.capabilities());
    assert!(remote.capabilities().executes);
    assert_eq!(remote.id().as_str(), "fake-1");
    assert!(remote.liveness().await.is_alive());
    assert!(remote.is_sandbox());
    assert!(format!("{remote:?}").contains("fake-1"));
}

#[tokio::test]
async fn files_are_the_same_at_both_ends() {
    let (remote, fake) = connected().await;
    let written = remote.write("/dir/a.txt", "one\ntwo\n").await.unwrap();
    assert_eq!(
        remote.stat("/dir/a.txt").await.unwrap(),
        fake.stat("/dir/a.txt").await.unwrap()
    );
    assert_eq!(
        remote.stat("/dir/a.txt").await.unwrap().version,
        Some(written.version)
    );
    assert_eq!(
        remote.read("/dir/a.txt").await.unwrap(),
        fake.read("/dir/a.txt").await.unwrap()
    );
    let edit = EditRequest::new(path("/dir/a.txt"), "two", "three").expect(written.version);
    assert_eq!(remote.edit_with(&edit).await.unwrap().replacements, 1);
    assert_eq!(
        fake.read_bytes("/dir/a.txt").await.unwrap(),
        remote.read_bytes("/dir/a.txt").await.unwrap()
    );
    assert!(remote.mkdir("/made").await.unwrap().created);
    remote.rename("/dir/a.txt", "/made/b.rs").await.unwrap();
    let globbed = remote.glob("**/*.rs").await.unwrap();
    assert_eq!(globbed.items[0].path, path("/made/b.rs"));
    let grepped = remote.grep("thr.e").await.unwrap();
    assert_eq!(grepped.matches, fake.grep("thr.e").await.unwrap().matches);
    assert_eq!(
        remote.ls("/").await.unwrap().items,
        fake.ls("/").await.unwrap().items
    );
    let resolve = ResolveRequest::new(path("/made/b.rs"));
    assert_eq!(
        remote.resolve_with(&resolve).await.unwrap(),
        fake.resolve_with(&resolve).await.unwrap()
    );
    let delete = DeleteRequest::new(path("/made")).recursive();
    assert_eq!(remote.delete_with(&delete).await.unwrap().entries, 2);
    assert_eq!(
        fake.stat("/made").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn many_files_take_few_requests_and_arrive_in_order() {
    let (remote, _fake) = connected().await;
    let names: Vec<String> = (0..700).map(|n| format!("/f{n}")).collect();
    let mut writes: Vec<WriteRequest> = names
        .iter()
        .map(|name| WriteRequest::new(path(name), format!("this is {name}\n")))
        .collect();
    writes[5] = WriteRequest::new(path("/"), "no");
    writes[6].mode = WriteMode::CreateNew;
    let written = remote.write_many_with(&writes).await;
    assert_eq!(written.len(), 700);
    assert_eq!(
        written[5].as_ref().unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    assert!(written[6].as_ref().unwrap().created);
    let reads: Vec<ReadRequest> = names
        .iter()
        .map(|name| ReadRequest::new(path(name)))
        .collect();
    let pages = remote.read_many_with(&reads).await;
    assert_eq!(pages.len(), 700);
    assert_eq!(pages[5].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    for (n, page) in pages.iter().enumerate().filter(|(n, _)| *n != 5) {
        assert_eq!(page.as_ref().unwrap().text, format!("this is /f{n}\n"));
    }
    assert!(remote.read_many_with(&[]).await.is_empty());
}

#[tokio::test]
async fn errors_cross_with_their_kinds_and_fields() {
    let (remote, fake) = connected().await;
    fake.write("/a.txt", "x = 1\nx = 1\n").await.unwrap();
    fake.write("/bin", &b"\0\xff"[..]).await.unwrap();
    let version = fake.stat("/bin").await.unwrap().version.unwrap();
    let requests: Vec<EditRequest> = vec![
        EditRequest::new(path("/none"), "a", "b"),
        EditRequest::new(path("/a.txt"), "x = 1", "y"),
        EditRequest::new(path("/a.txt"), "x =  1", "y"),
        EditRequest::new(path("/a.txt"), "", "y"),
        EditRequest::new(path("/a.txt"), "x", "y").expect(version),
        EditRequest::new(path("/bin"), "x", "y"),
        EditRequest::new(path("/a.txt/b"), "x", "y"),
        EditRequest::new(path("/"), "x", "y"),
    ];
    for request in requests {
        let here = fake.edit_with(&request).await.unwrap_err();
        let there = remote.edit_with(&request).await.unwrap_err();
        assert_eq!(format!("{here:?}"), format!("{there:?}"));
    }
    let grep = remote.grep("(").await.unwrap_err();
    assert_eq!(grep.kind(), ErrorKind::InvalidPattern);
    let large = ReadBytesRequest::new(path("/a.txt")).limit(3);
    match remote.read_bytes_with(&large).await.unwrap_err() {
        Error::TooLarge { size, limit, .. } => assert_eq!((size, limit), (12, 3)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn commands_return_both_streams_as_bytes() {
    let (remote, _fake) = connected().await;
    let output = remote.execute("both").await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(0));
    assert_eq!(&output.stdout.head[..], b"out \xfe");
    assert_eq!(&output.stderr.head[..], b"\xff err");
    assert!(output.elapsed >= Duration::from_millis(1));

    let request = ExecRequest::shell("bytes 5000000").output_bytes(1000);
    let output = remote.execute_with(&request).await.unwrap();
    assert_eq!(
        (output.stdout.head.len(), output.stdout.tail.len()),
        (500, 500)
    );
    assert_eq!(output.stdout.total(), 5_000_000);

    let none = remote.execute("nonsense").await.unwrap();
    assert_eq!(none.status, ExecStatus::Exited(127));
    let argv = remote
        .execute_with(&ExecRequest::argv(["a"]))
        .await
        .unwrap_err();
    assert_eq!(argv.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn every_field_of_a_command_crosses() {
    let (remote, fake) = connected().await;
    let request = ExecRequest::shell("cat")
        .cwd(path("/x/y"))
        .env("A", "b=c")
        .stdin(&b"\x00\xff"[..])
        .output_bytes(usize::MAX)
        .output_ceiling(u64::MAX)
        .user("nobody")
        .terminal(TerminalSize {
            rows: 3,
            columns: 4,
        })
        .timeout(None);
    let output = remote.execute_with(&request).await.unwrap();
    assert_eq!(&output.stdout.head[..], b"\x00\xff");
    let mut arrived = fake.last.lock().unwrap().clone().unwrap();
    arrived.output_bytes = usize::MAX;
    assert_eq!(arrived, request);
}

#[tokio::test]
async fn processes_are_started_read_written_and_ended() {
    let (remote, fake) = connected().await;
    let first = remote.spawn("one").await.unwrap();
    let asked = fake.last.lock().unwrap().clone().unwrap();
    assert_eq!(
        asked,
        ExecRequest::shell("one").timeout(None),
        "it may run for hours"
    );
    let second = remote
        .spawn_with(&ExecRequest::shell("two").stdin("abc"))
        .await
        .unwrap();
    assert_eq!(
        remote.processes().await.unwrap(),
        [first.clone(), second.clone()]
    );
    remote
        .write_stdin(&StdinRequest::write(second.id.clone(), "defg"))
        .await
        .unwrap();
    let output = remote
        .read_output(&OutputRequest::new(second.id.clone()).cursor(1))
        .await
        .unwrap();
    let chunks: Vec<&[u8]> = output.chunks.iter().map(|chunk| &chunk.bytes[..]).collect();
    assert_eq!(chunks, [&b"bcd"[..], b"efg"]);
    assert_eq!((output.next, output.status), (7, None));
    remote.signal(&first.id, Signal::Terminate).await.unwrap();
    let output = remote
        .read_output(&OutputRequest::new(first.id.clone()))
        .await
        .unwrap();
    assert_eq!(output.status, Some(ExecStatus::Signaled(15)));
    let size = TerminalSize {
        rows: 1,
        columns: 1,
    };
    assert!(remote.resize(&first.id, size).await.is_err());
    remote.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_of_only_files_says_so() {
    let (near, far) = tokio::io::duplex(1 << 16);
    // A sandbox that is served as a backend shows no commands.
    tokio::spawn(async move { wire::serve_backend(Fake::new(), far).await });
    let remote = wire::connect(near).await.unwrap();
    assert!(!remote.is_sandbox());
    assert!(!remote.capabilities().executes && !remote.capabilities().processes);
    assert!(remote.liveness().await.is_alive());
    remote.write("/a", "b").await.unwrap();
    let id = ProcessId::new("p");
    let errors = [
        remote.execute("echo").await.unwrap_err(),
        remote.spawn("echo").await.unwrap_err(),
        remote.processes().await.unwrap_err(),
        remote
            .read_output(&OutputRequest::new(id.clone()))
            .await
            .unwrap_err(),
        remote
            .write_stdin(&StdinRequest::close(id.clone()))
            .await
            .unwrap_err(),
        remote.signal(&id, Signal::Kill).await.unwrap_err(),
        remote.stop().await.unwrap_err(),
    ];
    assert!(
        errors
            .iter()
            .all(|error| error.kind() == ErrorKind::Unsupported)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn interleaved_commands_and_files_are_not_mixed_up() {
    let (remote, _fake) = connected().await;
    let tasks: Vec<_> = (0..128_usize)
        .map(|n| {
            let remote = remote.clone();
            tokio::spawn(async move {
                for round in 0..8_usize {
                    let size = [10, 5_000, 70_000, 900_000][(n + round) % 4];
                    let content: Bytes = vec![n as u8; size].into();
                    if n % 2 == 0 {
                        let request = ExecRequest::shell("cat").stdin(content.clone());
                        let output = remote.execute_with(&request).await.unwrap();
                        assert_eq!(output.stdout.head, content);
                    } else {
                        let name = format!("/f{n}");
                        remote.write(&name, content.clone()).await.unwrap();
                        let read = remote.read_bytes(&name).await.unwrap();
                        assert_eq!(read, content);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
}

#[tokio::test]
async fn a_panicking_operation_is_only_an_internal_error() {
    let (remote, fake) = connected().await;
    for _ in 0..3 {
        let error = soon(remote.execute("panic")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
    fake.running(0).await;
    assert_eq!(remote.execute("echo hi").await.unwrap().stdout.head, "hi\n");
}
