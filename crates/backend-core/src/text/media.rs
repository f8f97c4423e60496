//! A guess at the type of a file that is not text: by its first bytes, then by its name.
//!
//! It is used only in a message; no decision depends on it.

use super::decode::Flaw;
use crate::{Error, VirtualPath};

/// How many bytes from the start of a file are examined.
pub(super) const HEAD_BYTES: usize = 512;

/// The type when nothing is known.
const UNKNOWN: &str = "application/octet-stream";

/// Formats by their first bytes.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    (b"%PDF-", "application/pdf"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"\0asm", "application/wasm"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "application/x-ole-storage",
    ),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (b"wOF2", "font/woff2"),
    (b"wOFF", "font/woff"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"\x80\x04\x95", "application/x-python-pickle"),
    (b"\xff\xfe\0\0", "text/plain; charset=utf-32le"),
    (b"\0\0\xfe\xff", "text/plain; charset=utf-32be"),
    (b"\xff\xfe", "text/plain; charset=utf-16le"),
    (b"\xfe\xff", "text/plain; charset=utf-16be"),
];

/// Formats by bytes at another offset: the offset and the bytes.
const MAGIC_WITHIN: &[(usize, &[u8], &str)] = &[
    (257, b"ustar", "application/x-tar"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
];

/// Formats by the extension of the file's name.
const EXTENSIONS: &[(&str, &str)] = &[
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("epub", "application/epub+zip"),
    ("jar", "application/java-archive"),
    ("whl", "application/zip"),
    ("npz", "application/x-npz"),
    ("zip", "application/zip"),
    ("npy", "application/x-npy"),
    ("pkl", "application/x-python-pickle"),
    ("pyc", "application/x-python-bytecode"),
    ("parquet", "application/vnd.apache.parquet"),
    ("h5", "application/x-hdf5"),
    ("bmp", "image/bmp"),
    ("dll", "application/vnd.microsoft.portable-executable"),
    ("exe", "application/vnd.microsoft.portable-executable"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ttf", "font/ttf"),
    ("tar", "application/x-tar"),
    ("o", "application/x-object"),
    ("so", "application/x-sharedlib"),
];

/// Makes the error for a file that is not text.
pub(super) fn not_text(path: &VirtualPath, size: u64, head: &[u8], flaw: Flaw) -> Error {
    Error::NotText {
        path: path.clone(),
        size,
        media_type: guess(path, head, flaw).to_owned(),
    }
}

fn guess(path: &VirtualPath, head: &[u8], flaw: Flaw) -> &'static str {
    // Many formats are ZIP files, and only their name distinguishes them.
    if head.starts_with(b"PK\x03\x04") {
        return by_name(path).unwrap_or("application/zip");
    }
    by_magic(head)
        .or_else(|| by_name(path))
        .or_else(|| by_content(head, flaw))
        .unwrap_or(UNKNOWN)
}

fn by_magic(head: &[u8]) -> Option<&'static str> {
    let at_start = MAGIC
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|&(_, media_type)| media_type);
    at_start.or_else(|| {
        MAGIC_WITHIN
            .iter()
            .find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
            .map(|&(_, _, media_type)| media_type)
    })
}

fn by_name(path: &VirtualPath) -> Option<&'static str> {
    let (_, extension) = path.name()?.rsplit_once('.')?;
    EXTENSIONS
        .iter()
        .find(|(known, _)| extension.eq_ignore_ascii_case(known))
        .map(|&(_, media_type)| media_type)
}

/// Distinguishes text in another encoding from binary data.
fn by_content(head: &[u8], flaw: Flaw) -> Option<&'static str> {
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    match flaw {
        Flaw::Malformed => {
            (!head.is_empty() && !head.iter().any(control)).then_some("text/plain; charset=unknown")
        }
        Flaw::Nul => {
            let (even, odd): (Vec<_>, Vec<_>) = head
                .chunks_exact(2)
                .map(|pair| (pair.first(), pair.last()))
                .unzip();
            let nul =
                |bytes: &[Option<&u8>]| bytes.iter().filter(|byte| **byte == Some(&0)).count();
            let (high, low) = (nul(&odd), nul(&even));
            let most = head.len() / 2 * 3 / 4;
            if most > 0 && high >= most && low == 0 {
                Some("text/plain; charset=utf-16le")
            } else if most > 0 && low >= most && high == 0 {
                Some("text/plain; charset=utf-16be")
            } else {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Flaw, UNKNOWN, guess};
    use crate::VirtualPath;

    #[track_caller]
    fn check(name: &str, head: &[u8], flaw: Flaw, want: &str) {
        assert_eq!(guess(&VirtualPath::parse(name).unwrap(), head, flaw), want);
    }

    #[test]
    fn the_first_bytes_decide_before_the_name() {
        check("/a.zip", b"\x89PNG\r\n\x1a\n\0", Flaw::Nul, "image/png");
        check("/a", b"RIFF\x10\0\0\0WEBPVP8 ", Flaw::Nul, "image/webp");
        check("/a.txt", b"\x7fELF\x02\x01", Flaw::Nul, "application/x-elf");
        check(
            "/a",
            b"SQLite format 3\0",
            Flaw::Nul,
            "application/vnd.sqlite3",
        );
        check("/a", b"\x1f\x8b\x08\0", Flaw::Nul, "application/gzip");
        check("/a", b"%PDF-1.7\n%\xe2", Flaw::Malformed, "application/pdf");
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        check("/a", &tar, Flaw::Nul, "application/x-tar");
    }

    #[test]
    fn a_zip_file_is_what_its_name_says() {
        check("/a", b"PK\x03\x04", Flaw::Nul, "application/zip");
        check(
            "/a.JAR",
            b"PK\x03\x04",
            Flaw::Nul,
            "application/java-archive",
        );
    }

    #[test]
    fn the_name_helps_where_the_bytes_do_not() {
        check(
            "/dir.npy/a.pyc",
            b"\0\x01",
            Flaw::Nul,
            "application/x-python-bytecode",
        );
        check("/a", b"\0\x01", Flaw::Nul, UNKNOWN);
        check("/a.", b"", Flaw::Nul, UNKNOWN);
    }

    #[test]
    fn text_in_another_encoding_looks_like_text() {
        check(
            "/a.txt",
            b"caf\xe9\n",
            Flaw::Malformed,
            "text/plain; charset=unknown",
        );
        check("/a.txt", b"\x01\x02\xe9\n", Flaw::Malformed, UNKNOWN);
        check(
            "/a.txt",
            b"h\0i\0\n\0",
            Flaw::Nul,
            "text/plain; charset=utf-16le",
        );
        check(
            "/a.txt",
            b"\0h\0i\0\n",
            Flaw::Nul,
            "text/plain; charset=utf-16be",
        );
        check(
            "/a.txt",
            b"\xff\xfeh\0\x00\xd8",
            Flaw::Malformed,
            "text/plain; charset=utf-16le",
        );
    }
}
