//! The tests of the file system backend, through its public face alone.

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

mod builder;
mod bytes;
mod concurrency;
mod conformance;
mod durable;
mod errors;
mod escape;
mod kill;
mod large;
mod leftovers;
mod links;
mod mounts;
mod moves;
mod names;
mod owners;
mod read_only;
mod rename;
mod resolve;
mod rights;
mod root_slash;
mod search;
mod special;
mod support;
#[cfg(target_os = "linux")]
mod swap;
mod undone;
mod versions;
