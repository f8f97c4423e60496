//! The builder of a toolset.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{Backend, Sandbox};

use crate::settings::Settings;
use crate::{Tool, Toolset, UnreadFiles};

/// The smallest reply that holds a page of a file and its note.
const MIN_REPLY_BYTES: usize = 2 << 10;

/// Builds a [`Toolset`] with options. It is made by [`Toolset::builder`] or [`Toolset::builder_with_commands`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ToolsetBuilder {
    files: Arc<dyn Backend>,
    commands: Option<Arc<dyn Sandbox>>,
    settings: Settings,
}

impl ToolsetBuilder {
    pub(crate) fn new(files: Arc<dyn Backend>, commands: Option<Arc<dyn Sandbox>>) -> Self {
        Self {
            files,
            commands,
            settings: Settings::default(),
        }
    }

    /// Does not offer these tools. Tools that the workspace cannot support are never offered.
    pub fn without(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        for tool in tools {
            self.settings.offered.remove(&tool);
        }
        self
    }

    /// Offers only these tools, as far as the workspace supports them.
    pub fn only(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        let tools: Vec<Tool> = tools.into_iter().collect();
        self.settings.offered.retain(|tool| tools.contains(tool));
        self
    }

    /// Sets the maximum number of bytes of text in one reply; [`DEFAULT_REPLY_BYTES`](crate::DEFAULT_REPLY_BYTES) by
    /// default, at least 2 KiB.
    pub fn reply_bytes(mut self, bytes: usize) -> Self {
        self.settings.reply_bytes = bytes.max(MIN_REPLY_BYTES);
        self
    }

    /// Sets the maximum size in bytes of an image that is shown; [`DEFAULT_IMAGE_BYTES`](crate::DEFAULT_IMAGE_BYTES) by
    /// default. With 0 no image is shown.
    pub fn image_bytes(mut self, bytes: u64) -> Self {
        self.settings.image_bytes = bytes;
        self
    }

    /// Sets the time limit of a command if the model sets none;
    /// [`DEFAULT_EXEC_TIMEOUT`](backend_core::DEFAULT_EXEC_TIMEOUT) by default, at least 1 second.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets the maximum time limit of a command, whatever the model asks for;
    /// [`DEFAULT_MAX_TIMEOUT`](crate::DEFAULT_MAX_TIMEOUT) by default.
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.settings.max_timeout = timeout;
        self
    }

    /// Sets how long an operation on files may take; [`DEFAULT_FILE_TIMEOUT`](crate::DEFAULT_FILE_TIMEOUT) by default.
    pub fn file_timeout(mut self, timeout: Duration) -> Self {
        self.settings.file_timeout = timeout;
        self
    }

    /// Sets how long a search may take before it returns what it has found.
    /// [`DEFAULT_SEARCH_TIMEOUT`](crate::DEFAULT_SEARCH_TIMEOUT) by default.
    pub fn search_timeout(mut self, timeout: Duration) -> Self {
        self.settings.search_timeout = timeout;
        self
    }

    /// Sets what `write_file` does about an existing file that was not read; it is protected by default.
    pub fn unread_files(mut self, unread: UnreadFiles) -> Self {
        self.settings.unread_files = unread;
        self
    }

    /// Sets where long replies are kept in full: a directory, relative to the work directory;
    /// [`DEFAULT_OUTPUT_DIR`](crate::DEFAULT_OUTPUT_DIR) by default.
    pub fn output_dir(mut self, directory: impl Into<String>) -> Self {
        self.settings.output_dir = Some(directory.into());
        self
    }

    /// Does not keep long replies anywhere.
    pub fn without_output_dir(mut self) -> Self {
        self.settings.output_dir = None;
        self
    }

    /// Makes the toolset.
    pub fn build(mut self) -> Toolset {
        let settings = &mut self.settings;
        settings.max_timeout = settings.max_timeout.max(Duration::from_secs(1));
        settings.timeout = settings
            .timeout
            .clamp(Duration::from_secs(1), settings.max_timeout);
        Toolset::assemble(self.files, self.commands, self.settings)
    }
}
