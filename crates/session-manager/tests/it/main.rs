//! The tests of the session manager, through its public interface only.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test fails by panicking, and prints what it skips"
)]

mod ceilings;
mod cleanup;
#[cfg(target_os = "linux")]
mod docker;
mod handle;
mod hostile;
mod kill;
#[cfg(target_os = "linux")]
mod local;
mod outage;
mod ownership;
mod persistence;
mod recovery;
mod sessions;
mod shutdown;
mod support;
mod warm;
