//! Values as MessagePack: maps with field names, so that one side can know fewer fields than the other.
//!
//! Values from the other side are checked before serde sees them, so that no nesting and no number of elements makes a
//! decoder use more stack or memory than the limits allow.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How deep values may be nested. Ours stay below 16.
const MAX_DEPTH: usize = 32;

/// Why a value cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CodecError {
    #[error("it ends too early")]
    Short,
    #[error("something follows it")]
    Trailing,
    #[error("it has more than {0} elements")]
    TooMany(u64),
    #[error("it is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("it contains a reserved byte")]
    Reserved,
    #[error("{0}")]
    Encode(#[from] rmp_serde::encode::Error),
    #[error("{0}")]
    Decode(#[from] rmp_serde::decode::Error),
}

/// Returns the bytes of a value.
pub(super) fn encode(value: &impl Serialize) -> Result<Bytes, CodecError> {
    Ok(rmp_serde::to_vec_named(value)?.into())
}

/// Decodes a value from bytes, which must contain nothing else.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], elements: u64) -> Result<T, CodecError> {
    check(bytes, elements)?;
    let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
    // Twice, because a tagged enum is kept and decoded a second time.
    decoder.set_max_depth(2 * MAX_DEPTH);
    Ok(T::deserialize(&mut decoder)?)
}

/// Checks that the bytes are exactly one value, not nested too deeply, with at most `elements` elements in all.
pub(super) fn check(bytes: &[u8], elements: u64) -> Result<(), CodecError> {
    let mut rest = bytes;
    let mut count = 0_u64;
    // The number of values still to come on each level.
    let mut open = vec![1_u64];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        count += 1;
        if count > elements {
            return Err(CodecError::TooMany(elements));
        }
        let (inside, after) = value(rest)?;
        rest = after;
        if inside > 0 {
            // Each value takes at least a byte.
            if inside > rest.len() as u64 {
                return Err(CodecError::Short);
            }
            if open.len() == MAX_DEPTH {
                return Err(CodecError::TooDeep);
            }
            open.push(inside);
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(CodecError::Trailing)
    }
}

/// Takes the head of a value including its own bytes, and returns how many values it contains and the bytes after it.
fn value(bytes: &[u8]) -> Result<(u64, &[u8]), CodecError> {
    let (&marker, rest) = bytes.split_first().ok_or(CodecError::Short)?;
    let (inside, own, rest) = match marker {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => (0, 0, rest),
        0x80..=0x8f => (2 * u64::from(marker & 0x0f), 0, rest),
        0x90..=0x9f => (u64::from(marker & 0x0f), 0, rest),
        0xa0..=0xbf => (0, u64::from(marker & 0x1f), rest),
        0xc1 => return Err(CodecError::Reserved),
        0xc4 | 0xd9 => length(rest, 1, |n| (0, n))?,
        0xc5 | 0xda => length(rest, 2, |n| (0, n))?,
        0xc6 | 0xdb => length(rest, 4, |n| (0, n))?,
        0xc7 => length(rest, 1, |n| (0, n + 1))?,
        0xc8 => length(rest, 2, |n| (0, n + 1))?,
        0xc9 => length(rest, 4, |n| (0, n + 1))?,
        0xcc | 0xd0 => (0, 1, rest),
        0xcd | 0xd1 => (0, 2, rest),
        0xca | 0xce | 0xd2 => (0, 4, rest),
        0xcb | 0xcf | 0xd3 => (0, 8, rest),
        0xd4..=0xd8 => (0, 1 + (1 << (marker - 0xd4)), rest),
        0xdc => length(rest, 2, |n| (n, 0))?,
        0xdd => length(rest, 4, |n| (n, 0))?,
        0xde => length(rest, 2, |n| (2 * n, 0))?,
        0xdf => length(rest, 4, |n| (2 * n, 0))?,
    };
    let own = usize::try_from(own).map_err(|_| CodecError::Short)?;
    let (_, rest) = rest.split_at_checked(own).ok_or(CodecError::Short)?;
    Ok((inside, rest))
}

