#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arguments;
mod builder;
mod context;
mod definition;
mod ends;
mod footer;
mod freshness;
mod image;
mod ledger;
mod nearest;
mod output;
mod patch;
mod reply;
mod schema;
mod settings;
mod tool;
mod tools;
mod toolset;

pub use builder::ToolsetBuilder;
pub use definition::ToolDefinition;
pub use reply::{Image, Reply, ReplyKind};
pub use settings::{
    DEFAULT_FILE_TIMEOUT, DEFAULT_IMAGE_BYTES, DEFAULT_MAX_TIMEOUT, DEFAULT_OUTPUT_DIR,
    DEFAULT_REPLY_BYTES, DEFAULT_SEARCH_TIMEOUT, KEPT_OUTPUTS, UnreadFiles,
};
pub use tool::{Annotations, Tool, UnknownTool};
pub use toolset::Toolset;

/// Compiles the example of the page about the tools.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tools.md")]
struct ToolsPage;
