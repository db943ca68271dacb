//! The gate: what passes, what is a regression, and what nobody can know.

use highwater_analyze::{
    Allowance, AnalyzeError, Caveat, Check, CheckOptions, Doubt, Judged, Query, SampleKind, Verdict, check,
};
use highwater_profile::{Meta, Profile, ValueType};

use crate::build::{Build, whole_stack};

const R: i64 = 512 * 1024;
const CACHE: &str = "demo::cache::fill@src/cache.rs:10";
const LEAK: &str = "demo::session::open@src/session.rs:88";
const MAIN: &str = "demo::main@src/main.rs:3";

/// A profile with so many samples of small blocks by each of two lines.
fn run(interval: i64, cache: i64, leak: i64) -> Profile {
    let mut build = Build::new(interval);
    build.sampled(&whole_stack(&[CACHE, MAIN]), cache, 256).sampled(&whole_stack(&[LEAK, MAIN]), leak, 256);
    build.profile
}

fn exact(cache: i64, leak: i64) -> Profile {
    let mut build = Build::new(1);
    build.live(&[CACHE, MAIN], 1, cache).live(&[LEAK, MAIN], 1, leak);
    build.profile
}

fn judge(base: &Profile, new: &Profile, max_growth: Allowance) -> Check {
    check(base, new, &Query::default(), &[], &CheckOptions { max_growth, fdr: 0.05 }).unwrap()
}

const FIVE_PER_CENT: Allowance = Allowance::Share(0.05);

#[test]
fn exact_profiles_are_judged_to_the_byte() {
    let base = exact(9_000, 1_000);
    for (new, allowance, verdict) in [
        (exact(9_450, 1_050), FIVE_PER_CENT, Verdict::Pass),
        (exact(9_451, 1_050), FIVE_PER_CENT, Verdict::Regression),
        (exact(9_450, 1_050), Allowance::Fixed(500), Verdict::Pass),
        (exact(9_450, 1_050), Allowance::Fixed(499), Verdict::Regression),
        (exact(10, 10), Allowance::Share(0.0), Verdict::Pass),
    ] {
        let answer = judge(&base, &new, allowance);
        assert_eq!((answer.verdict, answer.checks[0].doubt), (verdict, None), "{allowance:?}");
    }
}

#[test]
fn a_row_that_grows_behind_a_steady_total_is_a_regression() {
    let answer = judge(&exact(9_000, 1_000), &exact(8_500, 1_500), FIVE_PER_CENT);
    let [it] = answer.checks.as_slice() else { panic!("one kind was asked for") };
    assert_eq!((answer.verdict, it.total_verdict), (Verdict::Regression, Verdict::Pass));
    assert_eq!(it.regressions.len(), 1);
    let row = &it.regressions[0];
    assert_eq!(row.key.label, "src/session.rs:88 demo::session::open");
    assert_eq!(
        (row.judgement.growth.value, row.judgement.allowed, row.judgement.excess.value),
        (500, 50, 450)
    );
    assert_eq!(row.stack.len(), 2);
}

#[test]
fn a_share_of_next_to_nothing_is_nothing() {
    // 40 bytes become 80: twice as many, but less than half a per cent of all.
    let (base, new) = (exact(100_000, 40), exact(100_000, 80));
    assert_eq!(judge(&base, &new, FIVE_PER_CENT).verdict, Verdict::Pass);
    let query = Query { min_fraction: 0.0, ..Query::default() };
    let options = CheckOptions { max_growth: FIVE_PER_CENT, fdr: 0.05 };
    assert_eq!(check(&base, &new, &query, &[], &options).unwrap().verdict, Verdict::Regression);
}

#[test]
fn sampled_growth_is_judged_with_its_error() {
    let base = run(R, 4_000, 0);
    // The excess over 5 % is 0, 400 and -180 samples, and errs by 1.96·√(4,200 + 1.05²·4,000) = 182.
    for (new, verdict) in [
        (run(R, 4_200, 0), Verdict::Inconclusive),
        (run(R, 4_600, 0), Verdict::Regression),
        (run(R, 4_010, 0), Verdict::Pass),
        (run(R, 4_000, 40), Verdict::Regression),
    ] {
        assert_eq!(judge(&base, &new, FIVE_PER_CENT).verdict, verdict);
    }
    let excess = judge(&base, &run(R, 4_600, 0), FIVE_PER_CENT).checks[0].total.excess;
    let expected = (4_600.0 + 1.05f64.powi(2) * 4_000.0).sqrt() * R as f64;
    let actual = excess.standard_error.unwrap();
    assert!((actual - expected).abs() < 1e-3 * expected, "{actual} is not {expected}");
}

