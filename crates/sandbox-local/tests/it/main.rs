//! Tests of the public API, one module for each subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]
#![cfg(target_os = "linux")]

mod background;
mod conformance;
mod cwd;
mod descriptors;
mod env;
mod host_death;
mod limits;
mod output;
mod provider;
mod spawn;
mod status;
mod support;
mod tree;
