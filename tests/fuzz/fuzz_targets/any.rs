//! libFuzzer's entry to all readers, and to the decompression of files for them.
#![no_main]
#![forbid(unsafe_code)]

libfuzzer_sys::fuzz_target!(|content: &[u8]| highwater_fuzz::check(None, content));
