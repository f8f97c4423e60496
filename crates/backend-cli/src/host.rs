//! Files and streams of this machine from which a command reads content.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Reads a file, or the standard input for `-`.
///
/// # Errors
///
/// `Host`.
///
/// # Cancellation
///
/// It is read on a thread that may be left behind: a terminal is read until its input ends.
pub(crate) async fn read(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        return read_stdin().await;
    }
    let path: PathBuf = file.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    read.unwrap_or_else(|error| Err(error.into()))
        .map_err(|error| Failure::Host(file.display().to_string(), error))
}

/// Reads a file that is text.
///
/// # Errors
///
/// `Host` for a file that cannot be read, or is not UTF-8.
pub(crate) async fn read_text(file: &Path) -> Result<String> {
    String::from_utf8(read(file).await?).map_err(|_| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8");
        Failure::Host(file.display().to_string(), error)
    })
}

/// Reads the standard input to its end.
///
/// # Errors
///
/// `Host`.
pub(crate) async fn read_stdin() -> Result<Vec<u8>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    read.await
        .unwrap_or_else(|error| Err(error.into()))
        .map_err(|error| Failure::Host("the standard input".to_owned(), error))
}
