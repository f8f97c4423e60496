#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod call;
mod connection;
mod eof;
#[cfg(feature = "http")]
mod http;
mod instructions;
mod resources;
mod server;
mod settings;
mod tools;
mod uri;

#[cfg(feature = "http")]
pub use http::{HttpServer, HttpServerBuilder, MIN_TOKEN_BYTES, Token, TokenError};
pub use server::McpServer;
pub use settings::{
    DEFAULT_MAX_CALLS, DEFAULT_PROGRESS_INTERVAL, DEFAULT_RESOURCE_BYTES, LISTED_RESOURCES,
    McpServerBuilder,
};

/// Compiles the example of the page about the protocol.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../../docs/mcp.md")]
struct McpPage;
