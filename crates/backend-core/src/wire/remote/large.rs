//! Reads a large file in pieces: the other side reads one piece while others are in flight, and holds no more than those.
//! On this side each is read from the stream directly into its place in the whole.

use std::ops::Range;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::{self, StreamExt};

use super::super::client::Call;
use super::super::request::Request;
use super::Remote;
use crate::{Content, Error, ReadBytesRequest, Result};

/// Files up to this size are read at once, in bytes.
const SMALL_BYTES: u64 = 1 << 20;

/// The size of a piece, in bytes. From 128 KiB on, allocators get fresh memory from the kernel for each block, which costs
/// the reading side more time than the read itself.
const CHUNK_BYTES: u64 = 124 << 10;

/// The number of pieces in flight.
const CONCURRENCY: usize = 6;

/// How often to try to read a file that changes.
const MAX_TRIES: usize = 3;

pub(super) async fn read_bytes(remote: &Remote, request: &ReadBytesRequest) -> Result<Content> {
    let mut request = request.clone();
    request.limit = request.limit.min(remote.client.max_answer_body());
    if request.limit <= SMALL_BYTES {
        return remote.client.call(call(request)).await;
    }
    for _ in 0..MAX_TRIES {
        let probe = request.clone().limit(SMALL_BYTES);
        let size = match remote.client.call::<Content>(call(probe)).await {
            Err(Error::TooLarge { size, .. }) => size,
            outcome => return outcome,
        };
        if size > request.limit {
            return Err(Error::TooLarge {
                path: request.path,
                size,
                limit: request.limit,
            });
        }
        let start = request.range.as_ref().map_or(0, |range| range.start);
        if let Some(content) = pieces(remote, &request, start, size).await? {
            return Ok(content);
        }
    }
    let reason = "it changed while it was read";
    Err(Error::conflict(&request.path, reason, None))
}

/// Reads `size` bytes from `start`, directly into the returned buffer. `None` means that the file has changed.
async fn pieces(
    remote: &Remote,
    request: &ReadBytesRequest,
    start: u64,
    size: u64,
) -> Result<Option<Content>> {
    let _reservation = remote.client.reserve(size, "read_bytes").await?;
    // The other side may have lied about the size, but at most up to the caller's limit.
    let Ok(capacity) = usize::try_from(size) else {
        return Err(Error::unsupported("a file that is larger than memory"));
    };
    let mut free = BytesMut::with_capacity(capacity);
    let calls = ranges(start..start.saturating_add(size)).map(|range| {
        let length = range.end - range.start;
        let after = free.split_off(usize::try_from(length).unwrap_or(usize::MAX));
        let place = std::mem::replace(&mut free, after);
        let request = ReadBytesRequest::new(&request.path).range(range);
        async move {
            let call = call(request.limit(length));
            let outcome = remote.client.call_into::<Content>(call, place).await;
            (length, outcome)
        }
    });
    let mut calls = std::pin::pin!(stream::iter(calls).buffered(CONCURRENCY));
    let mut whole = BytesMut::new();
    let mut first = None;
    while let Some((length, outcome)) = calls.next().await {
        let (piece, bytes) = match outcome {
            Ok(answer) => answer,
            // The file shrank.
            Err(Error::InvalidRequest { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is = (piece.version, piece.size);
        if *first.get_or_insert(is) != is || bytes.len() as u64 != length {
            return Ok(None);
        }
        // They are adjacent, so this copies nothing.
        whole.unsplit(bytes);
    }
    Ok(first.map(|(version, size)| Content::new(whole.freeze(), size, version)))
}

/// Cuts a range into the ranges of its pieces.
fn ranges(whole: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = whole.start;
    std::iter::from_fn(move || {
        let end = start.saturating_add(CHUNK_BYTES).min(whole.end);
        let range = start..end;
        start = end;
        (!range.is_empty()).then_some(range)
    })
}

/// Makes the call for a single answer.
fn call(request: ReadBytesRequest) -> Call {
    let body = match &request.range {
        Some(range) => request.limit.min(range.end.saturating_sub(range.start)),
        None => request.limit,
    };
    Call {
        request: Request::ReadBytes(request),
        body,
        extra: Some(Duration::ZERO),
        urgent: false,
    }
}
