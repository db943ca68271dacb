//! Two profiles of one process, and of processes that must not be taken for one.

use highwater_analyze::{Caveat, Diff, DiffOptions, Overlap, Query, SampleKind, diff};
use highwater_profile::{Label, LabelValue, Meta, Profile, ValueType};

use crate::build::{Build, everything};

const R: i64 = 512 << 10;
const LEAF: &str = "demo::index::add@src/index.rs:88";
const HOUR_NS: i64 = 3_600_000_000_000;

/// A snapshot in which so many samples of small blocks, by the number of the snapshot that saw them first, are live.
fn snapshot(epoch: i64, samples: &[(i64, i64)]) -> Build {
    let mut build = Build::new(R);
    for &(born, samples) in samples {
        build.born(&[LEAF], samples, 256, born);
    }
    build.profile.time_ns += epoch * HOUR_NS;
    build.profile.meta = Some(Meta {
        process: Some(77),
        epoch: Some(epoch),
        alloc_bytes: Some(epoch << 30),
        ..Meta::default()
    });
    build
}

fn with(mut build: Build, change: impl FnOnce(&mut Profile, &mut Meta)) -> Profile {
    let mut meta = build.profile.meta.unwrap();
    change(&mut build.profile, &mut meta);
    build.profile.meta = Some(meta);
    build.profile
}

/// What the comparison says that it does not know.
fn caveats(base: &Profile, new: &Profile) -> Vec<Caveat> {
    let answer = diff(base, new, &everything(), &DiffOptions::default()).unwrap();
    assert!(answer.caveats.iter().all(|it| !it.is_refusal()));
    answer.caveats
}

fn compared(base: &Profile, new: &Profile, query: &Query) -> Diff {
    diff(base, new, query, &DiffOptions::default()).unwrap()
}

/// How many samples of small blocks make such a value, and such a variance.
fn samples(estimate: highwater_analyze::Estimate) -> (i64, i64) {
    let error = estimate.standard_error.unwrap() / R as f64;
    ((estimate.value as f64 / R as f64).round() as i64, (error * error).round() as i64)
}

#[test]
fn what_survived_has_no_part_in_the_error() {
    let (base, new) = (snapshot(1, &[(1, 100)]), snapshot(2, &[(1, 64), (2, 81)]));
    let answer = compared(&base.profile, &new.profile, &everything());
    assert_eq!(answer.overlap, Overlap::Survivors);
    let row = &answer.rows[0];
    let cohorts = row.cohorts.unwrap();
    assert_eq!(samples(cohorts.new), (81, 81));
    assert_eq!((samples(cohorts.dead), samples(cohorts.survived)), ((36, 36), (64, 64)));
    assert_eq!(samples(row.change), (45, 81 + 36));
    assert!((row.samples - 117.0).abs() < 0.1 && row.significant);
    assert_eq!(answer.total_change.cohorts, Some(cohorts));
    // The other way round it is the same change, with the sign turned.
    let back = compared(&new.profile, &base.profile, &everything());
    let other = back.rows[0].cohorts.unwrap();
    assert_eq!((back.rows[0].change.value, other.survived), (-row.change.value, cohorts.survived));
    assert_eq!((other.new, other.dead), (cohorts.dead, cohorts.new));
    assert_eq!(back.rows[0].change.standard_error, row.change.standard_error);
    assert_eq!(back.rows[0].q_value, row.q_value);
}

#[test]
fn a_process_without_new_or_dead_blocks_has_nothing_to_test() {
    let (base, new) = (snapshot(1, &[(1, 100)]), snapshot(2, &[(1, 100)]));
    for new in [&base, &new] {
        let answer = compared(&base.profile, &new.profile, &everything());
        assert_eq!((answer.tested, answer.rows[0].q_value, answer.rows[0].significant), (0, None, false));
        assert_eq!(answer.total_change.change.standard_error, Some(0.0));
    }
}

