//! Hands libFuzzer's inputs to [`agent_backends_fuzz::glob`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agent_backends_fuzz::glob::run(data));
