//! Files of any size, piece by piece, in memory that does not depend on their size.

use std::ops::Range;

use backend_core::{Backend, Encoding, Error, ReadBytesRequest, ReadRequest, Version, VirtualPath};

use super::printer::Printer;
use crate::failure::Result;
use crate::out::Out;
use crate::parse::Lines;

/// How many bytes are read at a time.
const CHUNK_BYTES: u64 = 4 << 20;

/// How many bytes of one line are shown when lines are numbered.
const LINE_BYTES: usize = 4 << 20;

/// Prints bytes unchanged.
///
/// # Errors
///
/// Those of the backend, and a `conflict` if the file changes while it is read.
pub(super) async fn bytes(
    backend: &dyn Backend,
    path: &VirtualPath,
    range: Range<u64>,
    out: &mut Out,
) -> Result<()> {
    let mut pieces = Pieces::new(backend, path, range);
    while let Some(piece) = pieces.next().await? {
        out.bytes(&piece)?;
    }
    Ok(())
}

/// Prints lines of a text file.
///
/// # Errors
///
/// Those of the backend, and a `conflict` if the file changes while it is read.
pub(super) async fn text(
    backend: &dyn Backend,
    path: &VirtualPath,
    lines: Lines,
    printer: &mut Printer<'_>,
) -> Result<()> {
    // It shows whether the file is text, and its encoding.
    let first = ReadRequest::new(path).limit(1).line_bytes(1).page_bytes(1);
    let first = backend.read_with(&first).await?;
    match first.encoding {
        Encoding::Utf8 | Encoding::Utf8Bom if lines.first == 1 => {
            let mark = if first.encoding == Encoding::Utf8 {
                0
            } else {
                3
            };
            let mut pieces = Pieces::new(backend, path, mark..u64::MAX);
            pieces.version = Some(first.version);
            utf8(&mut pieces, printer).await
        }
        _ => by_number(backend, path, lines, first.version, printer).await,
    }
}

async fn utf8(pieces: &mut Pieces<'_>, printer: &mut Printer<'_>) -> Result<()> {
    let mut left: Vec<u8> = Vec::new();
    while !printer.is_done() {
        let Some(piece) = pieces.next().await? else {
            break;
        };
        // Only the incomplete character from before is copied, with the piece that completes it.
        let whole = if left.is_empty() {
            piece
        } else {
            left.extend_from_slice(&piece);
            std::mem::take(&mut left).into()
        };
        let (text, rest) = match std::str::from_utf8(&whole) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_none() => {
                let (valid, rest) = whole.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), rest)
            }
            Err(_) => return Err(pieces.not_text().into()),
        };
        if text.contains('\0') {
            return Err(pieces.not_text().into());
        }
        printer.push(text)?;
        left = rest.to_vec();
    }
    if left.is_empty() || printer.is_done() {
        Ok(())
    } else {
        Err(pieces.not_text().into())
    }
}

async fn by_number(
    backend: &dyn Backend,
    path: &VirtualPath,
    lines: Lines,
    version: Version,
    printer: &mut Printer<'_>,
) -> Result<()> {
    let mut offset = lines.first - 1;
    loop {
        let wanted = lines.last.map_or(u64::MAX, |last| last - offset);
        let request = ReadRequest::new(path)
            .offset(offset)
            .limit(usize::try_from(wanted).unwrap_or(usize::MAX))
            .line_bytes(LINE_BYTES)
            .page_bytes(LINE_BYTES);
        let page = backend.read_with(&request).await?;
        check(path, version, page.version)?;
        printer.push(&page.text)?;
        for cut in &page.cut_lines {
            if !page.text.ends_with('\n') {
                printer.push("\n")?;
            }
            printer.warning(format_args!(
                "{path}: line {} is cut: it has {} bytes",
                cut.line, cut.bytes
            ));
        }
        match page.next_offset {
            Some(next) if !printer.is_done() => offset = next,
            _ => return Ok(()),
        }
    }
}

/// A file in pieces of one and the same version.
struct Pieces<'a> {
    backend: &'a dyn Backend,
    path: &'a VirtualPath,
    range: Range<u64>,
    version: Option<Version>,
    size: u64,
    started: bool,
}

impl<'a> Pieces<'a> {
    fn new(backend: &'a dyn Backend, path: &'a VirtualPath, range: Range<u64>) -> Self {
        Self {
            backend,
            path,
            range,
            version: None,
            size: 0,
            started: false,
        }
    }

    async fn next(&mut self) -> Result<Option<bytes::Bytes>> {
        let Range { start, end } = self.range.clone();
        if self.started && start >= end {
            return Ok(None);
        }
        let until = end.min(start.saturating_add(CHUNK_BYTES));
        let request = ReadBytesRequest::new(self.path).range(start..until);
        let content = self.backend.read_bytes_with(&request).await?;
        check(
            self.path,
            self.version.unwrap_or(content.version),
            content.version,
        )?;
        self.version = Some(content.version);
        self.size = content.size;
        self.range = start + content.bytes.len() as u64..end.min(content.size);
        self.started = true;
        Ok((!content.bytes.is_empty()).then_some(content.bytes))
    }

    fn not_text(&self) -> Error {
        Error::NotText {
            path: self.path.clone(),
            size: self.size,
            media_type: "application/octet-stream".to_owned(),
        }
    }
}

fn check(path: &VirtualPath, before: Version, now: Version) -> Result<(), Error> {
    if before == now {
        return Ok(());
    }
    let reason = "the file changed while it was read";
    Err(Error::conflict(path, reason, Some(now)))
}