#[test]
fn doubt_says_what_would_decide_and_that_does() {
    let (base, new) = (run(R, 100, 0), run(R, 115, 0));
    let answer = judge(&base, &new, FIVE_PER_CENT);
    let Some(Doubt::TooFewSamples(remedy)) = answer.checks[0].doubt else { panic!("{answer:?}") };
    // The excess is 10 samples, its error 1.96·√(115 + 1.05²·100) = 29.4 and what was not seen: 9 times as many samples decide.
    let factor = remedy.samples_factor.unwrap();
    assert!((factor - 8.8).abs() < 0.2, "{factor}");
    assert_eq!((remedy.runs, remedy.interval_bytes), (Some(9), 32 << 10));

    let runs = remedy.runs.unwrap() as i64;
    assert_eq!(
        judge(&run(R, 100 * runs, 0), &run(R, 115 * runs, 0), FIVE_PER_CENT).verdict,
        Verdict::Regression
    );
    let fewer = runs - 1;
    let still = judge(&run(R, 100 * fewer, 0), &run(R, 115 * fewer, 0), FIVE_PER_CENT);
    assert_eq!(still.verdict, Verdict::Inconclusive);
    let shorter = R / remedy.interval_bytes;
    let decided = judge(
        &run(remedy.interval_bytes, 100 * shorter, 0),
        &run(remedy.interval_bytes, 115 * shorter, 0),
        FIVE_PER_CENT,
    );
    assert_eq!(decided.verdict, Verdict::Regression);
}

#[test]
fn different_intervals_are_compared_by_their_errors() {
    let answer = judge(&run(R, 1_000, 0), &run(R / 8, 12_000, 0), FIVE_PER_CENT);
    assert_eq!(answer.verdict, Verdict::Regression);
    let total = answer.checks[0].total;
    let expected = (12_000.0 / 64.0 + 1.05f64.powi(2) * 1_000.0).sqrt() * R as f64;
    assert!((total.excess.standard_error.unwrap() - expected).abs() < 1e-3 * expected);
}

#[test]
fn noise_in_rows_is_counted_and_decides_nothing() {
    // The leak has 4 samples instead of 1.
    let answer = judge(&run(R, 400, 1), &run(R, 330, 4), FIVE_PER_CENT);
    let it = &answer.checks[0];
    assert_eq!((answer.verdict, it.regressions.len(), it.undecided.rows), (Verdict::Pass, 0, 1));
}

#[test]
fn what_is_not_known_is_not_passed() {
    let (base, new) = (run(0, 400, 0), run(0, 400, 0));
    let answer = judge(&base, &new, FIVE_PER_CENT);
    assert_eq!((answer.verdict, answer.checks[0].doubt), (Verdict::Inconclusive, Some(Doubt::UnknownErrors)));
    let answer = judge(&run(R, 0, 0), &run(R, 0, 0), FIVE_PER_CENT);
    assert_eq!(
        (answer.verdict, answer.checks[0].doubt),
        (Verdict::Inconclusive, Some(Doubt::NothingSampled))
    );
    let answer = judge(&exact(0, 0), &exact(0, 0), FIVE_PER_CENT);
    assert_eq!(answer.verdict, Verdict::Pass);
}

#[test]
fn several_kinds_are_judged_and_the_worst_counts() {
    let mut new = Build::new(1);
    new.live(&[CACHE, MAIN], 20, 450);
    let kinds = [SampleKind::LiveBytes, SampleKind::LiveBlocks];
    let options = CheckOptions { max_growth: FIVE_PER_CENT, fdr: 0.05 };
    let answer = check(&exact(9_000, 0), &new.profile, &Query::default(), &kinds, &options).unwrap();
    let verdicts: Vec<_> = answer.checks.iter().map(|it| (it.new.sample.as_str(), it.verdict)).collect();
    assert_eq!(verdicts, [("live-bytes", Verdict::Pass), ("live-blocks", Verdict::Regression)]);
    assert_eq!(answer.verdict, Verdict::Regression);
}

#[test]
fn profiles_without_the_values_or_in_other_units_are_refused() {
    let options = CheckOptions { max_growth: FIVE_PER_CENT, fdr: 0.05 };
    let (base, new) = (exact(1, 1), exact(1, 1));
    let error = check(&base, &new, &Query::default(), &[SampleKind::PeakBytes], &options).unwrap_err();
    assert!(matches!(error, AnalyzeError::NoSampleType { .. }));
    let types = [ValueType::new("inuse_objects", "count"), ValueType::new("inuse_space", "pages")];
    let error = check(&Profile::new(types.to_vec()), &new, &Query::default(), &[], &options).unwrap_err();
    assert!(matches!(error, AnalyzeError::NotComparable(Caveat::DifferentUnits { .. })));
}

