//! The program as people and scripts use it: the real binary, started anew for each test.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test fails by panicking, and says what it skips"
)]

mod cat;
#[cfg(feature = "docker")]
mod containers;
mod copy;
mod edit;
mod errors;
mod exec;
mod files;
mod help;
mod machine;
mod mcp;
mod mounts;
mod permissions;
mod pipes;
mod search;
mod sessions;
mod signals;
mod state;
mod support;
mod write;
