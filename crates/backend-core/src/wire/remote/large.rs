//! A large file in pieces: the other side reads one piece while others are on their way, and neither side holds more than the
//! pieces under way beside what the caller gets.

use std::ops::Range;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::{self, StreamExt};

use super::super::client::Call;
use super::super::receive::grow;
use super::super::request::Request;
use super::Remote;
use crate::{Content, Error, ReadBytesRequest, Result};

/// Up to this size a file is read at once, in bytes.
const SMALL_BYTES: u64 = 1 << 20;

/// The size of a piece, in bytes: small enough to be still in the processor's cache when it is put to the others.
const PIECE_BYTES: u64 = 256 << 10;

/// So many pieces are under way at once.
const AT_ONCE: usize = 4;

/// How often a file that changes is tried to be read.
const TRIES: usize = 3;

pub(super) async fn read_bytes(remote: &Remote, request: &ReadBytesRequest) -> Result<Content> {
    let mut request = request.clone();
    request.limit = request.limit.min(remote.client.most_answer());
    if request.limit <= SMALL_BYTES {
        return piece(remote, request, true).await;
    }
    for _ in 0..TRIES {
        let probe = request.clone().limit(SMALL_BYTES);
        let size = match piece(remote, probe, true).await {
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

/// Reads `size` bytes from `start` on. `None` is that the file is not the same any more.
async fn pieces(
    remote: &Remote,
    request: &ReadBytesRequest,
    start: u64,
    size: u64,
) -> Result<Option<Content>> {
    let _reservation = remote.client.reserve(size, "read_bytes").await?;
    let end = start.saturating_add(size);
    let ranges = stream::iter(ranges(start..end)).map(|range| {
        let length = range.end - range.start;
        let request = ReadBytesRequest::new(&request.path).range(range);
        async move { (length, piece(remote, request.limit(length), false).await) }
    });
    let mut ranges = std::pin::pin!(ranges.buffered(AT_ONCE));
    let mut whole = BytesMut::new();
    let mut first = None;
    while let Some((length, outcome)) = ranges.next().await {
        let piece = match outcome {
            Ok(piece) => piece,
            // It is shorter than it was.
            Err(Error::InvalidRequest { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is = (piece.version, piece.size);
        if *first.get_or_insert(is) != is || piece.bytes.len() as u64 != length {
            return Ok(None);
        }
        grow(&mut whole, size, piece.bytes.len());
        whole.extend_from_slice(&piece.bytes);
    }
    Ok(first.map(|(version, size)| Content::new(whole.freeze(), size, version)))
}

/// Cuts a range into those of pieces.
fn ranges(whole: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = whole.start;
    std::iter::from_fn(move || {
        let end = start.saturating_add(PIECE_BYTES).min(whole.end);
        let range = start..end;
        start = end;
        (!range.is_empty()).then_some(range)
    })
}

/// Reads what one answer can have, and has memory of its own set aside if it is `counted`.
async fn piece(remote: &Remote, request: ReadBytesRequest, counted: bool) -> Result<Content> {
    let body = match &request.range {
        Some(range) => request.limit.min(range.end.saturating_sub(range.start)),
        None => request.limit,
    };
    let call = Call {
        request: Request::ReadBytes(request),
        body,
        extra: Some(Duration::ZERO),
        urgent: false,
        counted,
    };
    remote.client.call(call).await
}