/// A run whose peak came while these bytes were live at the two lines.
fn peak(process: i64, cache: i64, leak: i64) -> Profile {
    let mut build = Build::snapshot(1, 1, 60);
    build.row(&[CACHE, MAIN], &[("peak_space", cache), ("peak_objects", 1)], &[("bytes", cache)]);
    build.row(&[LEAK, MAIN], &[("peak_space", leak), ("peak_objects", 1)], &[("bytes", leak)]);
    let meta = build.profile.meta.unwrap();
    build.profile.meta = Some(Meta { process: Some(process), peak_bytes: Some(cache + leak), ..meta });
    build.profile
}

fn judge_peak(base: &Profile, new: &Profile) -> Check {
    let options = CheckOptions { max_growth: FIVE_PER_CENT, fdr: 0.05 };
    check(base, new, &Query::default(), &[SampleKind::PeakBytes], &options).unwrap()
}

#[test]
fn peaks_are_judged_by_what_the_processes_counted_and_never_by_their_rows() {
    // The base's peak came in one phase of the program, the new one's in the other.
    let base = peak(1, 9 << 20, 1 << 20);
    for (new, verdict) in [
        (peak(2, 9 << 20, 1 << 20), Verdict::Pass),
        (peak(2, 1 << 20, 9 << 20), Verdict::Pass),
        (peak(2, 1 << 20, 5 << 20), Verdict::Pass),
        (peak(2, 1 << 20, 10 << 20), Verdict::Regression),
    ] {
        let answer = judge_peak(&base, &new);
        let it = &answer.checks[0];
        assert_eq!((answer.verdict, it.judged), (verdict, Judged::ProcessPeak));
        assert!(it.regressions.is_empty() && it.total.growth.low == it.total.growth.high);
        assert!(it.caveats.contains(&Caveat::DifferentMoments) && it.caveats.contains(&Caveat::SamplingOnly));
    }
    let moved = judge_peak(&base, &peak(2, 1 << 20, 5 << 20));
    assert_eq!(moved.checks[0].explanation.len(), 1, "the row that the new peak consists of");
    assert_eq!(moved.checks[0].total.growth.value, -(4 << 20));
}

#[test]
fn peaks_that_no_process_counted_are_judged_by_their_sum() {
    let without = |mut profile: Profile| {
        profile.meta = None;
        profile
    };
    let (base, moved, more) =
        (peak(1, 9 << 20, 1 << 20), peak(2, 1 << 20, 9 << 20), peak(2, 3 << 20, 9 << 20));
    for (new, verdict) in [(moved, Verdict::Pass), (more, Verdict::Regression)] {
        let answer = judge_peak(&without(base.clone()), &without(new));
        assert_eq!((answer.verdict, answer.checks[0].judged), (verdict, Judged::Rows));
        assert!(answer.checks[0].regressions.is_empty());
    }
}

/// An exact run whose recorder lost samples while so many bytes were live that it did not record.
fn lossy(cache: i64, unrecorded: i64) -> Profile {
    let mut profile = exact(cache, 1_000);
    let live = cache + 1_000 + unrecorded;
    profile.meta = Some(Meta {
        exact: Some(1),
        alloc_bytes: Some(live),
        freed_bytes: Some(0),
        dropped_samples: Some(unrecorded),
        ..Meta::default()
    });
    profile
}

#[test]
fn what_a_recorder_lost_may_decide() {
    let base = exact(9_000, 1_000);
    for (base, new, verdict) in [
        (base.clone(), lossy(9_000, 400), Verdict::Pass),
        (base.clone(), lossy(9_000, 600), Verdict::Inconclusive),
        (base.clone(), lossy(9_600, 600), Verdict::Regression),
        (lossy(9_000, 100), exact(9_900, 1_000), Verdict::Regression),
        (lossy(9_000, 900), exact(9_900, 1_000), Verdict::Inconclusive),
    ] {
        let answer = judge(&base, &new, FIVE_PER_CENT);
        assert_eq!(answer.verdict, verdict, "{answer:?}");
        assert_eq!(answer.checks[0].doubt.is_some(), verdict == Verdict::Inconclusive);
    }
    let header = &judge(&base, &lossy(9_000, 600), FIVE_PER_CENT).checks[0].new;
    assert!(!header.exact);
    assert_eq!(header.lost.map(|it| (it.samples, it.most)), Some((600, Some(600))));
    assert_eq!(judge(&base, &base, FIVE_PER_CENT).checks[0].new.lost, None);
}
