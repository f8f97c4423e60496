//! The suites on the backends of this workspace, and the suites themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test fails by panicking"
)]

#[cfg(target_os = "linux")]
mod broken_commands;
mod contract;
#[cfg(unix)]
mod linked;
mod model;
mod pretended;
mod sabotage;
mod subjects;
mod whole;
