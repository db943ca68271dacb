//! What could be done: each measure is advised where it helps, with what it saves, and nowhere else.

use highwater_analyze::{Advice, Advices, Gap, History, Measure, MeasureKind, NotPossible, Query, advise};
use highwater_profile::Profile;

use crate::build::{Build, everything};

const R: i64 = 64 * 1024;
const LINE: &str = "demo::read@src/read.rs:10";
const MAIN: &str = "demo::main@src/main.rs:3";
const REGISTRY: &str = "/home/u/.cargo/registry/src/i/regex-1.0.0/src";

fn ask(profile: &Profile) -> Advices {
    advise(profile, None, &History::default(), &Query::default())
}

fn kinds(answer: &Advices) -> Vec<MeasureKind> {
    answer.findings.iter().map(|it| it.measure.kind()).collect()
}

#[track_caller]
fn only(answer: &Advices) -> &Advice {
    assert_eq!(answer.findings.len(), 1, "{:?}", answer.findings);
    &answer.findings[0]
}

/// Buffers that double from 4 KiB on, `counts` of them reaching each size. `doublings` of ten reallocations double.
fn growing(counts: &[i64], doublings: i64) -> Profile {
    let mut build = Build::snapshot(R, 1, 10);
    for (step, &count) in counts.iter().enumerate() {
        let size = 8192i64 << step;
        let values = [
            ("alloc_objects", count),
            ("alloc_space", count * size),
            ("realloc_objects", count),
            ("realloc_space", count * size / 2),
            ("realloc_doublings", count * doublings / 10),
        ];
        build.row(&[LINE, MAIN], &values, &[("bytes", size)]);
    }
    build.profile
}

#[test]
fn reserve_names_the_capacity_that_most_reach() {
    let answer = ask(&growing(&[1000, 1000, 990, 400, 90], 10));
    let it = only(&answer);
    assert_eq!(it.key.label, "src/read.rs:10 demo::read");
    let Measure::Reserve { capacity_bytes, doubling_fraction } = it.measure else { panic!("{it:?}") };
    // 400 of 1,000 reach 64 KiB, 90 go on to 128 KiB.
    assert_eq!((capacity_bytes, doubling_fraction), (64 << 10, 1.0));
    let copied = (4 << 10) * 1000 + (8 << 10) * 1000 + (16 << 10) * 990 + (32 << 10) * 400 + (64 << 10) * 90;
    assert_eq!(it.saves_bytes.total.value, copied);
    assert_eq!(it.saves_blocks.unwrap().total.value, 3480);
    assert_eq!(it.saves_blocks.unwrap().per_second.unwrap().value, 348.0);
    assert!(it.saves_bytes.total.lower95().unwrap() > 0.0);
    assert_eq!(answer.period_ns, Some(10_000_000_000));
}

