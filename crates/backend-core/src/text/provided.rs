//! Reads and edits for backends that have only `read_bytes` and `write`.

use crate::text::{MAX_EDIT_BYTES, Scan, WindowScanner, apply_edits};
use crate::{
    Backend, EditRequest, Edited, Error, ErrorKind, ReadBytesRequest, ReadRequest, Result,
    StatRequest, TextPage, WriteMode, WriteRequest,
};

/// How much of a file is requested at a time.
const CHUNK_BYTES: u64 = 1 << 20;

/// How often an edit is tried when other writers win.
const MAX_EDIT_TRIES: usize = 16;

/// How often a read is tried when the file changes between two pieces.
const MAX_READ_TRIES: usize = 4;

/// Reads a window piece by piece, all pieces of the same version.
pub(crate) async fn read_by_pieces<B>(backend: &B, request: &ReadRequest) -> Result<TextPage>
where
    B: Backend + ?Sized,
{
    for _ in 0..MAX_READ_TRIES {
        if let Some(page) = try_read(backend, request).await? {
            return Ok(page);
        }
    }
    Err(Error::conflict(
        &request.path,
        "the file changes faster than it can be read",
        None,
    ))
}

/// Returns `None` if the file changed between two pieces.
async fn try_read<B>(backend: &B, request: &ReadRequest) -> Result<Option<TextPage>>
where
    B: Backend + ?Sized,
{
    let piece = |start: u64| {
        ReadBytesRequest::new(&request.path).range(start..start.saturating_add(CHUNK_BYTES))
    };
    let mut content = backend.read_bytes_with(&piece(0)).await?;
    let (version, size) = (content.version, content.size);
    let mut scanner = WindowScanner::new(request, size, version)?;
    let mut taken = 0;
    loop {
        taken += content.bytes.len() as u64;
        let scan = scanner.push(&content.bytes)?;
        if scan == Scan::Done || taken >= size {
            return scanner.finish().map(Some);
        }
        content = match backend.read_bytes_with(&piece(taken)).await {
            Ok(content) => content,
            // A file that shrank has no bytes where the next piece should start.
            Err(error) if error.kind() == ErrorKind::InvalidRequest => return Ok(None),
            Err(error) => return Err(error),
        };
        if content.version != version || content.bytes.is_empty() {
            return Ok(None);
        }
    }
}

/// Edits by comparing versions: read, apply, write if there was no other write in between.
pub(crate) async fn edit_by_versions<B>(backend: &B, request: &EditRequest) -> Result<Edited>
where
    B: Backend + ?Sized,
{
    if !request.dry_run && backend.capabilities().read_only {
        return Err(Error::permission_denied(
            &request.path,
            "the backend is read-only",
        ));
    }
    let read = ReadBytesRequest::new(&request.path).limit(MAX_EDIT_BYTES);
    for _ in 0..MAX_EDIT_TRIES {
        let content = backend.read_bytes_with(&read).await?;
        if request
            .expected
            .is_some_and(|expected| expected != content.version)
        {
            return Err(stale(request, content.version));
        }
        let applied = apply_edits(&request.path, &content.bytes, &request.edits)?;
        let version = if request.dry_run {
            content.version
        } else {
            let write = WriteRequest::new(&request.path, applied.bytes)
                .mode(WriteMode::IfVersion(content.version));
            match backend.write_with(&write).await {
                Ok(written) => written.version,
                Err(error) if error.kind() == ErrorKind::Conflict => continue,
                Err(error) => return Err(error),
            }
        };
        return Ok(Edited::new(
            applied.replacements,
            version,
            applied.diff,
            applied.diff_cut,
        ));
    }
    let current = backend
        .stat_with(&StatRequest::new(&request.path))
        .await?
        .version;
    Err(Error::conflict(
        &request.path,
        "lost the race to other writers",
        current,
    ))
}

fn stale(request: &EditRequest, current: crate::Version) -> Error {
    Error::conflict(
        &request.path,
        "the file changed since it was read",
        Some(current),
    )
}
