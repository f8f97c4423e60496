//! Several files in one request, or in as few as the limits allow.

use super::super::client::Client;
use super::super::request::Request;
use super::Remote;
use crate::{Error, ReadRequest, Result, TextPage, WriteRequest, Written};

/// The content sent with one request for several files, so that the other side need not hold more at once.
const BATCH_BYTES: u64 = 8 << 20;

/// The maximum number of files in one request.
const BATCH_FILES: usize = 256;

/// The maximum overhead of a file in a message, in addition to its content: its path and the fields.
const FIELDS_BYTES: u64 = 8 << 10;

/// Rejects a write that the other side would not accept.
pub(super) fn fits(client: &Client, request: &WriteRequest) -> Result<()> {
    let (size, limit) = (request.content.len() as u64, client.max_request_body());
    if size <= limit {
        return Ok(());
    }
    let path = request.path.clone();
    Err(Error::TooLarge { path, size, limit })
}

pub(super) async fn read_many(remote: &Remote, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
    let most = remote.client.max_message() / 2;
    let weight = |request: &ReadRequest| {
        let page = u64::try_from(request.page_bytes).unwrap_or(u64::MAX);
        page.saturating_add(FIELDS_BYTES)
    };
    let mut outcomes = Vec::with_capacity(requests.len());
    for batch in batches(requests, most, weight) {
        let answer = remote.call(Request::ReadMany(batch.to_vec())).await;
        outcomes.extend(each(answer, batch.len()));
    }
    outcomes
}

pub(super) async fn write_many(remote: &Remote, requests: &[WriteRequest]) -> Vec<Result<Written>> {
    let most = BATCH_BYTES.min(remote.client.max_request_body());
    let weight =
        |request: &WriteRequest| (request.content.len() as u64).saturating_add(FIELDS_BYTES);
    let mut outcomes = Vec::with_capacity(requests.len());
    for batch in batches(requests, most, weight) {
        let answer = match batch {
            [alone] => {
                outcomes.push(crate::Backend::write_with(remote, alone).await);
                continue;
            }
            several => remote.call(Request::WriteMany(several.to_vec())).await,
        };
        outcomes.extend(each(answer, batch.len()));
    }
    outcomes
}

/// Returns an outcome for each file of a batch.
fn each<T>(answer: Result<Vec<Result<T>>>, count: usize) -> Vec<Result<T>> {
    let error = match answer {
        Ok(outcomes) if outcomes.len() == count => return outcomes,
        Ok(_) => Error::unavailable("the other side answered for a different number of files"),
        Err(error) => error,
    };
    (0..count).map(|_| Err(error.clone())).collect()
}

/// Cuts a list into parts whose weight is at most `most`, unless a single item exceeds it.
fn batches<T>(mut rest: &[T], most: u64, weight: impl Fn(&T) -> u64) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let mut sum = 0_u64;
        let to_usize = rest
            .iter()
            .take(BATCH_FILES)
            .take_while(|item| {
                sum = sum.saturating_add(weight(item));
                sum <= most
            })
            .count();
        let (batch, after) = rest.split_at_checked(to_usize.max(1))?;
        rest = after;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn batches_keep_order_and_weight() {
        let items = [3, 3, 3, 20, 1, 1];
        let cut: Vec<&[u64]> = batches(&items, 8, |item| *item).collect();
        assert_eq!(cut, [&[3, 3][..], &[3], &[20], &[1, 1]]);
        assert_eq!(batches(&[1_u64; 600], 1 << 20, |item| *item).count(), 3);
        assert_eq!(batches(&[] as &[u64], 8, |item| *item).count(), 0);
    }
}
