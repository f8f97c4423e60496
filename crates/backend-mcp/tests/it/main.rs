//! The server as a client has it, over streams in this process and over HTTP.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod calls;
#[cfg(feature = "http")]
mod http;
mod lifecycle;
mod memory;
mod resources;
mod results;
mod support;
