//! Packs a directory of this machine as an archive. Links are packed as links, and never followed.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Copied;
use super::pipe::PipeWriter;

/// Packs the contents of a directory with the given owner. It blocks.
pub(super) fn pack(
    directory: &Path,
    owner: (u32, u32),
    sender: mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Copied> {
    let error_sender = sender.clone();
    let packed = write(directory, owner, PipeWriter::new(sender));
    if packed.is_err() {
        // A truncated archive would be taken for a complete one.
        let _ = error_sender.blocking_send(Err(io::ErrorKind::UnexpectedEof.into()));
    }
    packed
}

fn write(directory: &Path, owner: (u32, u32), writer: impl Write) -> io::Result<Copied> {
    let mut archive = tar::Builder::new(writer);
    let mut copied = Copied::default();
    let mut directories = vec![directory.to_owned()];
    while let Some(current) = directories.pop() {
        for entry in fs::read_dir(&current)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            let name = path.strip_prefix(directory).map_err(io::Error::other)?;
            let mut header = header(&metadata, owner);
            if metadata.is_dir() {
                archive.append_data(&mut header, name, io::empty())?;
                directories.push(path);
            } else if metadata.is_symlink() {
                archive.append_link(&mut header, name, fs::read_link(&path)?)?;
            } else if metadata.is_file() {
                let content = Exactly {
                    inner: File::open(&path)?.take(metadata.len()),
                };
                archive.append_data(&mut header, name, content)?;
                copied.files += 1;
                copied.bytes += metadata.len();
            } else {
                copied.skipped += 1;
            }
        }
    }
    archive.into_inner()?.flush()?;
    Ok(copied)
}

fn header(metadata: &Metadata, (user, group): (u32, u32)) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(metadata);
    header.set_uid(u64::from(user));
    header.set_gid(u64::from(group));
    let _ = header.set_username("");
    let _ = header.set_groupname("");
    header
}

/// A file with the length from its metadata: if it shrinks meanwhile it is padded with zeros, because the archive declares the
/// length in advance.
struct Exactly {
    inner: io::Take<File>,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer)? {
            0 => {
                let left = usize::try_from(self.inner.limit()).unwrap_or(usize::MAX);
                let length = left.min(buffer.len());
                buffer.get_mut(..length).unwrap_or_default().fill(0);
                self.inner.set_limit(self.inner.limit() - length as u64);
                Ok(length)
            }
            length => Ok(length),
        }
    }
}
