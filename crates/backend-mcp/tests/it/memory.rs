//! Files that were read are remembered for the client that read them.

use serde_json::json;

use crate::support::{call, connect, server, text};

#[tokio::test]
async fn clients_do_not_share_what_they_have_read() {
    let (dir, server) = server();
    std::fs::write(dir.path().join("a.txt"), "one\n").unwrap();
    let (first, _served) = connect(&server, ()).await;
    let (second, _served) = connect(&server, ()).await;
    call(&first, "read_file", json!({ "path": "a.txt" })).await;
    let write = json!({ "path": "a.txt", "content": "two\n" });
    let refused = call(&second, "write_file", write.clone()).await;
    assert_eq!(refused.is_error, Some(true), "{}", text(&refused));
    let done = call(&first, "write_file", write).await;
    assert_eq!(done.is_error, Some(false), "{}", text(&done));
    // A file that another client has changed is not replaced unseen.
    call(&second, "read_file", json!({ "path": "a.txt" })).await;
    let third = json!({ "path": "a.txt", "content": "three\n" });
    call(&second, "write_file", third).await;
    let stale = call(
        &first,
        "write_file",
        json!({ "path": "a.txt", "content": "four\n" }),
    )
    .await;
    assert_eq!(stale.is_error, Some(true));
    assert!(text(&stale).contains("+three"), "{}", text(&stale));
}
