//! libFuzzer's entry to a planted fault that it must find.
#![no_main]
#![forbid(unsafe_code)]

libfuzzer_sys::fuzz_target!(|content: &[u8]| highwater_fuzz::planted(content));
