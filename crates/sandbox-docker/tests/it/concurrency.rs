//! Many sandboxes at once.

use backend_core::{BackendExt, Sandbox, SandboxExt};
use sandbox_docker::Engine;

use crate::support::{Cleaner, builder, debian, docker, engine_or_skip};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_sandboxes_start_at_once_and_are_independent() {
    let engine = engine_or_skip!();
    let mut starts = tokio::task::JoinSet::new();
    for number in 0..20 {
        let builder = builder(&engine, debian());
        starts.spawn(async move {
            let sandbox = builder.start().await.unwrap();
            sandbox.write("number", number.to_string()).await.unwrap();
            sandbox
        });
    }
    let sandboxes = starts.join_all().await;
    let _cleaners: Vec<Cleaner> = sandboxes.iter().map(Cleaner::of).collect();
    let mut numbers = Vec::new();
    for sandbox in &sandboxes {
        let output = sandbox.execute("cat number; ls | wc -l").await.unwrap();
        let text = output.stdout.to_text();
        let (number, files) = text.trim().split_at(text.trim().len() - 1);
        assert_eq!(files, "1");
        numbers.push(number.parse::<u32>().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    let mut stops = tokio::task::JoinSet::new();
    for sandbox in sandboxes {
        stops.spawn(async move { sandbox.stop().await.unwrap() });
    }
    stops.join_all().await;
}

/// A guest that was never used before: some bytes are appended, which do not affect the program.
fn new_guest() -> Vec<u8> {
    let mut guest = sandbox_guest::guest_bytes(sandbox_guest::Architecture::here().unwrap())
        .unwrap()
        .to_vec();
    let moment = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    guest.extend_from_slice(&moment.as_nanos().to_be_bytes());
    guest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_filled_concurrently_has_the_whole_guest() {
    let _engine = engine_or_skip!();
    let guest = bytes::Bytes::from(new_guest());
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let guest = guest.clone();
        starts.spawn(async move {
            // Nothing is shared, as if each were a separate process.
            let engine = Engine::connect().await.unwrap();
            builder(&engine, debian())
                .guest(guest)
                .start()
                .await
                .unwrap()
        });
    }
    let sandboxes = starts.join_all().await;
    let _cleaners: Vec<Cleaner> = sandboxes.iter().map(Cleaner::of).collect();
    let mut volumes = Vec::new();
    for sandbox in &sandboxes {
        let format = "{{range .Mounts}}{{.Name}}{{end}}";
        volumes.push(docker(&[
            "inspect",
            "-f",
            format,
            &crate::support::container(sandbox),
        ]));
        let entries = sandbox.ls("/.agent-backends").await.unwrap();
        let guest_bytes = entries
            .items
            .iter()
            .find(|e| e.path.as_str().ends_with("/agent-guest"));
        assert_eq!(guest_bytes.unwrap().size, guest.len() as u64);
        sandbox.stop().await.unwrap();
    }
    volumes.dedup();
    assert_eq!(volumes.len(), 1, "{volumes:?}");
    // No lock remains.
    assert_eq!(
        docker(&["ps", "-aq", "--filter", &format!("name={}", volumes[0])]),
        ""
    );
    remove_volume(&volumes[0]);
}

/// Removes a volume, which may already have been removed.
fn remove_volume(volume: &str) {
    let mut command = std::process::Command::new("docker");
    let _ = command.args(["volume", "rm", volume]).output();
}

#[tokio::test]
async fn an_emptied_volume_is_refilled() {
    let engine = engine_or_skip!();
    let guest = bytes::Bytes::from(new_guest());
    let first = builder(&engine, debian())
        .guest(guest.clone())
        .start()
        .await
        .unwrap();
    let format = "{{range .Mounts}}{{.Name}}{{end}}";
    let volume = docker(&["inspect", "-f", format, &crate::support::container(&first)]);
    first.stop().await.unwrap();
    remove_volume(&volume);
    docker(&["volume", "create", &volume]);
    let second = builder(&engine, debian())
        .guest(guest.clone())
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&second);
    assert!(second.execute("true").await.unwrap().status.is_success());

    // Only volumes that are not mounted are removed. Other users of this engine refill theirs.
    let there = || docker(&["volume", "ls", "-q", "--filter", &format!("name={volume}")]);
    engine.remove_unused_guests().await.unwrap();
    assert_eq!(there(), volume);
    second.stop().await.unwrap();
    remove_volume(&volume);
    let third = builder(&engine, debian())
        .guest(guest)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&third);
    let labels = docker(&["volume", "inspect", "-f", "{{json .Labels}}", &volume]);
    assert!(
        labels.contains("agent-backends.kind") && labels.contains("agent-backends.started"),
        "{labels}"
    );
    third.stop().await.unwrap();
    engine.remove_unused_guests().await.unwrap();
    assert_eq!(there(), "");
}

#[tokio::test]
async fn an_abandoned_start_leaves_nothing_behind() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian()).build().unwrap();
    let name = crate::support::container(&sandbox);
    let _cleaner = Cleaner(name.clone());
    let filter = format!("name={name}");
    let start = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { sandbox.ensure_started().await }
    });
    while docker(&["ps", "-aq", "--filter", &filter]).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    start.abort();
    drop(sandbox);
    while !docker(&["ps", "-aq", "--filter", &filter]).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
