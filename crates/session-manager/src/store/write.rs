//! Records on disk: read whole, replaced atomically.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::platform;

/// Reads a regular file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = platform::open_regular(path)?;
    let mut text = Vec::new();
    file.take(limit + 1).read_to_end(&mut text)?;
    if text.len() as u64 > limit {
        return Err(io::Error::other("it is too large"));
    }
    Ok(text)
}

/// Replaces the content of a file, accessible only to its owner. A concurrent reader, or one after a crash, sees the old or the
/// new content.
pub(super) fn replace(directory: &Path, name: &str, text: &[u8], fsync: bool) -> io::Result<()> {
    let temporary = directory.join(format!(".{name}.new"));
    // A crash may have left it. It is removed rather than overwritten, so that the mode is that of a new file.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = platform::create_private(&temporary)?;
    file.write_all(text)?;
    if fsync {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&temporary, directory.join(name))?;
    if fsync {
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}