#[test]
fn a_small_step_that_happened_to_be_sampled_decides_nothing() {
    // One buffer on its way to 16 MiB, of whose first step one sample was taken, which stands for many.
    let answer = ask(&growing(&[13, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 10));
    let Measure::Reserve { capacity_bytes, .. } = only(&answer).measure else { panic!("{answer:?}") };
    assert_eq!(capacity_bytes, 16 << 20);
}

#[test]
fn trimming_is_no_growth() {
    assert_eq!(kinds(&ask(&growing(&[1000, 1000], 0))), []);
}

#[test]
fn noise_is_no_advice() {
    // One sample's weight, and two.
    for blocks in [8, 16] {
        assert_eq!(kinds(&ask(&growing(&[blocks], 10))), [], "{blocks}");
    }
}

fn temporary(sizes: &[(i64, i64)], kept: i64) -> Profile {
    let mut build = Build::snapshot(1, 1, 10);
    for &(size, blocks) in sizes {
        let values = [
            ("alloc_objects", blocks),
            ("alloc_space", blocks * size),
            ("temp_objects", blocks),
            ("temp_space", blocks * size),
        ];
        build.row(&[LINE, MAIN], &values, &[("bytes", size)]);
    }
    build.row(&[LINE, MAIN], &[("alloc_objects", kept), ("alloc_space", kept)], &[("bytes", 1)]);
    build.profile
}

#[test]
fn reuse_is_for_blocks_of_one_size_at_a_high_rate() {
    let answer = ask(&temporary(&[(32, 100), (1024, 4000), (2048, 5000), (9000, 50)], 0));
    let Measure::Reuse { least_bytes, most_bytes, temporary_fraction } = only(&answer).measure else {
        panic!("{answer:?}")
    };
    assert_eq!((least_bytes, most_bytes, temporary_fraction), (1024, 2048, 1.0));
    assert_eq!(only(&answer).saves_blocks.unwrap().per_second.unwrap().value, 915.0);

    assert_eq!(kinds(&ask(&temporary(&[(64, 3000), (1024, 3000), (16_384, 3000)], 0))), [], "of all sizes");
    assert_eq!(kinds(&ask(&temporary(&[(1024, 9000)], 9000))), [], "half of the blocks stay");
    assert_eq!(kinds(&ask(&temporary(&[(1024, 900)], 0))), [], "90 per second are few");
}

/// Stacks of a construction by this function of a library, each with blocks that were freed, and the blocks that are live.
fn constructions(function: &str, lines: i64, live: i64) -> Profile {
    let mut build = Build::snapshot(R, 1, 10);
    let caller = "demo::handle@src/handle.rs:7";
    let outer = format!("{function}@{REGISTRY}/regex.rs:20");
    for line in 0..lines {
        let inner = format!("regex::compile::step@{REGISTRY}/compile.rs:{line}");
        let (blocks, size) = (50_000, 500);
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

#[test]
fn hoist_names_the_program_s_line_and_what_it_builds() {
    let answer = ask(&constructions("regex::Regex::new", 5, 10));
    // What is below the construction is not advised on again.
    let it = only(&answer);
    assert_eq!((it.key.label.as_str(), it.in_library), ("src/handle.rs:7 demo::handle", false));
    let Measure::Hoist { constructor, lines, freed_fraction } = &it.measure else { panic!("{it:?}") };
    assert_eq!((constructor.as_str(), *lines), ("regex::Regex::new", 5));
    assert!((freed_fraction - 0.9998).abs() < 1e-9);
    assert_eq!(it.saves_bytes.total.value, 5 * 25_000_000);
    assert_eq!(it.saves_blocks.unwrap().total.value, 250_000);
}

#[test]
fn other_calls_into_libraries_are_not_hoisted() {
    let hoists = |profile: &Profile| kinds(&ask(profile)).contains(&MeasureKind::Hoist);
    assert!(!hoists(&constructions("regex::Regex::find_iter", 5, 10)), "it builds nothing");
    assert!(!hoists(&constructions("regex::Regex::new", 2, 10)), "it is not expensive");
    assert!(!hoists(&constructions("regex::Regex::new", 5, 20_000)), "it is kept");
    assert!(hoists(&constructions("regex::builders::RegexBuilder<A>::build::<B>", 5, 10)));
}

#[test]
fn what_is_left_of_a_library_comes_behind_the_program() {
    let mut build = Build::snapshot(1, 1, 10);
    let library = format!("regex::compile::step@{REGISTRY}/compile.rs:1");
    for (frame, blocks) in [(library.as_str(), 9000), (LINE, 2000)] {
        let values = [
            ("alloc_objects", blocks),
            ("alloc_space", blocks * 64),
            ("temp_objects", blocks),
            ("temp_space", blocks * 64),
        ];
        build.row(&[frame, MAIN], &values, &[("bytes", 64)]);
    }
    let answer = ask(&build.profile);
    let order: Vec<_> =
        answer.findings.iter().map(|it| (it.in_library, it.saves_bytes.total.value)).collect();
    assert_eq!(order, [(false, 128_000), (true, 576_000)]);
}

#[test]
fn shrink_is_for_large_live_blocks_that_doubled() {
    let block = |size: i64, grown: i64| {
        let values = [
            ("alloc_objects", 100),
            ("alloc_space", 100 * size),
            ("inuse_objects", 100),
            ("inuse_space", 100 * size),
            ("realloc_objects", grown),
            ("realloc_space", 0),
            ("realloc_doublings", grown),
        ];
        let mut build = Build::snapshot(1, 1, 10);
        build.row(&[LINE, MAIN], &values, &[("bytes", size)]);
        build.profile
    };
    let answer = ask(&block(1 << 20, 100));
    let it = only(&answer);
    let Measure::Shrink { held_bytes, .. } = it.measure else { panic!("{it:?}") };
    assert_eq!((held_bytes.value, it.saves_bytes.total.value, it.saves_blocks), (100 << 20, 50 << 20, None));
    assert_eq!(kinds(&ask(&block(1 << 10, 100))), [], "small blocks");
    assert_eq!(kinds(&ask(&block(1 << 20, 10))), [], "asked for as they are");
}

#[test]
fn bound_is_for_what_only_grows() {
    let mut build = Build::snapshot(R, 5, 10);
    for birth in 1..=5 {
        let values = [
            ("alloc_objects", 10_000),
            ("alloc_space", 10_000_000),
            ("inuse_objects", 10_000),
            ("inuse_space", 10_000_000),
        ];
        build.row(&[LINE, MAIN], &values, &[("bytes", 1000), ("birth_epoch", birth)]);
    }
    let answer = ask(&build.profile);
    assert_eq!(only(&answer).measure, Measure::Bound { growth_per_hour: None });
    assert_eq!(only(&answer).saves_bytes.total.value, 50_000_000);
}

#[test]
fn two_snapshots_are_about_the_time_in_between() {
    let at = |epoch: i64, blocks: i64| {
        let mut build = Build::snapshot(R, epoch, 10 * epoch);
        let values = [
            ("alloc_objects", blocks),
            ("alloc_space", blocks * 1000),
            ("temp_objects", blocks),
            ("temp_space", blocks * 1000),
        ];
        build.row(&[LINE, MAIN], &values, &[("bytes", 1000)]);
        build.profile
    };
    let (first, last) = (at(1, 500_000), at(3, 900_000));
    let answer = advise(&last, Some(&first), &History::default(), &everything());
    let it = only(&answer);
    assert_eq!((answer.period_ns, it.saves_blocks.unwrap().total.value), (Some(20_000_000_000), 400_000));
    assert_eq!(it.saves_blocks.unwrap().per_second.unwrap().value, 20_000.0);
    // The samples of the first snapshot are among those of the last: only those in between err.
    let expected = (400_000.0 / (1000.0 / R as f64).exp_m1()).sqrt();
    let error = it.saves_blocks.unwrap().total.standard_error.unwrap();
    assert!((error - expected).abs() < 1e-6 * expected, "{error} is not {expected}");
    // Between a snapshot and itself nothing happened.
    let same = advise(&last, Some(&last), &History::default(), &everything());
    assert_eq!((kinds(&same), same.alloc_bytes.value), (vec![], 0));
}

#[test]
fn what_a_file_does_not_allow_is_said() {
    let mut build = Build::new(R);
    build.live(&[LINE, MAIN], 20_000, 1000);
    let gaps: Vec<_> = ask(&build.profile).not_possible.iter().map(|it| (it.measure, it.gap)).collect();
    assert_eq!(
        gaps,
        [
            (MeasureKind::Bound, Gap::AllocatedTotals),
            (MeasureKind::Shrink, Gap::Reallocations),
            (MeasureKind::Hoist, Gap::AllocatedTotals),
            (MeasureKind::Reserve, Gap::AllocatedTotals),
            (MeasureKind::Reuse, Gap::AllocatedTotals),
        ]
    );
    let whole = ask(&growing(&[1000], 10)).not_possible;
    let gap = Gap::Snapshots { have: 1, need: 4 };
    assert_eq!(whole, [NotPossible { measure: MeasureKind::Bound, gap }]);
}