#[test]
fn values_that_only_grow_contain_the_earlier_ones() {
    let types = [("alloc_objects", "count"), ("alloc_space", "bytes")];
    let shot = |epoch, samples: f64| {
        let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        (profile.period_type, profile.period) = (Some(ValueType::new("space", "bytes")), R);
        profile.meta = Some(Meta { process: Some(3), epoch: Some(epoch), ..Meta::default() });
        let key = profile.strings.intern("bytes");
        let weight = 1.0 / -(-256.0 / R as f64).exp_m1();
        let blocks = (samples * weight).round();
        let labels = [Label { key, value: LabelValue::Number(256, key) }];
        profile.samples.push(&[], &[blocks as i64, (samples * weight * 256.0).round() as i64], &labels);
        profile
    };
    let query = Query { sample: Some(SampleKind::AllocBytes), ..everything() };
    let answer = compared(&shot(1, 1000.0), &shot(2, 1025.0), &query);
    assert_eq!((answer.overlap, answer.rows[0].cohorts), (Overlap::Nested, None));
    assert_eq!(samples(answer.rows[0].change), (25, 25));
    assert!(answer.rows[0].significant, "25 samples, and none that went");
}

#[test]
fn other_processes_other_orders_and_other_times_are_answered_and_said() {
    let (first, second) = (|| snapshot(1, &[(1, 9)]), || snapshot(2, &[(1, 9)]));
    let restarted = with(second(), |_, meta| meta.process = Some(78));
    assert_eq!(caveats(&first().profile, &restarted), [Caveat::Restarted, Caveat::SamplingOnly]);
    let stranger = with(second(), |profile, meta| {
        meta.process = Some(78);
        let id = profile.strings.intern("00ff18");
        let mapping = profile.mapping_ids().next().unwrap();
        profile.mapping_mut(mapping).build_id = id;
    });
    assert_eq!(caveats(&first().profile, &stranger), [Caveat::DifferentPrograms, Caveat::SamplingOnly]);
    assert_eq!(caveats(&second().profile, &first().profile), [Caveat::Reversed { base: 2, new: 1 }]);
    let clock = with(second(), |profile, _| profile.time_ns -= 2 * HOUR_NS);
    assert_eq!(caveats(&first().profile, &clock), [Caveat::ClockWentBack { back_ns: HOUR_NS }]);
    let totals = with(second(), |_, meta| meta.alloc_bytes = Some(5));
    assert_eq!(caveats(&first().profile, &totals), [Caveat::TotalsWentBack { base: 1 << 30, new: 5 }]);
    let answer = compared(&first().profile, &second().profile, &everything());
    assert!(answer.caveats.is_empty());
}

#[test]
fn files_that_do_not_name_their_process_are_compared_as_they_are() {
    let (base, new) = (snapshot(1, &[(1, 9)]), snapshot(2, &[(1, 90)]));
    let nameless = with(new, |_, meta| meta.process = None);
    let answer = compared(&base.profile, &nameless, &everything());
    assert_eq!((answer.overlap, answer.caveats), (Overlap::Independent, vec![Caveat::SamplingOnly]));
    // One that is older is pointed out.
    let answer = compared(&nameless, &base.profile, &everything());
    assert_eq!(answer.caveats, [Caveat::Older { back_ns: HOUR_NS }, Caveat::SamplingOnly]);
}

#[test]
fn a_row_that_is_in_one_profile_only_may_have_been_unseen_in_the_other() {
    let (base, new) = (snapshot(1, &[]), with(snapshot(2, &[(2, 30)]), |_, meta| meta.process = Some(78)));
    let answer = compared(&base.profile, &new, &everything());
    let row = &answer.rows[0];
    let intervals = |it: Option<f64>| it.unwrap() / R as f64;
    assert_eq!((row.base.value, row.base.low), (0, Some(0.0)));
    assert!((4.0..4.4).contains(&intervals(row.base.high)), "{:?}", row.base);
    let [below, above] = row.change.margins95().unwrap().map(|it| it / R as f64);
    assert!((9.0..12.0).contains(&below) && (11.0..14.0).contains(&above), "{below} {above}");
    assert!(answer.base.total.high > Some(R as f64));
}
