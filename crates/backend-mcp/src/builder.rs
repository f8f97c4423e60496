//! The builder of a server, and its defaults.

use std::sync::Arc;
use std::time::Duration;

use backend_tools::Toolset;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use tokio::sync::Semaphore;

use crate::shared::Shared;
use crate::{McpServer, instructions, resources, tools};

/// Default limit of concurrent calls; further ones wait for their turn.
pub const DEFAULT_MAX_CALLS: usize = 64;

/// Default interval at which a long call reports progress: 2 seconds.
pub const DEFAULT_PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// Default size limit of a file that is read as a resource: 1 MiB.
pub const DEFAULT_RESOURCE_BYTES: u64 = 1 << 20;

/// Default name of a server in its introduction.
const NAME: &str = "agent-backends";

/// Builds an [`McpServer`] with options. It is made by [`McpServer::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct McpServerBuilder {
    toolset: Toolset,
    name: String,
    version: String,
    instructions: Option<String>,
    offers_resources: bool,
    resource_bytes: u64,
    progress_interval: Duration,
    max_calls: usize,
}

impl McpServerBuilder {
    pub(crate) fn new(toolset: Toolset) -> Self {
        Self {
            toolset,
            name: NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instructions: None,
            offers_resources: true,
            resource_bytes: DEFAULT_RESOURCE_BYTES,
            progress_interval: DEFAULT_PROGRESS_INTERVAL,
            max_calls: DEFAULT_MAX_CALLS,
        }
    }

    /// Sets the name and version by which the server introduces itself; `agent-backends` and this crate's by default.
    pub fn named(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.name = name.into();
        self.version = version.into();
        self
    }

    /// Sets the instructions for a model about the workspace as a whole. By default they say where paths start, and
    /// whether files can be changed and commands run.
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Offers only tools. By default files are resources too, unless `read_file` is not offered.
    pub fn without_resources(mut self) -> Self {
        self.offers_resources = false;
        self
    }

    /// Sets the size limit in bytes of a file that is read as a resource; [`DEFAULT_RESOURCE_BYTES`] by default.
    pub fn resource_bytes(mut self, bytes: u64) -> Self {
        self.resource_bytes = bytes;
        self
    }

    /// Sets how often a call reports progress, if the client asked for it; [`DEFAULT_PROGRESS_INTERVAL`] by default, at
    /// least 10 milliseconds.
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.progress_interval = interval.max(Duration::from_millis(10));
        self
    }

    /// Sets how many calls run at once; [`DEFAULT_MAX_CALLS`] by default, at least 1.
    pub fn max_calls(mut self, calls: usize) -> Self {
        self.max_calls = calls;
        self
    }

    /// Makes the server.
    pub fn build(self) -> McpServer {
        let resources = resources::Settings::of(&self.toolset, self.resource_bytes)
            .filter(|_| self.offers_resources);
        let mut capabilities = ServerCapabilities::builder().enable_tools().build();
        if resources.is_some() {
            capabilities.resources = Some(Default::default());
        }
        let identity =
            Implementation::new(self.name, self.version).with_title("A workspace for an agent");
        let instructions = self
            .instructions
            .unwrap_or_else(|| instructions::of(&self.toolset));
        let introduction = ServerConfig::new(capabilities)
            .with_server_info(identity)
            .with_instructions(instructions);
        let max_calls = u32::try_from(self.max_calls.max(1)).unwrap_or(u32::MAX >> 4);
        let turns = usize::try_from(max_calls).unwrap_or(self.max_calls);
        McpServer::of(Shared {
            tools: self.toolset.definitions().map(tools::describe).collect(),
            toolset: self.toolset,
            introduction,
            resources,
            progress_interval: self.progress_interval,
            max_calls,
            turns: Arc::new(Semaphore::new(turns)),
        })
    }
}
