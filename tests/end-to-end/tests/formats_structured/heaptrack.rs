//! heaptrack's recordings, compared with the output of `heaptrack_print`.

use std::fs;
use std::path::Path;
use std::process::Command;

use highwater_profile::Profile;
use highwater_tests::succeed;

use crate::model::{Values, by_stack, file, golden, read, same, top_ten, total, totals, unit};

const GOLDENS: [&str; 2] = ["heaptrack/zstd/recording.zst", "heaptrack/gzip/recording.gz"];

/// Values by stack, root first, from the tool's output for flame graphs.
fn stacks(recording: &Path, cost: &str) -> Values {
    let directory = tempfile::tempdir().unwrap();
    let folded = directory.path().join("stacks");
    let mut command = Command::new("heaptrack_print");
    command.arg("-f").arg(recording).arg("-F").arg(&folded).arg("--flamegraph-cost-type").arg(cost);
    // By default, the tool leaves out leaks that it knows.
    command.args(["--disable-builtin-suppressions", "--disable-embedded-suppressions"]);
    command.args(["--print-peaks=0", "--print-allocators=0", "--print-leaks=0", "--print-temporary=0"]);
    succeed(&mut command);
    let mut values = Values::new();
    for line in fs::read_to_string(folded).unwrap().lines() {
        let (stack, value) = line.rsplit_once(' ').unwrap();
        let frames: Vec<&str> = stack.split(';').filter(|it| !it.is_empty()).map(without_file).collect();
        *values.entry(frames.join(";")).or_default() += value.parse::<i64>().unwrap();
    }
    values.retain(|_, value| *value != 0);
    values
}

/// The function in a frame of the form `function (file)`.
fn without_file(frame: &str) -> &str {
    let frame = frame.strip_suffix(')').and_then(|it| it.rsplit_once(" (")).map_or(frame, |(name, _)| name);
    frame.trim()
}

/// Highwater's values by stack in the tool's form: from `main` on, with inlined calls in the reverse order.
fn ours(profile: &Profile, kind: &str) -> Values {
    let column = profile.sample_type(kind).unwrap();
    let mut values = Values::new();
    for row in profile.samples.iter().filter(|row| row.values[column] != 0) {
        let mut calls = Vec::new();
        for location in row.stack.iter().map(|&id| profile.location(id)) {
            let names = location.lines.iter().map(|line| profile.function(line.function).system_name);
            let mut names: Vec<&str> = names.map(|name| profile.string(name)).collect();
            let address = format!("{:#x}", location.address);
            if names.is_empty() {
                names.push(&address);
            }
            calls.push(names.join(";"));
            if names[0] == "main" {
                break;
            }
        }
        calls.reverse();
        *values.entry(calls.join(";")).or_default() += row.values[column];
    }
    values
}

fn compare(profile: &Profile, recording: &Path) -> Result<(), String> {
    for (cost, kind) in [("allocations", "alloc_objects"), ("leaked", "inuse_space"), ("peak", "peak_space")]
    {
        let theirs = stacks(recording, cost);
        same(kind, &total(profile, kind), &theirs.values().sum())?;
        same(kind, &top_ten(&ours(profile, kind)), &top_ten(&theirs))?;
    }
    Ok(())
}

#[test]
fn recordings_are_read_with_the_same_totals_and_stacks() {
    for name in GOLDENS {
        let recording = golden(name);
        let profile = read(&recording);
        compare(&profile, &recording).unwrap_or_else(|error| panic!("{name}: {error}"));
        for kind in ["alloc_space", "inuse_space", "peak_space"] {
            assert_eq!(unit(&profile, kind), "bytes");
        }
    }
}

#[test]
fn a_recording_that_was_changed_is_noticed() {
    let recording = golden(GOLDENS[0]);
    let profile = read(&recording);
    let text = succeed(Command::new("zstd").args(["--decompress", "--stdout"]).arg(&recording));
    // Every block of 64 KiB becomes one byte larger; there is one, at the peak.
    let (_directory, changed) = file("changed", text.replacen("\na 10000 ", "\na 10001 ", 1).as_bytes());
    assert!(compare(&profile, &changed).unwrap_err().starts_with("peak_space"));
    // One free less.
    let last = text.rfind("\n- ").unwrap();
    let end = last + 1 + text[last + 1..].find('\n').unwrap();
    let (_directory, changed) = file("changed", [&text[..last], &text[end..]].concat().as_bytes());
    assert!(compare(&profile, &changed).unwrap_err().starts_with("inuse_space"));
}

#[test]
fn sites_equal_the_programs() {
    // The numbers are documented in programs/shapes.rs.
    let profile = read(&golden(GOLDENS[0]));
    let of = |kind: &str, calls: &str| -> i64 {
        by_stack(&profile, kind).into_iter().filter(|(stack, _)| stack.contains(calls)).map(|it| it.1).sum()
    };
    assert_eq!(of("peak_space", "shapes::spike"), 64 << 10);
    assert_eq!(of("alloc_space", "shapes::filled;shapes::shelves"), (0..40).map(|it| 1000 + it).sum::<i64>());
    assert_eq!(of("alloc_objects", "shapes::descend"), 5);
    assert!(totals(&profile)["temporary_objects"] >= 200);
}
