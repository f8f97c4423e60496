//! Laws about bytes: what was stored, and ranges of it.

use std::ops::Range;

use backend_core::{Backend, BackendExt, Content, ErrorKind, ReadBytesRequest, Result};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __read_bytes_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args read_bytes;
            B1 bytes_are_those_that_were_written
                "`read_bytes` returns the file byte for byte, with its size and version.";
            B2 a_range_is_a_part_of_the_file
                "A range returns those bytes; `size` is still that of the whole file.";
            B3 a_range_ends_at_the_end_of_the_file
                "An end past the file's end is taken as that end; a start at the end gives nothing.";
            B4 a_range_that_starts_past_the_end_is_refused
                "A start past the end is `invalid_request`, as is an end before the start.";
            B5 more_than_the_limit_is_too_large
                "A read over the limit is `too_large`; the limit is on what is read, not on the file.";
            B6 a_directory_has_no_bytes
                "`read_bytes` of a directory, the root too, is `is_a_directory`.";
            B7 an_empty_file_has_an_empty_range
                "An empty file reads as no bytes, whole and by every range from 0.";
            B8 pieces_put_together_are_the_file
                "Ranges one after the other give every byte once, all of one version.";
        }
    };
}

crate::__read_bytes_laws! { registry_of_area [Files] }

async fn range(ws: &Workspace, start: u64, end: u64) -> Result<Content> {
    let request = ReadBytesRequest::new(p("/f")).range(Range { start, end });
    ws.read_bytes_with(&request).await
}

async fn bytes_are_those_that_were_written(ws: &Workspace) {
    let bytes: Vec<u8> = (0..=255).collect();
    let version = ws.put("/f", &bytes).await;
    let request = ReadBytesRequest::new(p("/f"));
    let content = ws.read_bytes_with(&request).await.unwrap();
    assert_eq!(content.bytes, bytes);
    assert_eq!((content.size, content.version), (256, version));
}

async fn a_range_is_a_part_of_the_file(ws: &Workspace) {
    ws.put("/f", "0123456789").await;
    for (start, end, expected) in [
        (0, 1, "0"),
        (3, 7, "3456"),
        (9, 10, "9"),
        (0, 10, "0123456789"),
    ] {
        let content = range(ws, start, end).await.unwrap();
        assert_eq!(
            (&content.bytes[..], content.size),
            (expected.as_bytes(), 10)
        );
    }
    assert!(range(ws, 4, 4).await.unwrap().bytes.is_empty());
}

async fn a_range_ends_at_the_end_of_the_file(ws: &Workspace) {
    ws.put("/f", "0123456789").await;
    assert_eq!(range(ws, 8, 100).await.unwrap().bytes, "89");
    assert_eq!(range(ws, 8, u64::MAX).await.unwrap().bytes, "89");
    assert!(range(ws, 10, 100).await.unwrap().bytes.is_empty());
}

async fn a_range_that_starts_past_the_end_is_refused(ws: &Workspace) {
    ws.put("/f", "0123456789").await;
    let error = refused(range(ws, 11, 12).await, ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("10"),
        "it names the size: {error}"
    );
    refused(range(ws, 7, 3).await, ErrorKind::InvalidRequest);
    refused(
        range(ws, u64::MAX, u64::MAX).await,
        ErrorKind::InvalidRequest,
    );
}

async fn more_than_the_limit_is_too_large(ws: &Workspace) {
    ws.put("/f", "0123456789").await;
    let whole = ReadBytesRequest::new(p("/f"));
    let error = refused_at(
        ws.read_bytes_with(&whole.clone().limit(9)).await,
        ErrorKind::TooLarge,
        "/f",
    );
    let message = error.to_string();
    assert!(message.contains("10") && message.contains('9'), "{message}");
    assert_eq!(
        ws.read_bytes_with(&whole.clone().limit(10))
            .await
            .unwrap()
            .bytes,
        "0123456789"
    );
    let part = whole.range(4..8).limit(4);
    assert_eq!(ws.read_bytes_with(&part).await.unwrap().bytes, "4567");
    refused(
        ws.read_bytes_with(&part.limit(3)).await,
        ErrorKind::TooLarge,
    );
}

async fn a_directory_has_no_bytes(ws: &Workspace) {
    ws.make("/d").await;
    for path in ["/", "/d"] {
        refused_at(ws.read_bytes(path).await, ErrorKind::IsADirectory, path);
    }
}

async fn an_empty_file_has_an_empty_range(ws: &Workspace) {
    ws.put("/f", "").await;
    assert!(ws.bytes("/f").await.is_empty());
    for end in [0, 1, u64::MAX] {
        let content = range(ws, 0, end).await.unwrap();
        assert_eq!((content.bytes.len(), content.size), (0, 0));
    }
    refused(range(ws, 1, 2).await, ErrorKind::InvalidRequest);
}

async fn pieces_put_together_are_the_file(ws: &Workspace) {
    let bytes: Vec<u8> = (0..1_000_003u32).map(|n| (n % 251) as u8).collect();
    let version = ws.put("/f", &bytes).await;
    let mut read = Vec::new();
    while read.len() < bytes.len() {
        let start = read.len() as u64;
        let content = range(ws, start, start + 65_536).await.unwrap();
        assert_eq!(
            (content.version, content.size),
            (version, bytes.len() as u64)
        );
        assert!(!content.bytes.is_empty(), "at {start}");
        read.extend_from_slice(&content.bytes);
    }
    assert!(read == bytes, "the pieces differ from the file");
}
