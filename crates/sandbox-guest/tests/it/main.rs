//! The guest as a process: over its standard streams, over its socket, and in an empty root.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "tests fail by panicking"
)]
#![cfg(target_os = "linux")]

mod commands;
mod conformance;
mod empty_root;
mod host;
mod host_memory;
mod init;
mod limits;
mod memory;
mod process_one;
mod scarce;
mod survivors;
