//! When blocks were born, how long they lived, and how they grew, as snapshots say of a program that knows it.

use std::process::Command;

use highwater_profile::{Limits, Profile, Sample, file};
use highwater_tests::succeed;

const BLOCKS: i64 = 1000;

/// The snapshots that the program takes, in a mode.
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

/// Sum of a function's values of one kind, over the rows that are wanted.
fn sum(profile: &Profile, function: &str, kind: &str, is_wanted: impl Fn(&Sample<'_>) -> bool) -> i64 {
    let column = profile.sample_type(kind).unwrap();
    rows(profile, function).iter().filter(|row| is_wanted(row)).map(|row| row.values[column]).sum()
}

fn total(profile: &Profile, function: &str, kind: &str) -> i64 {
    sum(profile, function, kind, |_| true)
}

/// Live blocks of `keep` by the first snapshot that could see them: 1, 2 and 3.
fn born(profile: &Profile) -> [i64; 3] {
    [1, 2, 3].map(|epoch| {
        sum(profile, "keep", "inuse_objects", |row| number(profile, row, "birth_epoch") == Some(epoch))
    })
}

/// Freed blocks of a function that lived for so many nanoseconds, or up to twice as many.
fn lived(profile: &Profile, function: &str, is_wanted: impl Fn(i64) -> bool) -> i64 {
    sum(profile, function, "freed_objects", |row| number(profile, row, "lifetime").is_some_and(&is_wanted))
}

#[test]
fn live_blocks_are_told_apart_by_the_snapshot_that_saw_them_first() {
    let snapshots = snapshots("exact");
    let expected = [[BLOCKS, 0, 0], [BLOCKS, BLOCKS, 0], [0, BLOCKS, BLOCKS]];
    assert_eq!(snapshots.each_ref().map(born), expected);
    for (profile, allocated) in snapshots.iter().zip([1, 2, 3]) {
        assert_eq!(total(profile, "keep", "alloc_objects"), allocated * BLOCKS, "a row too many or too few");
    }
}

#[test]
fn births_are_sampled_without_bias() {
    // Of blocks of 300 bytes nearly all are sampled.
    let [_, second, third] = snapshots("interval:128");
    for (profile, expected) in [(second, [BLOCKS, BLOCKS, 0]), (third, [0, BLOCKS, BLOCKS])] {
        for (found, expected) in born(&profile).into_iter().zip(expected) {
            assert!((found - expected).abs() <= expected / 20, "{found} for {expected}");
        }
    }
}

#[test]
fn temporary_blocks_are_those_that_are_freed_at_once() {
    let [.., profile] = snapshots("exact");
    assert_eq!(total(&profile, "pass", "temp_objects"), BLOCKS);
    assert_eq!(total(&profile, "pass", "temp_space"), 200 * BLOCKS);
    // The one that was allocated last, and waited for nothing but time.
    assert_eq!(total(&profile, "linger", "temp_objects"), 1);
    assert_eq!(total(&profile, "keep", "temp_objects"), 0);
}

/// One block of many is timed, but how many were freed is counted; and where timed blocks stand for others, the rows say so.
#[test]
fn in_exact_mode_what_was_freed_is_exact_and_estimates_say_how_far_they_are_off() {
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
fn lifetimes_are_those_of_the_blocks() {
    for mode in ["exact", "interval:64"] {
        let [.., profile] = snapshots(mode);
        // In exact mode one block in 64 is timed beyond the first 256, and stands for as many.
        let about_all = |blocks: i64| (blocks - BLOCKS).abs() <= BLOCKS * 2 / 5;
        let long = lived(&profile, "linger", |ns| (1 << 24..1 << 34).contains(&ns));
        assert!(about_all(long), "{mode}: {long} lived for 20 ms");
        assert_eq!(lived(&profile, "linger", |ns| ns < 1 << 24), 0, "{mode}");
        // A neighbour on the machine may stop the program between the two calls, but not often.
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
