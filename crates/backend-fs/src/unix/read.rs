//! `read`: a window of lines, from a stream of pieces.

use std::fs::File;
use std::io::{self, Read};

use backend_core::text::{Scan, WindowScanner};
use backend_core::{Error, ReadRequest, Result, TextPage, VirtualPath};
use rustix::buffer::spare_capacity;
use rustix::io::{pread, retry_on_intr};

use super::fault::Fault;
use super::meta::Meta;
use super::names;
use super::open::Opened;
use super::root::Root;

/// How much is read at a time.
const CHUNK_BYTES: u64 = 256 << 10;

/// How much is read from a kernel file, which reports no size. They are small.
pub(crate) const UNSIZED_BYTES: u64 = 16 << 20;

impl Root {
    pub(crate) fn read(&self, request: &ReadRequest) -> Result<TextPage> {
        let path = &request.path;
        names::check(path)?;
        self.read_stable(path, |opened| {
            if opened.meta.size() > 0 {
                return scan(request, opened);
            }
            let content = read_unsized(&mut opened.file)?;
            if content.len() as u64 > UNSIZED_BYTES {
                return Err(Fault::Error(Error::TooLarge {
                    path: path.clone(),
                    size: content.len() as u64,
                    limit: UNSIZED_BYTES,
                }));
            }
            let size = content.len() as u64;
            let mut scanner = WindowScanner::new(request, size, opened.meta.version())?;
            if !content.is_empty() {
                scanner.push(&content)?;
            }
            Ok(scanner.finish()?)
        })
    }

    /// Reads from a file that a path leads to, retrying if it was overwritten meanwhile. Writers of this crate
    /// never overwrite: they put a new file in its place.
    pub(crate) fn read_stable<T>(
        &self,
        path: &VirtualPath,
        mut read: impl FnMut(&mut Opened) -> Result<T, Fault>,
    ) -> Result<T> {
        const MAX_TRIES: usize = 4;
        let mut tries = 0;
        self.retry_races(path, || {
            tries += 1;
            let mut opened = self.open_file(path)?;
            let outcome = read(&mut opened);
            let overwritten = opened.meta.was_overwritten(&Meta::of(&opened.file)?);
            // A file that never stops changing is read as it is, with an earlier version, which is stale.
            if overwritten && tries < MAX_TRIES {
                return Err(Fault::Conflict);
            }
            outcome
        })
    }
}

/// Passes the file to a scanner, piece by piece, up to its length when it was opened.
fn scan(request: &ReadRequest, opened: &Opened) -> Result<TextPage, Fault> {
    let size = opened.meta.size();
    let mut scanner = WindowScanner::new(request, size, opened.meta.version())?;
    let mut piece = Vec::new();
    let mut at = 0;
    while at < size {
        piece.clear();
        fill(&opened.file, at, (size - at).min(CHUNK_BYTES), &mut piece)?;
        if piece.is_empty() || scanner.push(&piece)? == Scan::Done {
            break;
        }
        at += piece.len() as u64;
    }
    Ok(scanner.finish()?)
}

/// Appends what the file has from `at` on, `length` bytes or as many as there are.
pub(crate) fn fill(file: &File, at: u64, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
    // Some kernel files report a size far larger than their content.
    const MAX_ROOM: u64 = 1 << 30;
    let mut left = length;
    while left > 0 {
        let room = usize::try_from(left.min(MAX_ROOM)).unwrap_or(usize::MAX);
        into.try_reserve_exact(room)?;
        // Straight into the spare capacity: zeroing it first would cost as much as the read.
        let offset = at + (length - left);
        let got = retry_on_intr(|| pread(file, spare_capacity(into), offset))?;
        if got == 0 {
            break;
        }
        if got as u64 > left {
            // The capacity can be larger than requested.
            let surplus = usize::try_from(got as u64 - left).unwrap_or_default();
            into.truncate(into.len() - surplus);
            break;
        }
        left -= got as u64;
    }
    Ok(())
}

/// Reads a file that has a size of 0: an empty one, or one that the kernel generates while it is read.
pub(crate) fn read_unsized(file: &mut File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(UNSIZED_BYTES + 1).read_to_end(&mut content)?;
    Ok(content)
}
