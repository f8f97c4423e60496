#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod builder;
mod call;
mod connection;
mod eof;
#[cfg(feature = "http")]
mod http;
mod instructions;
mod resources;
mod server;
mod shared;
mod tools;
mod uri;

pub use builder::{
    DEFAULT_MAX_CALLS, DEFAULT_PROGRESS_INTERVAL, DEFAULT_RESOURCE_BYTES, McpServerBuilder,
};
#[cfg(feature = "http")]
pub use http::{HttpServer, HttpServerBuilder, MIN_TOKEN_BYTES, Token, TokenError};
pub use resources::LISTED_RESOURCES;
pub use server::McpServer;

/// Compiles the example of the page about the protocol.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../../docs/mcp.md")]
struct McpPage;
