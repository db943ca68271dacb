//! Properties that must hold for any content of a file: a reader returns an error or a consistent profile,
//! and stays within its limits. The targets in `fuzz_targets` give these properties to libFuzzer, which
//! searches for counterexamples; the test `robustness` tries damaged goldens.
#![forbid(unsafe_code)]

use std::io;

use highwater_profile::{Format, LabelValue, Limits, Profile, ReadError, read, read_as, write};

/// Small enough that exceeding them is noticed, and large enough for every golden.
pub const LIMITS: Limits = Limits { max_unpacked_bytes: 16 << 20, max_memory_bytes: 64 << 20 };

/// Reads `content` and follows all references of the profile. Returns the number of its rows.
///
/// # Errors
/// The errors of the reader.
///
/// # Panics
/// When the profile is not consistent, or the reader panics.
pub fn try_read(format: Option<Format>, content: &[u8]) -> Result<usize, ReadError> {
    let profile = match format {
        Some(format) => read_as(format, content, &LIMITS),
        None => read(content, &LIMITS),
    }?;
    walk(&profile);
    Ok(profile.samples.len())
}

/// Checks for libFuzzer that `content` is handled correctly: read, and if it is a profile, written in every
/// format.
///
/// # Panics
/// When it is not handled correctly.
pub fn check(format: Option<Format>, content: &[u8]) {
    let profile = match format {
        Some(format) => read_as(format, content, &LIMITS),
        None => read(content, &LIMITS),
    };
    let Ok(profile) = profile else { return };
    walk(&profile);
    for format in Format::ALL.into_iter().filter(|it| it.can_write()) {
        // A profile may contain values that a format cannot express. Then an error is right, and a panic is
        // not.
        let _ = write(format, &profile, &mut io::sink());
    }
    let mut file = Vec::new();
    write(Format::Pprof, &profile, &mut file).expect("memory takes everything");
    let again = read(&file, &Limits::default()).expect("what we write we read");
    assert_eq!(again.samples.len(), profile.samples.len());
    for column in 0..profile.sample_types().len() {
        assert_eq!(again.samples.total(column), profile.samples.total(column));
    }
}

/// Follows every reference from one table to another.
fn walk(profile: &Profile) {
    let mut seen = 0;
    let mut text = |id| seen += profile.string(id).len();
    for mapping in profile.mappings() {
        text(mapping.file);
        text(mapping.build_id);
    }
    for function in profile.functions() {
        [function.name, function.system_name, function.file].into_iter().for_each(&mut text);
    }
    for location in profile.locations() {
        let _ = location.mapping.map(|id| profile.mapping(id));
        location.lines.iter().for_each(|line| text(profile.function(line.function).name));
    }
    for sample in profile.samples.iter() {
        assert_eq!(sample.values.len(), profile.sample_types().len());
        assert!(sample.stack.len() <= Limits::MAX_STACK_FRAMES);
        sample.stack.iter().for_each(|&id| assert!(profile.location(id).lines.len() < usize::MAX));
        for label in sample.labels {
            text(label.key);
            match label.value {
                LabelValue::Text(value) => text(value),
                LabelValue::Number(_, unit) => text(unit),
            }
        }
    }
    assert!(profile.heap_bytes() <= LIMITS.max_memory_bytes + (LIMITS.max_memory_bytes >> 2));
    std::hint::black_box(seen);
}

/// A planted fault that only a coverage-guided fuzzer finds: `cargo xtask fuzz` uses it to check that the
/// fuzzer is guided.
///
/// # Panics
/// For one specific word.
pub fn planted(content: &[u8]) {
    if let [b'h', rest @ ..] = content
        && let [b'i', rest @ ..] = rest
        && let [b'g', rest @ ..] = rest
        && let [b'h', ..] = rest
    {
        panic!("the planted fault was found");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_reader_is_a_target() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
        let files = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
        let mut targets: Vec<String> =
            files.map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        targets.sort();
        let readers = Format::ALL.into_iter().filter(|it| it.can_read()).map(Format::name);
        let mut expected: Vec<&str> = readers.chain(["any", "planted"]).collect();
        expected.sort_unstable();
        assert_eq!(targets, expected);
    }

    #[test]
    fn what_is_read_is_looked_at_and_what_is_not_is_an_error() {
        assert_eq!(try_read(None, b"main;f 12\nmain 3\n").unwrap(), 2);
        assert!(try_read(Some(Format::Dhat), b"main;f 12\n").is_err());
        check(None, b"main;f 12\nmain 3\n");
        check(Some(Format::Folded), b"\xff\xfe");
    }

    #[test]
    #[should_panic(expected = "planted")]
    fn the_planted_fault_is_one() {
        planted(b"high water");
    }
}
