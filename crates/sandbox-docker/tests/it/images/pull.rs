//! Real pulls from a registry run by the test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use backend_core::{BackendExt, ErrorKind, Sandbox};
use sandbox_docker::{ImageProgress, Images, PullPolicy};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Cleaner, builder, docker, engine_or_skip};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A media type, and the bytes.
type Part = (&'static str, Vec<u8>);

/// A registry on the loopback address, where engines do not require encryption.
#[derive(Clone, Default)]
struct Registry {
    /// The content by request path.
    parts: Arc<Mutex<HashMap<String, Part>>>,
}

impl Registry {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let this = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = this.clone();
                tokio::spawn(async move { this.serve(stream).await });
            }
        });
        address
    }

    /// Answers requests until the connection ends.
    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let mut request = String::new();
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if stream.read_line(&mut line).await.ok()? == 0 {
                    return None;
                }
                request.push_str(&line);
            }
            let mut words = request.split_whitespace();
            let (method, path) = (words.next()?, words.next()?);
            let found = match path {
                "/v2/" => Some(("application/json", b"{}".to_vec())),
                path => self.parts.lock().unwrap().get(path).cloned(),
            };
            let (status, kind, body) = match found {
                Some((kind, body)) => ("200 OK", kind, body),
                None => {
                    let error =
                        br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
                    ("404 Not Found", "application/json", error.to_vec())
                }
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                 Docker-Distribution-Api-Version: registry/2.0\r\nDocker-Content-Digest: {}\r\n\r\n",
                body.len(),
                digest(&body)
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            if method != "HEAD" {
                stream.write_all(&body).await.ok()?;
            }
        }
    }

    /// Puts an image under a tag, with one file in it. Returns its digest.
    fn push(&self, tag: &str, content: &str) -> String {
        let mut layer = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        layer
            .append_data(&mut header, "content", content.as_bytes())
            .unwrap();
        let layer = layer.into_inner().unwrap();
        let config = json!({
            "architecture": match std::env::consts::ARCH { "x86_64" => "amd64", "aarch64" => "arm64", other => other },
            "os": "linux",
            "config": { "Cmd": ["/none"] },
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(),
                "digest": digest(&config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": layer.len(),
                "digest": digest(&layer),
            }],
        });
        let manifest = manifest.to_string().into_bytes();
        let named = digest(&manifest);
        let blob = |bytes: &[u8]| format!("/v2/test/blobs/{}", digest(bytes));
        let mut parts = self.parts.lock().unwrap();
        parts.insert(blob(&config), ("application/octet-stream", config));
        parts.insert(blob(&layer), ("application/octet-stream", layer));
        for reference in [tag, &named] {
            let path = format!("/v2/test/manifests/{reference}");
            parts.insert(path, (MANIFEST, manifest.clone()));
        }
        named
    }
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_according_to_the_policy_with_progress() {
    let engine = engine_or_skip!();
    if std::env::var("DOCKER_HOST").is_ok_and(|host| !host.is_empty() && !host.starts_with("unix:"))
    {
        return eprintln!("skipped: the engine is not on this machine");
    }
    let registry = Registry::default();
    let address = registry.start().await;
    let image = format!("{address}/test:tag");
    let unique = format!("{address} {}", std::process::id());
    registry.push("tag", &format!("one {unique}"));

    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = {
        let told = Arc::clone(&told);
        move |progress: ImageProgress| told.lock().unwrap().push(progress)
    };
    let sandbox = builder(&engine, &image)
        .on_progress(hear)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    assert_eq!(
        sandbox.read("/content").await.unwrap().text,
        format!("one {unique}")
    );
    sandbox.stop().await.unwrap();
    let layers =
        |progress: &ImageProgress| matches!(progress, ImageProgress::Pull { layer: Some(_), .. });
    assert!(
        told.lock().unwrap().iter().any(layers),
        "{:?}",
        told.lock().unwrap()
    );

    // An existing image is used unless the policy says otherwise.
    registry.push("tag", &format!("two {unique}"));
    let images = Images::new(engine.clone());
    let content = async || {
        let sandbox = builder(&engine, &image).start().await.unwrap();
        let _cleaner = Cleaner::of(&sandbox);
        let text = sandbox.read("/content").await.unwrap().text;
        sandbox.stop().await.unwrap();
        text
    };
    let first = docker(&["image", "inspect", "-f", "{{.Id}}", &image]);
    assert_eq!(content().await, format!("one {unique}"));
    images.pull(&image, PullPolicy::Always, None).await.unwrap();
    assert_eq!(content().await, format!("two {unique}"));

    let third = registry.push("not-asked-for", &format!("three {unique}"));
    let by_digest = format!("{address}/test@{third}");
    images
        .pull(&by_digest, PullPolicy::Missing, None)
        .await
        .unwrap();
    let other = format!("{address}/test:other");
    let error = images.pull(&other, PullPolicy::Missing, None);
    let error = error.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(error.to_string().contains("has no image"), "{error}");
    docker(&["rmi", &image, &by_digest, &first]);
}
