//! The targets without a fuzzer: on bytes from a fixed generator, and on the inputs of all findings.

use std::fs;
use std::path::Path;

/// How many made-up inputs each target gets, except the one with the most expensive inputs: without optimisation it takes
/// about ten milliseconds to compile a regular expression.
const INPUTS: u64 = 2000;
const GREP_INPUTS: u64 = 200;

fn each_input(target: &str, inputs: u64, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("regressions")
        .join(target);
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        run(&fs::read(file.path()).unwrap());
    }
    for seed in 0..inputs {
        run(&bytes(seed));
    }
}

/// Makes up to 511 bytes, always the same for a seed.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = next() % 512;
    (0..length).map(|_| next().to_le_bytes()[3]).collect()
}

#[test]
fn paths_keep_their_laws() {
    each_input("path", INPUTS, crate::path::run);
}

#[test]
fn edits_keep_their_laws() {
    each_input("edit", INPUTS, crate::edit::run);
}

#[test]
fn windows_keep_their_laws() {
    each_input("window", INPUTS, crate::window::run);
}

#[test]
fn globs_keep_their_laws() {
    each_input("glob", INPUTS, crate::glob::run);
}

#[test]
fn greps_keep_their_laws() {
    each_input("grep", GREP_INPUTS, crate::grep::run);
}

#[test]
fn requests_are_answered() {
    each_input("request", INPUTS, crate::request::run);
}

#[cfg(feature = "tools")]
#[test]
fn calls_of_tools_have_replies() {
    each_input("tool_input", INPUTS, crate::tool_input::run);
}

#[cfg(feature = "wire")]
#[test]
fn messages_of_the_wire_are_answered() {
    each_input("wire_message", INPUTS, crate::wire_message::run);
}

#[cfg(feature = "wire")]
#[test]
fn sessions_over_the_wire_end() {
    each_input("wire_session", INPUTS, crate::wire_session::run);
}
