//! Hands libFuzzer's inputs to [`agent_backends_fuzz::path`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agent_backends_fuzz::path::run(data));
