//! Tests of composites from outside, one file per subject.

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

mod batch;
mod conformance;
mod errors;
mod fakes;
mod fan_out;
mod model;
mod rename;
mod routing;
mod sandbox;
mod shadow;
mod support;
