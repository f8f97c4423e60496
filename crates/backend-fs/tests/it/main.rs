//! The tests of the file system backend, only through its public API.

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
#[cfg(target_os = "linux")]
mod carried;
mod concurrency;
mod conformance;
#[cfg(target_os = "linux")]
mod disks;
mod durable;
mod errors;
mod escape;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod faulty;
#[cfg(target_os = "linux")]
mod file_systems;
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
#[cfg(target_os = "linux")]
mod power_loss;
mod read_only;
#[cfg(target_os = "linux")]
mod refused;
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
mod undone;
mod versions;
