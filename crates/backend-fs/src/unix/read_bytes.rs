//! `read_bytes`: a file, or a range of it.

use backend_core::{Content, ReadBytesRequest, Result};
use bytes::Bytes;

use super::fault::Fault;
use super::names;
use super::open::Opened;
use super::read::{fill, read_unsized};
use super::root::Root;

impl Root {
    pub(crate) fn read_bytes(&self, request: &ReadBytesRequest) -> Result<Content> {
        names::check(&request.path)?;
        self.read_stable(&request.path, |opened| {
            if opened.meta.size() > 0 {
                part(request, opened)
            } else {
                part_of_unsized(request, opened)
            }
        })
    }
}

fn part(request: &ReadBytesRequest, opened: &Opened) -> Result<Content, Fault> {
    let size = opened.meta.size();
    let range = request.resolve(size)?;
    let mut bytes = Vec::new();
    fill(
        &opened.file,
        range.start,
        range.end - range.start,
        &mut bytes,
    )?;
    Ok(Content::new(bytes.into(), size, opened.meta.version()))
}

/// The range of a file whose size is known only after it was read.
fn part_of_unsized(request: &ReadBytesRequest, opened: &mut Opened) -> Result<Content, Fault> {
    let content = Bytes::from(read_unsized(&mut opened.file)?);
    let size = content.len() as u64;
    let range = request.resolve(size)?;
    let index = |at: u64| usize::try_from(at).unwrap_or(content.len());
    let bytes = content.slice(index(range.start)..index(range.end));
    Ok(Content::new(bytes, size, opened.meta.version()))
}
