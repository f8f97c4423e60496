//! Which built images are removed, and which are not.

use backend_core::RuntimeConfig;
use sandbox_docker::Images;

use super::{Cleaner, Runtime, images};
use crate::support::{debian, docker, engine_or_skip};

async fn build(images: &Images, ours: &Runtime, line: &str) -> (RuntimeConfig, String) {
    let runtime = ours.on(&debian()).setup(line).build().unwrap();
    let image = images.build(&runtime, None).await.unwrap();
    (runtime, image)
}

#[tokio::test]
async fn superseded_images_are_removed_and_no_others() {
    let engine = engine_or_skip!();
    let images = images(&engine);
    let (ours, decoy) = (Runtime::new("prune"), Runtime::new("prune-2"));
    let (_, old) = build(&images, &ours, "echo 1").await;
    let (_, used) = build(&images, &ours, "echo 2").await;
    let (_, named) = build(&images, &ours, "echo 3").await;
    let (current, kept) = build(&images, &ours, "echo 4").await;
    let (_, others) = build(&images, &decoy, "echo 1").await;

    // One used by a stopped container, one with another name, and one built on ours.
    let container = format!("images-prune-{}", std::process::id());
    let _cleaner = Cleaner(container.clone());
    docker(&["create", "--name", &container, &used, "true"]);
    let own = format!("images-own-{}:latest", std::process::id());
    docker(&["tag", &named, &own]);
    let derived = format!("images-derived-{}:latest", std::process::id());
    docker(&["commit", &container, &derived]);

    let mut removed = images.prune(&current).await.unwrap();
    removed.sort();
    let mut want = vec![old.clone(), named.clone()];
    want.sort();
    assert_eq!(removed, want);
    let left = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
    let left: Vec<_> = left.lines().collect();
    for there in [&used, &kept, &others, &own, &derived] {
        assert!(left.contains(&there.as_str()), "{there} is gone");
    }
    assert!(images.prune(&current).await.unwrap().is_empty());

    docker(&["rm", &container]);
    assert_eq!(images.prune(&current).await.unwrap(), [used]);
    docker(&["rmi", &own, &derived]);
    // Once nothing of the runtime is current, nothing stays.
    let ready = RuntimeConfig::builder(&ours.0)
        .image(debian())
        .build()
        .unwrap();
    assert_eq!(images.prune(&ready).await.unwrap(), [kept]);
    assert!(ours.images().is_empty());
}

#[tokio::test]
async fn an_uncached_image_is_built_each_time_and_removed_after_its_process() {
    let engine = engine_or_skip!();
    let (images, ours) = (images(&engine), Runtime::new("uncached"));
    let line = "cat /proc/sys/kernel/random/uuid > once";
    let runtime = ours.on(&debian()).setup(line).no_cache().build().unwrap();
    let (first, second) = (
        images.build(&runtime, None).await.unwrap(),
        images.build(&runtime, None).await.unwrap(),
    );
    assert_ne!(first, second);
    let once = |image: &str| docker(&["run", "--rm", image, "cat", "/workspace/once"]);
    assert_ne!(once(&first), once(&second));
    // This process may still create containers from them. A process that is gone cannot.
    assert!(images.prune(&runtime).await.unwrap().is_empty());
    assert_eq!(ours.images().len(), 2);
    let dockerfile = std::env::temp_dir().join(format!("images-prune-{}", std::process::id()));
    std::fs::create_dir_all(&dockerfile).unwrap();
    std::fs::write(
        dockerfile.join("Dockerfile"),
        format!("FROM {first}\nLABEL agent-backends.started=1\n"),
    )
    .unwrap();
    docker(&["build", "--tag", &first, &dockerfile.to_string_lossy()]);
    std::fs::remove_dir_all(&dockerfile).unwrap();
    assert_eq!(images.prune(&runtime).await.unwrap(), [first]);
    assert_eq!(ours.images(), [second]);
}
