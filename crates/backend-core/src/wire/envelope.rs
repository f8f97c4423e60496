//! A value with the lengths of its raw parts: messages are assembled from it and taken apart into it.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bulk::Bulk;
use super::codec::{self, CodecError};
use super::hello::Offer;
use super::message::Message;
use crate::{Error, Result};

/// The encoding of a value: next to it, the lengths of the raw parts that follow it.
#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<u64>,
    value: T,
}

/// Makes the message of a request.
pub(super) fn pack<T: Serialize + Bulk>(mut value: T, theirs: &Offer) -> Result<Message> {
    let mut body = Vec::new();
    value.detach(&mut body);
    finish(value, body, theirs, "the request", "send less at once")
}

/// Makes the message of an outcome.
pub(super) fn pack_outcome<T: Serialize + Bulk>(
    outcome: Result<T>,
    theirs: &Offer,
) -> Result<Message> {
    let mut body = Vec::new();
    let outcome = outcome.map(|mut value| {
        value.detach(&mut body);
        value
    });
    finish(outcome, body, theirs, "the answer", "ask for less at once")
}

fn finish<T: Serialize>(
    value: T,
    body: Vec<Bytes>,
    theirs: &Offer,
    what: &str,
    advice: &str,
) -> Result<Message> {
    let parts = body.iter().map(|part| part.len() as u64).collect();
    let value = codec::encode(&Envelope { parts, value })
        .map_err(|error| Error::internal_from(None, format!("cannot encode {what}"), error))?;
    let message = Message { value, body };
    let refuse = |size: u64, unit: &str, limit: u64| {
        let message =
            format!("{what} has {size} {unit}, but at most {limit} can be sent: {advice}");
        Err(Error::invalid_request(message))
    };
    let (length, limit) = (message.value.len() as u64, u64::from(theirs.message));
    if length > limit {
        return refuse(length, "bytes", limit);
    }
    if message.body_len() > theirs.body {
        return refuse(message.body_len(), "bytes", theirs.body);
    }
    // An element takes at least a byte, so most messages need no count.
    if length > theirs.elements && codec::check(&message.value, theirs.elements).is_err() {
        return refuse(length, "bytes in too many elements", theirs.elements);
    }
    Ok(message)
}

/// Why a message cannot be taken apart.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("its parts do not fit its body")]
    Parts,
}

/// Takes a request out of a message.
pub(super) fn unpack<T: DeserializeOwned + Bulk>(
    value: &[u8],
    body: Bytes,
    elements: u64,
) -> Result<T, UnpackError> {
    let mut envelope: Envelope<T> = codec::decode(value, elements)?;
    attach(&mut envelope.value, &envelope.parts, body)?;
    Ok(envelope.value)
}

/// Takes an outcome out of a message.
pub(super) fn unpack_outcome<T: DeserializeOwned + Bulk>(
    value: &[u8],
    body: Bytes,
    elements: u64,
) -> Result<Result<T>, UnpackError> {
    let mut envelope: Envelope<Result<T>> = codec::decode(value, elements)?;
    match &mut envelope.value {
        Ok(value) => attach(value, &envelope.parts, body)?,
        Err(_) => attach(&mut (), &envelope.parts, body)?,
    }
    Ok(envelope.value)
}

/// Takes an outcome out of a message whose `body` raw bytes are a single part and stored elsewhere.
pub(super) fn unpack_placed<T: DeserializeOwned>(
    value: &[u8],
    body: usize,
    elements: u64,
) -> Result<Result<T>, UnpackError> {
    let envelope: Envelope<Result<T>> = codec::decode(value, elements)?;
    match (&envelope.value, &envelope.parts[..]) {
        (Ok(_), [part]) if *part == body as u64 => Ok(envelope.value),
        (Err(_), []) if body == 0 => Ok(envelope.value),
        _ => Err(UnpackError::Parts),
    }
}

fn attach(value: &mut impl Bulk, lengths: &[u64], mut body: Bytes) -> Result<(), UnpackError> {
    let whole = body.len();
    let mut parts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let length = usize::try_from(*length)
            .ok()
            .filter(|length| *length <= body.len())
            .ok_or(UnpackError::Parts)?;
        let part = body.split_to(length);
        // Otherwise a caller that keeps a small part would keep the whole body alive.
        parts.push(if length < whole / 2 {
            Bytes::copy_from_slice(&part)
        } else {
            part
        });
    }
    let mut parts = parts.into_iter();
    let attached = value.attach(&mut parts);
    match (attached, parts.next(), body.is_empty()) {
        (Some(()), None, true) => Ok(()),
        _ => Err(UnpackError::Parts),
    }
}
