//! Tests of guards from outside, one file per subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod asking;
mod canaries;
mod commands;
mod conformance;
mod evasions;
mod hidden;
mod rules;
mod support;
mod swaps;
