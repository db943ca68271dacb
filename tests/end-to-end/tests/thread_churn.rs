//! Snapshots while threads start and end: every file is complete, their number is bounded, and no block is
//! lost or counted twice.

use std::fs;
use std::process::Command;

use highwater_profile::{Limits, Profile, file};
use highwater_tests::succeed;

fn live_and_allocated(profile: &Profile, function: &str) -> [i64; 2] {
    let columns = ["inuse_objects", "alloc_objects"].map(|kind| profile.sample_type(kind).unwrap());
    let mut sums = [0; 2];
    for sample in profile.samples.iter() {
        let mut functions = sample.stack.iter().flat_map(|&id| &profile.location(id).lines);
        if functions.any(|line| profile.string(profile.function(line.function).name).ends_with(function)) {
            columns.iter().zip(&mut sums).for_each(|(&column, sum)| *sum += sample.values[column]);
        }
    }
    sums
}

#[test]
fn a_series_is_bounded_and_whole_and_nothing_is_lost() {
    for mode in ["exact", "interval:1KiB"] {
        let directory = tempfile::tempdir().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_thread_churn"));
        let said = succeed(program.arg(directory.path()).env("HIGHWATER", mode));
        let (churned, still_live) = said.trim_end().split_once(' ').unwrap();
        let churned: i64 = churned.parse().unwrap();
        assert_eq!(still_live, "0", "{mode}");

        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), 4, "three of the series and the last: {names:?}");
        assert_eq!(names[3], "last.pb.gz");
        let mut epochs = Vec::new();
        for name in &names {
            let profile = file::read(&directory.path().join(name), &Limits::default()).unwrap();
            epochs.push(profile.meta.unwrap().epoch.unwrap());
        }
        assert!(epochs.is_sorted() && epochs[0] > 1, "the latest are kept: {epochs:?}");

        let mut last = file::read(&directory.path().join("last.pb.gz"), &Limits::default()).unwrap();
        highwater_symbol::symbolize(&mut last, &Default::default()).unwrap();
        let [live, allocated] = live_and_allocated(&last, "::churned");
        assert_eq!(live, 0, "{mode}");
        if mode == "exact" {
            assert_eq!(allocated, churned);
        } else {
            // More than 100,000 blocks with a mean of 2,500 bytes: at 1 KiB the standard error is far below 1
            // %.
            assert!((allocated - churned).abs() * 20 < churned, "{allocated} of {churned}");
        }
    }
}
