//! What is built again and again is hoisted, when it is the same; what is built once, or from data, is not.

use highwater_analyze::{Measure, MeasureKind};
use highwater_profile::Profile;

use crate::advising::{MAIN, R, REGISTRY, ask, kinds, only};
use crate::build::Build;

/// Stacks of a construction by this function of a library, each with so many blocks of one size that were freed, and the blocks
/// that are live.
fn constructions(interval: i64, function: &str, blocks: &[i64], live: i64) -> Profile {
    let mut build = Build::snapshot(interval, 1, 10);
    let caller = "demo::handle@src/handle.rs:7";
    let outer = format!("{function}@{REGISTRY}/regex.rs:20");
    for (line, &blocks) in blocks.iter().enumerate() {
        let inner = format!("regex::compile::step@{REGISTRY}/compile.rs:{line}");
        let size = 500;
        let values = [
            ("alloc_objects", blocks),
            ("alloc_space", blocks * size),
            ("inuse_objects", live),
            ("inuse_space", live * size),
            ("temp_objects", blocks),
            ("temp_space", blocks * size),
        ];
        let once = "core::ops::FnOnce::call_once@~core/src/ops/function.rs:1";
        build.row(&[&inner, &outer, once, caller, MAIN], &values, &[("bytes", size)]);
    }
    build.profile
}

const NEW: &str = "regex::Regex::new";

fn hoists(profile: &Profile) -> bool {
    kinds(&ask(profile)).contains(&MeasureKind::Hoist)
}

#[test]
fn hoist_names_the_program_s_line_and_what_it_builds() {
    let answer = ask(&constructions(R, NEW, &[50_000; 20], 10));
    // What is below the construction is not advised on again.
    let it = only(&answer);
    assert_eq!((it.key.label.as_str(), it.in_library), ("src/handle.rs:7 demo::handle", false));
    let Measure::Hoist { constructor, times, lines, freed_fraction } = &it.measure else { panic!("{it:?}") };
    assert_eq!((constructor.as_str(), *times, *lines), (NEW, 50_000, 20));
    assert!((freed_fraction - 0.9998).abs() < 1e-9);
    assert_eq!(it.saves_bytes.total.value, 20 * 25_000_000);
    assert_eq!(it.saves_blocks.unwrap().total.value, 1_000_000);
}

#[test]
fn other_calls_into_libraries_are_not_hoisted() {
    let of = |function: &str, lines: usize, live: i64| {
        hoists(&constructions(R, function, &vec![50_000; lines], live))
    };
    assert!(!of("regex::Regex::find_iter", 20, 10), "it builds nothing");
    assert!(!of(NEW, 2, 10), "two lines");
    assert!(!of("csv::Reader::new", 5, 10), "it wraps what it is given, in five blocks");
    assert!(!of(NEW, 20, 20_000), "it is kept");
    assert!(of("regex::builders::RegexBuilder<A>::build::<B>", 20, 10));
}

/// Blocks of each line in one construction of a real regular expression, roughly: most lines are reached once.
const ONE_CONSTRUCTION: [i64; 24] =
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 5, 6, 10, 20, 875];

#[test]
fn what_is_built_once_is_not_hoisted() {
    for interval in [1, 64] {
        let built =
            |times: i64| hoists(&constructions(interval, NEW, &ONE_CONSTRUCTION.map(|it| it * times), 0));
        assert!(!built(1), "once, every {interval} bytes");
        assert!(!built(5), "five times, every {interval} bytes");
        assert!(built(100), "a hundred times, every {interval} bytes");
    }
}

#[test]
fn what_is_built_from_data_is_not_hoisted() {
    // What 390 regular expressions took, each for another line of text.
    let of_data = [
        390, 390, 390, 134, 134, 256, 256, 11, 15, 16, 3, 3, 17, 22, 27, 14, 21, 30, 86, 86, 780, 2270, 41,
        63, 7, 5, 120, 301,
    ];
    assert!(!hoists(&constructions(1, NEW, &of_data, 0)), "all blocks recorded");
    assert!(!hoists(&constructions(R, NEW, &of_data.map(|it| it * 1000), 0)), "sampled");
}

#[test]
fn constructions_under_way_and_what_the_first_one_sets_up_are_no_difference() {
    let mut blocks = vec![1000; 20];
    blocks[3] = 1001;
    blocks.extend([1, 1, 2]);
    assert!(hoists(&constructions(1, NEW, &blocks, 0)));
}

#[test]
fn sizes_that_differ_within_a_row_are_not_the_same() {
    let of = |more_bytes: i64| {
        let mut build = Build::snapshot(1, 1, 10);
        let outer = format!("{NEW}@{REGISTRY}/regex.rs:20");
        for line in 0..20 {
            let inner = format!("regex::compile::step@{REGISTRY}/compile.rs:{line}");
            // The label is the mean.
            let values = [("alloc_objects", 1000), ("alloc_space", 500_000 + more_bytes * line)];
            build.row(&[&inner, &outer, MAIN], &values, &[("bytes", 500)]);
        }
        hoists(&build.profile)
    };
    assert!(of(1000));
    assert!(!of(7));
}
