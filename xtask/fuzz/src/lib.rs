//! What the fuzz targets do with an input, as a library.
//!
//! Each module has one target: `run` takes the bytes that a fuzzer made up, makes structured input of them, and asserts
//! what must hold for any input. The files in `fuzz_targets` only connect it to libFuzzer, so that the same code
//! also runs without it: in the tests, on random bytes and on the inputs of all earlier findings.
//!
//! `cargo xtask fuzz` runs the targets, each with the features that it needs. The input of a finding is kept in
//! `regressions/<target>/`.

#![forbid(unsafe_code)]

pub mod edit;
pub mod glob;
pub mod grep;
pub mod path;
pub mod request;
#[cfg(feature = "tools")]
pub mod tool_input;
pub mod window;
#[cfg(feature = "wire")]
pub mod wire_message;
#[cfg(feature = "wire")]
pub mod wire_session;

mod now;
mod patch;
mod tree;
#[cfg(feature = "wire")]
mod wire;
mod words;

#[cfg(test)]
mod tests;
