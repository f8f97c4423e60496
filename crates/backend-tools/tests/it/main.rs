//! Tests of the toolset from outside, one file per subject.

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

mod any_input;
mod arguments;
mod budget;
mod ceilings;
#[cfg(target_os = "linux")]
mod commands;
mod concurrency;
mod definitions;
mod docs;
mod fakes;
mod files;
mod images;
mod ledger;
mod offered;
mod patch;
mod patch_undo;
mod replies;
mod support;
