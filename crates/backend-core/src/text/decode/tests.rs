//! Decoding a whole file, and encoding it back.

use proptest::prelude::*;

use super::{Flaw, decode, encode};
use crate::Encoding;

#[test]
fn the_byte_order_mark_decides() {
    let check = |bytes: &[u8], encoding, text: &str| {
        assert_eq!(decode(bytes).unwrap(), (encoding, text.into()));
    };
    check(b"a", Encoding::Utf8, "a");
    check(b"\xef\xbb\xbfa", Encoding::Utf8Bom, "a");
    check(b"\xff\xfea\0", Encoding::Utf16Le, "a");
    check(b"\xfe\xff\0a", Encoding::Utf16Be, "a");
    check(b"\xff\xfe\x3d\xd8\x00\xde", Encoding::Utf16Le, "😀");
    check(b"\xff\xfe\xff\xfe", Encoding::Utf16Le, "\u{feff}");
}

#[test]
fn text_that_would_not_survive_the_round_trip_is_refused() {
    let cases: [(&[u8], Flaw); 9] = [
        (b"\xff\xfe\x00\xd8", Flaw::Malformed),
        (b"\xff\xfe\x00\xdca\0", Flaw::Malformed),
        (b"\xff\xfe\x00\xd8a\0", Flaw::Malformed),
        (b"\xff\xfea\0b", Flaw::Malformed),
        (b"\xff\xfe\0\0", Flaw::Nul),
        (b"\xed\xa0\x80", Flaw::Malformed),
        (b"a\xff", Flaw::Malformed),
        (b"a\0", Flaw::Nul),
        (b"\xef\xbb\xbf\0", Flaw::Nul),
    ];
    for (bytes, flaw) in cases {
        assert_eq!(decode(bytes), Err(flaw), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn decoded_text_encodes_to_the_same_bytes(
        units in proptest::collection::vec(prop_oneof![any::<u16>(), 0xd700_u16..0xe100, 1_u16..128], 0..20),
        big in any::<bool>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let to_bytes = if big { u16::to_be_bytes } else { u16::to_le_bytes };
        let mut utf16 = to_bytes(0xfeff).to_vec();
        utf16.extend(units.iter().copied().flat_map(to_bytes));
        let valid = !units.contains(&0) && String::from_utf16(&units).is_ok();
        prop_assert_eq!(decode(&utf16).is_ok(), valid);
        for bytes in [utf16, bytes] {
            if let Ok((encoding, text)) = decode(&bytes) {
                prop_assert_eq!(encode(encoding, text.into_owned()), bytes);
            }
        }
    }
}
