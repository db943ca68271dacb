//! What could be done: each measure is advised where it helps, with what it saves, and nowhere else.

use highwater_analyze::{
    Advice, Advices, Gap, History, Measure, MeasureKind, NotPossible, Query, SampleKind, advise,
};
use highwater_profile::Profile;

use crate::build::{Build, everything};

pub const R: i64 = 64 * 1024;
pub const LINE: &str = "demo::read@src/read.rs:10";
const GROW: &str = "alloc::raw_vec::RawVec<demo::Record>::grow_one@~alloc/src/raw_vec/mod.rs:1";
pub const MAIN: &str = "demo::main@src/main.rs:3";
pub const REGISTRY: &str = "/home/u/.cargo/registry/src/i/regex-1.0.0/src";

pub fn ask(profile: &Profile) -> Advices {
    advise(profile, None, &History::default(), &Query::default())
}

pub fn kinds(answer: &Advices) -> Vec<MeasureKind> {
    answer.findings.iter().map(|it| it.measure.kind()).collect()
}

#[track_caller]
pub fn only(answer: &Advices) -> &Advice {
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
        build.row(&[GROW, LINE, MAIN], &values, &[("bytes", size)]);
    }
    build.profile
}

#[test]
fn reserve_names_the_capacity_that_most_reach() {
    let answer = ask(&growing(&[1000, 1000, 990, 400, 90], 10));
    let it = only(&answer);
    assert_eq!(it.key.label, "src/read.rs:10 demo::read");
    assert_eq!(it.container.as_deref(), Some("Vec<demo::Record>"));
    let Measure::Reserve { capacity_bytes, buffers_fraction, more_held_bytes } = it.measure else {
        panic!("{it:?}")
    };
    // 990 of 1,000 reach 32 KiB, 400 go on to 64 KiB, which would make the others larger than they ever were. The steps
    // beyond 32 KiB are not spared.
    assert_eq!((capacity_bytes, more_held_bytes), (32 << 10, 0));
    assert!(buffers_fraction > 0.98, "{buffers_fraction}");
    let copied = (4 << 10) * 1000 + (8 << 10) * 1000 + (16 << 10) * 990;
    assert_eq!(it.saves_bytes.total.value, copied);
    assert_eq!(it.saves_blocks.unwrap().total.value, 2990);
    assert_eq!(it.saves_blocks.unwrap().per_second.unwrap().value, 299.0);
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

/// Buffers of 512 B, which some outgrow, with so many of the small ones live at the peak.
fn mostly_small(small: i64, grown: i64, small_at_peak: i64) -> Profile {
    let mut build = Build::snapshot(1, 1, 10);
    let at_peak = [("peak_objects", small_at_peak), ("peak_space", small_at_peak * 512)];
    let small = [("alloc_objects", small), ("alloc_space", small * 512)];
    build.row(&[LINE, MAIN], &[small, at_peak].concat(), &[("bytes", 512)]);
    for size in [1024, 2048, 4096] {
        let values = [
            ("alloc_objects", grown),
            ("alloc_space", grown * size),
            ("peak_objects", i64::from(size == 4096)),
            ("peak_space", size * i64::from(size == 4096)),
            ("realloc_objects", grown),
            ("realloc_space", grown * size / 2),
            ("realloc_doublings", grown),
        ];
        build.row(&[LINE, MAIN], &values, &[("bytes", size)]);
    }
    build.profile
}

#[test]
fn a_capacity_that_most_buffers_would_not_need_is_no_advice() {
    let reserved = |profile: &Profile| match ask(profile).findings.first()?.measure {
        Measure::Reserve { capacity_bytes, buffers_fraction, more_held_bytes } => {
            Some((capacity_bytes, buffers_fraction, more_held_bytes))
        }
        _ => None,
    };
    assert_eq!(reserved(&mostly_small(1000, 900, 0)), Some((4096, 0.9, 0)));
    assert_eq!(reserved(&mostly_small(1000, 300, 0)), None, "seven of ten stay at 512 B");
    // Nine of ten come to 4 KiB, but those that do not are what lives.
    assert_eq!(reserved(&mostly_small(1000, 900, 100)), None, "350 KiB more at a peak of 54 KiB");
}

#[test]
fn buffers_that_another_line_allocates_may_mostly_stay_as_they_are() {
    let with = |fresh: i64| {
        let mut profile = Build::snapshot(1, 1, 10);
        profile.profile = mostly_small(fresh, 900, 0);
        profile.row(&[MAIN], &[("alloc_objects", 10), ("alloc_space", 1 << 30)], &[("bytes", 1 << 27)]);
        kinds(&ask(&profile.profile))
    };
    assert_eq!(with(1000), [MeasureKind::Reserve]);
    assert_eq!(with(0), []);
}

#[test]
fn what_a_capacity_costs_is_said() {
    let mut profile = mostly_small(1000, 900, 1);
    let mut more = Build::snapshot(1, 1, 10);
    more.profile = profile;
    more.row(&[LINE, MAIN], &[("peak_objects", 10), ("peak_space", 40_960)], &[("bytes", 4096)]);
    profile = more.profile;
    let Measure::Reserve { more_held_bytes, .. } = only(&ask(&profile)).measure else { panic!() };
    assert_eq!(more_held_bytes, 4096 - 512);
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
        build.row(&[frame, "demo::handle@src/handle.rs:7", MAIN], &values, &[("bytes", 64)]);
    }
    // Of the library, and of a kind that is named before.
    let held = [("inuse_objects", 100), ("inuse_space", 100 << 20)];
    let grown = [("alloc_objects", 100), ("alloc_space", 1 << 20), ("realloc_objects", 100)];
    let values = [&held[..], &grown, &[("realloc_doublings", 100)]].concat();
    build.row(&[&library, "demo::handle@src/handle.rs:7", MAIN], &values, &[("bytes", 1 << 20)]);
    let answer = ask(&build.profile);
    let order: Vec<_> = answer
        .findings
        .iter()
        .map(|it| (it.in_library, it.measure.kind(), it.called_from.as_ref().map(|it| it.label.as_str())))
        .collect();
    let called = Some("src/handle.rs:7 demo::handle");
    assert_eq!(
        order,
        [
            (false, MeasureKind::Reuse, None),
            (true, MeasureKind::Shrink, called),
            (true, MeasureKind::Reuse, called),
        ]
    );
}

