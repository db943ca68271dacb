//! libFuzzer's entry to the reader of the format `lsan`.
#![no_main]
#![forbid(unsafe_code)]

libfuzzer_sys::fuzz_target!(|content: &[u8]| highwater_fuzz::check(
    Some(highwater_profile::Format::LeakSanitizer),
    content
));
