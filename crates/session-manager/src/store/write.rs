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

/// What a write waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Nothing, for simulations: a power loss may leave an empty file.
    Nothing,
    /// The content, before it gets its name: after a power loss the file is the old or the new one, complete.
    Content,
    /// The content and its name: the new file is there after a power loss.
    Name,
}

/// Replaces the content of a file, accessible only to its owner. A concurrent reader, or one after a crash, sees the old or the
/// new content.
pub(super) fn replace(directory: &Path, name: &str, text: &[u8], flush: Flush) -> io::Result<()> {
    let temporary = directory.join(format!(".{name}.new"));
    // A crash may have left it. It is removed rather than overwritten, so that the mode is that of a new file.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = platform::create_private(&temporary)?;
    file.write_all(text)?;
    if flush != Flush::Nothing {
        file.sync_data()?;
        #[cfg(test)]
        FLUSHED.set(FLUSHED.get() + 1);
    }
    drop(file);
    fs::rename(&temporary, directory.join(name))?;
    if flush == Flush::Name {
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
thread_local! {
    /// How many files this thread has flushed. A test cannot cut the power.
    pub(super) static FLUSHED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}
