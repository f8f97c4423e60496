//! The image formats that model APIs accept, by their first bytes.

/// Returns the media type of an image that can be shown.
pub(crate) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Some("image/jpeg");
    }
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return Some("image/gif");
    }
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    is_webp.then_some("image/webp")
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn the_four_formats_are_detected_by_their_first_bytes() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_type(b"GIF89a.."), Some("image/gif"));
        assert_eq!(media_type(b"RIFF\x01\0\0\0WEBPVP8 "), Some("image/webp"));
    }

    #[test]
    fn nothing_else_is_one_of_them() {
        for bytes in [&b""[..], b"RIFF\x01\0\0\0WAVE", b"II*\0", b"\x89PNG"] {
            assert_eq!(media_type(bytes), None, "{bytes:?}");
        }
    }
}
