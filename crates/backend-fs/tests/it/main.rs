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
mod errors;
mod escape;
mod kill;
mod large;
mod leases;
mod leftovers;
mod links;
mod mounts;
mod moves;
mod names;
mod owners;
mod partly;
mod read_only;
mod rename;
mod resolve;
mod rights;
mod room;
mod root_slash;
mod scratch;
mod search;
mod special;
mod spellings;
mod support;
#[cfg(target_os = "linux")]
mod swap;
mod versions;
