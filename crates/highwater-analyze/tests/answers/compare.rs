//! Comparisons: what is growth, what may be noise, and what must not be compared.

use highwater_analyze::{
    AnalyzeError, Caveat, Diff, DiffMode, DiffOptions, GroupBy, Overlap, Query, SampleKind, diff, folded_diff,
};
use highwater_profile::Profile;

use crate::build::{Build, everything, whole_stack};

const R: i64 = 512 * 1024;
const CACHE: &str = "demo::cache::fill@src/cache.rs:10";
const LEAK: &str = "demo::session::open@src/session.rs:88";
const FREED: &str = "demo::load::parse@src/load.rs:5";
const MAIN: &str = "demo::main@src/main.rs:3";

fn compare(base: &Profile, new: &Profile, query: &Query) -> Diff {
    diff(base, new, query, &DiffOptions::default()).unwrap()
}

/// A profile in which so many samples stand for live blocks of the cache, of the leak and of a table that is freed.
fn snapshot(slide: u64, cache: i64, leak: i64, freed: i64) -> Profile {
    let mut build = Build::sliding(R, slide);
    for (frame, samples) in [(CACHE, cache), (LEAK, leak), (FREED, freed)] {
        build.sampled(&whole_stack(&[frame, MAIN]), samples, 256);
    }
    build.profile
}

#[test]
fn a_leak_is_ranked_first_and_a_wobbling_cache_is_noise() {
    // 100 samples of a cache of fixed size become 112 by chance; a leak grows from 1 to 9; a table of 40 goes.
    let (base, new) = (snapshot(0x1000_0000, 100, 1, 40), snapshot(0x7f00_0000_0000, 112, 12, 0));
    let answer = compare(&base, &new, &Query::default());
    let rows: Vec<_> = answer
        .rows
        .iter()
        .map(|it| (it.key.label.as_str(), (it.change.value as f64 / R as f64).round() as i64, it.significant))
        .collect();
    assert_eq!(
        rows,
        [
            ("src/session.rs:88 demo::session::open", 11, true),
            ("src/load.rs:5 demo::load::parse", -40, true),
            ("src/cache.rs:10 demo::cache::fill", 12, false),
        ]
    );
    let noise = &answer.rows[2];
    assert!(noise.change.value > answer.rows[0].change.value, "the noise is larger than the leak");
    assert_eq!((answer.noise.rows, answer.noise.value), (1, noise.change.value));
    let expected = (answer.rows[0].base.standard_error.unwrap().powi(2)
        + answer.rows[0].new.standard_error.unwrap().powi(2))
    .sqrt();
    let actual = answer.rows[0].change.standard_error.unwrap();
    assert!((actual - expected).abs() < 1e-6 * expected);
    assert!(!answer.total_change.significant);
    let detectable = answer.minimum_detectable.unwrap() / R as f64;
    // Six samples of new code against none: 2·2⁻⁶ is not above 5 % of three in four.
    assert!((detectable - 6.0).abs() < 1e-9);
    assert_eq!((answer.tested, answer.overlap), (3, Overlap::Independent));
}

#[test]
fn a_small_leak_is_not_left_out_for_being_small() {
    let (base, new) = (snapshot(0, 4_000_000, 0, 0), snapshot(0, 4_004_000, 16, 0));
    let answer = compare(&base, &new, &Query { min_fraction: 0.9, ..Query::default() });
    assert_eq!(answer.rows[0].key.label, "src/session.rs:88 demo::session::open");
    assert!(answer.rows[0].significant && answer.rows[0].fraction < 0.01);
}

#[test]
fn unchanged_profiles_have_nothing_to_show() {
    let (base, new) = (snapshot(0, 7, 3, 1), snapshot(0x1_0000, 7, 3, 1));
    let answer = compare(&base, &new, &Query::default());
    assert_eq!((answer.rows.len(), answer.omitted.rows, answer.noise.rows), (0, 0, 0));
    assert_eq!(answer.total_change.change.value, 0);
}

