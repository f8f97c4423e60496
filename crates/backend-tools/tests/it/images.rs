//! Images as content.

use std::sync::Arc;

use backend_core::Backend;
use backend_tools::Toolset;
use serde_json::json;

use crate::support::Bench;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0";
const WEBP: &[u8] = b"RIFF\x1a\0\0\0WEBPVP8 \0\0";

#[tokio::test]
async fn an_image_is_detected_by_its_bytes_and_not_by_its_name() {
    let bench = Bench::new();
    for (bytes, media_type) in [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (WEBP, "image/webp"),
    ] {
        bench.put("/picture.txt", bytes).await;
        let reply = bench
            .ok("read_file", json!({ "path": "/picture.txt" }))
            .await;
        assert_eq!(
            reply.text,
            format!("/picture.txt: {media_type}, {} bytes", bytes.len())
        );
        assert_eq!(reply.images.len(), 1);
        assert_eq!(reply.images[0].media_type, media_type);
        assert_eq!(&reply.images[0].bytes[..], bytes);
        assert_eq!(reply.structured["image"], media_type);
        let block = &reply.anthropic("id")["content"][1];
        assert_eq!(block["source"]["media_type"], media_type);
        assert_eq!(block["source"]["data"], reply.images[0].to_base64());
    }
    assert_eq!(
        bench
            .ok("read_file", json!({ "path": "/picture.txt" }))
            .await
            .images[0]
            .to_base64(),
        "UklGRhoAAABXRUJQVlA4IAAA"
    );
}

#[tokio::test]
async fn a_file_with_only_the_name_of_an_image_is_not_one() {
    let bench = Bench::new();
    for (path, bytes) in [
        ("/a.png", &b"text\n"[..]),
        ("/b.png", b"\0\x01\x02"),
        ("/c.bmp", b"BM\0\0"),
        ("/d.tiff", b"II*\0\0"),
    ] {
        bench.put(path, bytes).await;
        let reply = bench.call("read_file", json!({ "path": path })).await;
        assert!(reply.images.is_empty(), "{path}");
        assert_eq!(reply.is_ok(), path == "/a.png", "{path}: {reply}");
    }
}

#[tokio::test]
async fn an_image_that_is_too_large_or_not_wanted_is_not_shown() {
    let bench = Bench::new();
    bench.put("/a.png", [PNG, &[0; 1000]].concat()).await;
    let files = || Arc::clone(&bench.files) as Arc<dyn Backend>;
    let small = Toolset::builder(files()).image_bytes(100).build();
    let reply = small.call("read_file", json!({ "path": "/a.png" })).await;
    assert_eq!(reply.error_kind(), Some("too_large"));
    assert!(
        reply
            .text
            .ends_with("It is an image. Make a smaller copy to view it."),
        "{reply}"
    );
    let none = Toolset::builder(files()).image_bytes(0).build();
    let reply = none.call("read_file", json!({ "path": "/a.png" })).await;
    assert_eq!(reply.error_kind(), Some("not_text"));
    let definition = none
        .definitions()
        .find(|tool| tool.name == "read_file")
        .unwrap();
    assert!(!definition.description.contains("PNG"));
}
