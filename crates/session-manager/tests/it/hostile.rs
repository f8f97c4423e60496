//! Hostile ids: refused with a reason, and never used as a path.

use backend_core::ErrorKind;
use session_manager::SessionOptions;

use crate::support::{provider, stored};

#[tokio::test]
async fn an_invalid_id_is_refused_and_leaves_nothing() {
    let here = tempfile::tempdir().unwrap();
    let root = here.path().join("root");
    let manager = stored(&provider(), &root).await;
    let long = "a".repeat(10_000);
    let hostile = [
        "../x",
        "../../escape",
        "/etc",
        "",
        ".",
        "..",
        ".lock",
        ".trash",
        ".staging",
        "a/b",
        "a\\b",
        "a\0b",
        "A",
        "User-1",
        "ü",
        "а",
        "ａ",
        "a\u{200b}",
        "a b",
        "-a",
        "_a",
        "a\n",
        "%2e%2e",
        "C:",
        "con.",
        &long,
    ];
    for id in hostile {
        let error = manager.get_or_create(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{id:?}");
        assert!(error.to_string().contains("invalid sandbox id"), "{error}");
        assert!(error.to_string().len() < 600);
        for error in [
            manager.attach(id).await.map(|_| ()).unwrap_err(),
            manager.release(id).await.unwrap_err(),
            manager.purge(id).await.unwrap_err(),
            manager.hibernate(id).await.unwrap_err(),
            manager.info(id).await.map(|_| ()).unwrap_err(),
            manager.files(id).await.map(|_| ()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{id:?}");
        }
        assert!(manager.get(id).is_none() && !manager.touch(id));
    }
    assert_eq!(manager.stats().starts, 0);
    let mut names: Vec<_> = std::fs::read_dir(here.path()).unwrap().flatten().collect();
    assert_eq!(names.pop().unwrap().file_name(), "root");
    assert!(names.is_empty());
    let visible = |name: &std::fs::DirEntry| !name.file_name().to_string_lossy().starts_with('.');
    assert!(
        !std::fs::read_dir(root)
            .unwrap()
            .flatten()
            .any(|e| visible(&e))
    );
}

#[tokio::test]
async fn a_hostile_tenant_is_refused_or_treated_like_any_other_name() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    for tenant in ["", "a\0", "a\n", &"x".repeat(300)] {
        let options = SessionOptions::new().tenant(tenant);
        let refused = manager.get_or_create_with("a", &options).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert!(manager.scoped(tenant).is_err());
    }
    let options = SessionOptions::new().tenant("../../../tmp/x");
    manager.get_or_create_with("a", &options).await.unwrap();
    let kept = here.path().join("a/session.json");
    assert!(kept.is_file());
}