#[test]
fn shares_are_of_all_changes_or_of_the_base() {
    let mut base = Build::new(1);
    base.live(&[CACHE], 1, 1000).live(&[FREED], 1, 600);
    let mut new = Build::new(1);
    new.live(&[CACHE], 1, 1000).live(&[LEAK], 1, 200).live(&[FREED], 1, 0);
    let ask = |mode| {
        diff(&base.profile, &new.profile, &everything(), &DiffOptions { mode, ..DiffOptions::default() })
            .unwrap()
    };
    let fractions = |answer: &Diff| answer.rows.iter().map(|it| it.fraction).collect::<Vec<_>>();
    assert_eq!(fractions(&ask(DiffMode::Base)), [0.25, -0.75, 0.0]);
    assert_eq!(fractions(&ask(DiffMode::DiffBase)), [0.125, -0.375, 0.0]);
    let answer = ask(DiffMode::Base);
    // Where every block was recorded, any change is certain.
    assert!(answer.rows[0].significant && !answer.rows[2].significant);
    assert_eq!((answer.total_change.change.value, answer.minimum_detectable), (-400, Some(0.0)));
}

#[test]
fn addresses_do_not_matter_and_offsets_in_equal_files_do() {
    let build = |slide| {
        let mut build = Build::sliding(1, slide);
        let stack = [build.address(0x4321)];
        build.live_at(&stack, 1, 64);
        build.profile
    };
    for by in [GroupBy::Line, GroupBy::Site, GroupBy::Function] {
        let query = Query { by, ..everything() };
        let answer = compare(&build(0x10_0000), &build(0x70_0000), &query);
        assert_eq!(answer.rows.len(), 1);
        assert_eq!((answer.rows[0].key.label.as_str(), answer.rows[0].change.value), ("codeindex+0x4321", 0));
    }
    // The same offset in another build is another place.
    let mut other = build(0x10_0000);
    let id = other.strings.intern("00ff18");
    let mapping = other.mapping_ids().next().unwrap();
    other.mapping_mut(mapping).build_id = id;
    assert_eq!(compare(&build(0x10_0000), &other, &everything()).rows.len(), 2);
}

#[test]
fn different_intervals_are_said_and_units_and_kinds_refused() {
    let base = snapshot(0, 1, 0, 0);
    let mut new = snapshot(0, 2, 0, 0);
    new.period = 1;
    let answer = diff(&base, &new, &Query::default(), &DiffOptions::default()).unwrap();
    let caveat = Caveat::DifferentIntervals { base: Some(R), new: Some(1) };
    assert!(caveat.to_string().contains("base: 524288 bytes, new: exact"), "{caveat}");
    assert!(answer.caveats.contains(&caveat), "{:?}", answer.caveats);
    assert!(folded_diff(&base, &new, &Query::default(), &DiffOptions::default()).is_ok());
    let forced = DiffOptions { force: true, ..DiffOptions::default() };

    let query = Query { sample: Some(SampleKind::Other("delay".into())), ..Query::default() };
    let delays = |unit| {
        let mut profile = Profile::new(vec![highwater_profile::ValueType::new("delay", unit)]);
        profile.samples.push(&[], &[1], &[]);
        profile
    };
    let error = diff(&delays("seconds"), &delays("bytes"), &query, &DiffOptions::default()).unwrap_err();
    assert!(matches!(error, AnalyzeError::NotComparable(Caveat::DifferentUnits { .. })));
    assert!(diff(&delays("seconds"), &delays("bytes"), &query, &forced).is_ok());
    assert_eq!(
        error.to_string(),
        "the values of delay are in seconds in the base and in bytes in the new profile"
    );
    assert!(matches!(diff(&base, &delays("bytes"), &query, &forced), Err(AnalyzeError::NoSampleType { .. })));
    // Without an interval nothing is known of errors: every change counts.
    let answer = compare(&delays("s"), &delays("s"), &query);
    assert_eq!((answer.total_change.change.standard_error, answer.minimum_detectable), (None, None));
}
