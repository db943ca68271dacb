//! Births, lifetimes and growth of blocks: snapshots against a program that knows them.

use std::process::Command;

use highwater_profile::{Limits, Profile, Sample, file};
use highwater_tests::succeed;

const BLOCKS: i64 = 1000;

/// The snapshots that the program takes in this mode.
fn snapshots(mode: &str) -> [Profile; 3] {
    let directory = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_lifetimes"));
    succeed(program.arg(directory.path()).env("HIGHWATER", mode));
    [1, 2, 3].map(|number| {
        let path = directory.path().join(format!("{number}.pb.gz"));
        let mut profile = file::read(&path, &Limits::default()).unwrap();
        highwater_symbol::symbolize(&mut profile, &Default::default()).unwrap();
        profile
    })
}

/// The rows of a function.
fn rows<'a>(profile: &'a Profile, function: &str) -> Vec<Sample<'a>> {
    let of = |sample: &Sample<'_>| {
        sample.stack.iter().flat_map(|&id| &profile.location(id).lines).any(|line| {
            let name = profile.string(profile.function(line.function).name);
            name.ends_with(&format!("lifetimes::{function}"))
        })
    };
    profile.samples.iter().filter(of).collect()
}

fn number(profile: &Profile, row: &Sample<'_>, key: &str) -> Option<i64> {
    profile.strings.find(key).and_then(|key| row.number(key))
}

/// Sum of a function's values of one kind, over the selected rows.
fn sum(profile: &Profile, function: &str, kind: &str, is_wanted: impl Fn(&Sample<'_>) -> bool) -> i64 {
    let column = profile.sample_type(kind).unwrap();
    rows(profile, function).iter().filter(|row| is_wanted(row)).map(|row| row.values[column]).sum()
}

fn total(profile: &Profile, function: &str, kind: &str) -> i64 {
    sum(profile, function, kind, |_| true)
}

/// Live blocks of `keep` by the first snapshot that could contain them: 1, 2 and 3.
fn born(profile: &Profile) -> [i64; 3] {
    [1, 2, 3].map(|epoch| {
        sum(profile, "keep", "inuse_objects", |row| number(profile, row, "birth_epoch") == Some(epoch))
    })
}

/// Freed blocks of a function whose lifetime, in nanoseconds, is in the selected class; a class ends at twice
/// its beginning.
fn lived(profile: &Profile, function: &str, is_wanted: impl Fn(i64) -> bool) -> i64 {
    sum(profile, function, "freed_objects", |row| number(profile, row, "lifetime").is_some_and(&is_wanted))
}

#[test]
fn live_blocks_have_their_birth_epoch() {
    let snapshots = snapshots("exact");
    let expected = [[BLOCKS, 0, 0], [BLOCKS, BLOCKS, 0], [0, BLOCKS, BLOCKS]];
    assert_eq!(snapshots.each_ref().map(born), expected);
    for (profile, allocated) in snapshots.iter().zip([1, 2, 3]) {
        assert_eq!(total(profile, "keep", "alloc_objects"), allocated * BLOCKS, "a row too many or too few");
    }
}

#[test]
fn births_are_sampled_without_bias() {
    // Almost all blocks of 300 bytes are sampled.
    let [_, second, third] = snapshots("interval:128");
    for (profile, expected) in [(second, [BLOCKS, BLOCKS, 0]), (third, [0, BLOCKS, BLOCKS])] {
        for (found, expected) in born(&profile).into_iter().zip(expected) {
            assert!((found - expected).abs() <= expected / 20, "{found} for {expected}");
        }
    }
}

#[test]
fn blocks_freed_at_once_are_temporary() {
    let [.., profile] = snapshots("exact");
    assert_eq!(total(&profile, "pass", "temp_objects"), BLOCKS);
    assert_eq!(total(&profile, "pass", "temp_space"), 200 * BLOCKS);
    // The block that was allocated last, so only the time decides.
    assert_eq!(total(&profile, "linger", "temp_objects"), 1);
    assert_eq!(total(&profile, "keep", "temp_objects"), 0);
}

/// In exact mode, the freed blocks are all counted, but only some lifetimes are measured. If a measured block
/// represents others, its row says so.
#[test]
fn in_exact_mode_freed_counts_are_exact_and_estimates_have_errors() {
    let [.., profile] = snapshots("exact");
    for function in ["keep", "pass", "linger"] {
        for measure in ["objects", "space"] {
            let [allocated, live, freed, temporary] = ["alloc", "inuse", "freed", "temp"]
                .map(|kind| total(&profile, function, &format!("{kind}_{measure}")));
            assert_eq!(freed, allocated - live, "{function}, {measure}");
            assert!(temporary <= freed, "{function}, {measure}: {temporary} of {freed}");
        }
    }
    let variance = |function, of_lifetimes: bool| {
        let rows = rows(&profile, function);
        let rows = rows.iter().filter(|row| number(&profile, row, "lifetime").is_some() == of_lifetimes);
        rows.filter_map(|row| number(&profile, row, "variance")).sum::<i64>()
    };
    assert!(
        variance("linger", true) > 0 && variance("linger", false) > 0,
        "744 of 1,000 blocks may be timed"
    );
    assert!(variance("pass", true) > 0, "how long they lived");
    assert_eq!(variance("pass", false), 0, "that each was temporary is known");
    assert_eq!([true, false].map(|it| variance("grow", it)), [0, 0], "a few blocks are all timed");
}

#[test]
fn lifetimes_equal_the_blocks_lifetimes() {
    for mode in ["exact", "interval:64"] {
        let [.., profile] = snapshots(mode);
        // In exact mode, after the first 256 blocks, one in 64 lifetimes is measured, and counts for 64.
        let about_all = |blocks: i64| (blocks - BLOCKS).abs() <= BLOCKS * 2 / 5;
        let long = lived(&profile, "linger", |ns| (1 << 24..1 << 34).contains(&ns));
        assert!(about_all(long), "{mode}: {long} lived for 20 ms");
        assert_eq!(lived(&profile, "linger", |ns| ns < 1 << 24), 0, "{mode}");
        // Other processes may stop the program between the two calls, but not often.
        let short = lived(&profile, "pass", |ns| ns < 1 << 20);
        assert!(about_all(short), "{mode}: {short} were gone at once");
    }
}

#[test]
fn growth_is_counted_where_a_vector_grows() {
    let [.., profile] = snapshots("exact");
    assert_eq!(total(&profile, "grow", "realloc_objects"), 10);
    assert_eq!(total(&profile, "grow", "realloc_doublings"), 10);
    let copied = total(&profile, "grow", "realloc_space");
    assert!((1 << 15..1 << 20).contains(&copied), "{copied} bytes");
    assert_eq!(total(&profile, "linger", "realloc_objects"), 0);
}
