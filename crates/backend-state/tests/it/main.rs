//! Tests of the in-memory backend from outside, one file per subject.

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

mod concurrency;
mod conformance;
mod fork;
mod limits;
mod namespaces;
mod original;
mod python;
mod scale;
mod snapshot;