/// Profiles of all sorts of rows, some of which say more of a part than of the whole, as estimates may.
fn arbitrary(seed: u64) -> Profile {
    let mut state = seed;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below) as i64
    };
    let mut build = Build::snapshot(1, 5, 1);
    for row in 0..60 {
        let (line, size, blocks) = (next(8), 1 << (4 + next(14)), 1 + next(5000));
        let place = if next(2) == 0 { "src".to_owned() } else { REGISTRY.to_owned() };
        let frame = format!("demo::line@{place}/a.rs:{line}");
        let part = |share: i64| blocks * share / 10;
        let (live, temporary, grown) = (part(next(4)), part(next(14)), part(next(14)));
        let values = [
            ("alloc_objects", blocks),
            ("alloc_space", blocks * size),
            ("inuse_objects", live),
            ("inuse_space", live * size),
            ("peak_objects", live),
            ("peak_space", live * size),
            ("temp_objects", temporary),
            ("temp_space", temporary * size),
            ("realloc_objects", grown),
            ("realloc_space", grown * size),
            ("realloc_doublings", grown),
        ];
        build.row(&[&frame, MAIN], &values, &[("bytes", size), ("birth_epoch", 1 + row % 5)]);
    }
    build.profile
}

#[test]
fn no_advice_saves_more_than_there_is_and_all_together_no_more_than_all() {
    let mut found = Vec::new();
    for seed in 1..200 {
        let profile = arbitrary(seed);
        let answer = ask(&profile);
        let query = Query { sample: Some(SampleKind::AllocBytes), ..everything() };
        let rows = highwater_analyze::top(&profile, &query).unwrap().rows;
        let (mut bytes, mut blocks, mut held) = (0, 0, 0);
        for it in &answer.findings {
            let value = it.saves_bytes.total.value;
            found.push(it.measure.kind());
            if let Some(saved) = it.saves_blocks {
                let whole = rows.iter().find(|row| row.key == it.key).unwrap().flat.value;
                assert!(value <= whole, "{seed}: {value} of {whole} at {}", it.key.label);
                bytes += value;
                blocks += saved.total.value;
            } else {
                held += value;
            }
        }
        assert!(bytes <= answer.alloc_bytes.value && blocks <= answer.alloc_blocks.value, "{seed}");
        assert!(held <= answer.header.total.value, "{seed}");
    }
    for kind in [MeasureKind::Shrink, MeasureKind::Reserve, MeasureKind::Reuse] {
        assert!(found.contains(&kind), "no profile was advised to {kind:?}");
    }
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