/// Takes a length of `width` bytes, and returns the result of `shape` for it and the bytes after it.
fn length(
    bytes: &[u8],
    width: usize,
    shape: impl Fn(u64) -> (u64, u64),
) -> Result<(u64, u64, &[u8]), CodecError> {
    let (digits, rest) = bytes.split_at_checked(width).ok_or(CodecError::Short)?;
    let number = digits
        .iter()
        .fold(0, |number, digit| number << 8 | u64::from(*digit));
    let (inside, own) = shape(number);
    Ok((inside, own, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CodecError, check, decode, encode};
    use crate::{Error, GrepRequest, ReadRequest, VirtualPath};

    #[test]
    fn every_shape_of_messagepack_is_walked() {
        let path = VirtualPath::parse("/a").unwrap();
        let values = [
            encode(&(1_u8, -1_i8, 300_u16, -300_i16, 70_000_u32, -70_000_i32)).unwrap(),
            encode(&(u64::MAX, i64::MIN, 1.5_f32, 2.5_f64, (), true, Some(false))).unwrap(),
            encode(&[
                "a".repeat(20),
                "b".repeat(200),
                "c".repeat(300),
                "d".repeat(70_000),
            ])
            .unwrap(),
            encode(&vec![0_u8; 70_000]).unwrap(),
            encode(&bytes::Bytes::from(vec![0_u8; 70_000])).unwrap(),
            encode(&GrepRequest::new("x")).unwrap(),
            encode(&Error::not_found(&path)).unwrap(),
        ];
        for value in values {
            check(&value, 1 << 20).unwrap();
            assert!(matches!(
                check(&value[..value.len() - 1], 1 << 20),
                Err(CodecError::Short)
            ));
            let longer = [&value[..], &[0]].concat();
            assert!(matches!(check(&longer, 1 << 20), Err(CodecError::Trailing)));
        }
        for ext in [
            &[0xd4, 1, 0][..],
            &[0xc7, 1, 5, 0],
            &[0xd8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            check(ext, 1).unwrap();
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_decoded() {
        let deep = [vec![0x91; 1000], vec![0xc0]].concat();
        assert!(matches!(check(&deep, 1 << 20), Err(CodecError::TooDeep)));
        let wide = [vec![0xdd, 0xff, 0xff, 0xff, 0xff], vec![0xc0; 10]].concat();
        assert!(matches!(check(&wide, 1 << 20), Err(CodecError::Short)));
        let many = [vec![0xdc, 0x03, 0xe8], vec![0xa0; 1000]].concat();
        assert!(matches!(check(&many, 1000), Err(CodecError::TooMany(1000))));
        check(&many, 1001).unwrap();
        assert!(matches!(check(&[0xc1], 10), Err(CodecError::Reserved)));
        assert!(matches!(check(&[], 10), Err(CodecError::Short)));
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let request = decode::<ReadRequest>(&encode(&Newer::default()).unwrap(), 100).unwrap();
        assert_eq!(request.limit, 3);
    }

    #[derive(serde::Serialize)]
    struct Newer {
        path: &'static str,
        colour: Vec<u8>,
        offset: u64,
        limit: u64,
        line_bytes: u64,
        page_bytes: u64,
    }

    impl Default for Newer {
        fn default() -> Self {
            Self {
                path: "/a",
                colour: vec![1, 2],
                offset: 0,
                limit: 3,
                line_bytes: 4,
                page_bytes: 5,
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_panic_and_checked_bytes_are_never_refused_for_their_shape(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            if check(&bytes, 1 << 20).is_ok() {
                let _ = decode::<Error>(&bytes, 1 << 20);
                decode::<serde::de::IgnoredAny>(&bytes, 1 << 20).unwrap();
            }
        }
    }
}
