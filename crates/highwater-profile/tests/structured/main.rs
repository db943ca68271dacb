//! DHAT, heaptrack and speedscope files that are wrong or hostile, and what is written read again. That other
//! tools agree is shown elsewhere.

mod dhat;
mod heaptrack;
mod round_trip;
mod speedscope;

use highwater_profile::{Limits, Profile, ReadError, read};

/// What is said of a file with this content.
fn message(text: &str) -> String {
    read(text.as_bytes(), &Limits::default()).expect_err(text).to_string()
}

/// Asserts what is said, for each of these files.
fn assert_messages(cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let message = message(text);
        assert!(message.contains(expected), "{expected:?} is not in {message:?}, said of\n{text}");
    }
}

/// Reads with this many bytes of memory.
fn read_within(text: &str, max_memory_bytes: u64) -> Result<Profile, ReadError> {
    read(text.as_bytes(), &Limits { max_memory_bytes, ..Limits::default() })
}

/// A profile in another format and back.
fn there_and_back(profile: &Profile, format: highwater_profile::Format) -> Profile {
    let mut file = Vec::new();
    highwater_profile::write(format, profile, &mut file).unwrap();
    read(&file, &Limits::default()).unwrap()
}

/// The frames of a row with their places, leaf first, inlined calls joined by `<`.
fn stack(profile: &Profile, row: usize) -> Vec<String> {
    let location = |&id| {
        let location = profile.location(id);
        let frame = |line: &highwater_profile::Line| {
            let function = profile.function(line.function);
            format!("{} {}:{}", profile.string(function.name), profile.string(function.file), line.line)
        };
        let lines: Vec<String> = location.lines.iter().map(frame).collect();
        format!("{:#x} {}", location.address, lines.join(" < "))
    };
    profile.samples.get(row).stack.iter().map(location).collect()
}
