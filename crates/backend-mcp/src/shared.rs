//! What all connections of a server share.

use std::sync::Arc;
use std::time::Duration;

use backend_tools::Toolset;
use rmcp::model::ServerConfig;
use tokio::sync::Semaphore;

use crate::resources;

/// Everything that the connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) toolset: Toolset,
    /// What a client receives when it connects.
    pub(crate) introduction: ServerConfig,
    pub(crate) tools: Vec<rmcp::model::Tool>,
    pub(crate) resources: Option<resources::Settings>,
    pub(crate) progress_interval: Duration,
    pub(crate) max_calls: u32,
    /// One permit per call, so holding all of them means that nothing runs.
    pub(crate) turns: Arc<Semaphore>,
}
