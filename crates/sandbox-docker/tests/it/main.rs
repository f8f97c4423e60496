//! The integration tests, against a real engine.
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

mod by_hand;
mod calls;
mod concurrency;
mod death;
#[allow(dead_code, reason = "the tests of session-manager use all of it")]
mod dockerd;
mod engine_death;
mod escape;
mod floods;
mod images;
mod laws;
mod limits;
mod options;
mod outages;
mod places;
mod reap;
mod relay;
mod start;
mod support;
mod volumes;
mod whole;
