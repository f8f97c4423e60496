//! The settings of a toolset: its limits, and what it refuses.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Tool;

/// Default maximum size of a reply's text: 30 KiB.
pub const DEFAULT_REPLY_BYTES: usize = 30 << 10;

/// Default maximum size of an image: 5 MiB, which model APIs accept.
pub const DEFAULT_IMAGE_BYTES: u64 = 5 << 20;

/// Default maximum time limit of a command, whatever the model asks for: 10 minutes.
pub const DEFAULT_MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// Default time limit of a file operation: 30 seconds.
pub const DEFAULT_FILE_TIMEOUT: Duration = Duration::from_secs(30);

/// Default time limit of a search: 120 seconds.
pub const DEFAULT_SEARCH_TIMEOUT: Duration = Duration::from_secs(120);

/// Default directory for long replies, below the work directory.
pub const DEFAULT_OUTPUT_DIR: &str = ".agent/output";

/// Maximum number of kept long replies. The oldest is deleted first.
pub const KEPT_OUTPUTS: usize = 100;

/// What `write_file` does about an existing file that was not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnreadFiles {
    /// It refuses, and asks the model to read it first.
    #[default]
    Protect,
    /// It replaces it.
    Replace,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) offered: BTreeSet<Tool>,
    pub(crate) reply_bytes: usize,
    pub(crate) image_bytes: u64,
    pub(crate) timeout: Duration,
    pub(crate) max_timeout: Duration,
    pub(crate) file_timeout: Duration,
    pub(crate) search_timeout: Duration,
    pub(crate) unread_files: UnreadFiles,
    pub(crate) output_dir: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            offered: Tool::ALL.iter().copied().collect(),
            reply_bytes: DEFAULT_REPLY_BYTES,
            image_bytes: DEFAULT_IMAGE_BYTES,
            timeout: backend_core::DEFAULT_EXEC_TIMEOUT,
            max_timeout: DEFAULT_MAX_TIMEOUT,
            file_timeout: DEFAULT_FILE_TIMEOUT,
            search_timeout: DEFAULT_SEARCH_TIMEOUT,
            unread_files: UnreadFiles::default(),
            output_dir: Some(DEFAULT_OUTPUT_DIR.to_owned()),
        }
    }
}
