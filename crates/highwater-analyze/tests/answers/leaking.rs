//! What is alive and should not be: each cause is found where it is, and nowhere else.

use highwater_analyze::{
    Cause, Gap, History, LeakEvidence, Leaks, NotKnown, Query, Series, SeriesOptions, Suppression,
    TrendOptions, leaks,
};
use highwater_profile::Profile;
use regex::Regex;

use crate::build::{Build, everything};

const R: i64 = 512 * 1024;
const CACHE: &str = "demo::cache::put@src/cache.rs:10";
const TABLE: &str = "demo::table::build@src/table.rs:20";
const REQUEST: &str = "demo::request::parse@src/request.rs:30";
const MAIN: &str = "demo::main@src/main.rs:3";

/// Blocks of 1,000 bytes that a snapshot saw first, all of them live.
fn kept(build: &mut Build, frame: &str, blocks: i64, birth: i64) {
    let bytes = blocks * 1000;
    let values = [
        ("alloc_objects", blocks),
        ("alloc_space", bytes),
        ("inuse_objects", blocks),
        ("inuse_space", bytes),
    ];
    build.row(&[frame, MAIN], &values, &[("bytes", 1000), ("birth_epoch", birth)]);
}

/// Blocks of 1,000 bytes that were freed after so many nanoseconds.
fn freed(build: &mut Build, frame: &str, blocks: i64, lived_ns: i64) {
    let bytes = blocks * 1000;
    build.row(&[frame, MAIN], &[("alloc_objects", blocks), ("alloc_space", bytes)], &[("bytes", 1000)]);
    let values = [("freed_objects", blocks), ("freed_space", bytes)];
    build.row(&[frame, MAIN], &values, &[("bytes", 1000), ("lifetime", lived_ns)]);
}

/// The snapshot with this number: a cache that grows by `grows` blocks with each, and a table that is built at the start.
fn snapshot(interval: i64, epoch: i64, grows: i64) -> Profile {
    let mut build = Build::snapshot(interval, epoch, epoch * 60);
    kept(&mut build, TABLE, 50_000, 1);
    kept(&mut build, TABLE, 50_000, 2);
    for birth in 1..=epoch {
        kept(&mut build, CACHE, grows, birth);
    }
    build.profile
}

fn ask(profile: &Profile) -> Leaks {
    leaks(profile, &History::default(), &Query::default(), &[])
}

fn found(answer: &Leaks) -> Vec<(Cause, &str)> {
    answer.findings.iter().map(|it| (it.evidence.cause(), it.key.function.as_deref().unwrap_or(""))).collect()
}

#[test]
fn what_piles_up_is_told_from_what_was_set_up() {
    for interval in [1, R] {
        let answer = ask(&snapshot(interval, 7, 20_000));
        assert_eq!(found(&answer), [(Cause::NeverFreed, "demo::cache::put")], "{interval}");
        let LeakEvidence::NeverFreed { snapshots, freed_fraction_at_most, .. } = answer.findings[0].evidence
        else {
            panic!("{answer:?}")
        };
        assert_eq!(snapshots, 6);
        // Of 140,000,000 bytes some four sampling intervals may have been freed unseen.
        let unseen = if interval == 1 { 0.0..=0.0 } else { 4.0..=4.3 };
        let intervals = freed_fraction_at_most * 140_000_000.0 / R as f64;
        assert!(unseen.contains(&intervals), "{intervals}");
        assert_eq!(answer.findings[0].live_bytes.value, 140_000_000);
        assert_eq!(answer.findings[0].stack.len(), 2);
    }
}

#[test]
fn what_is_freed_does_not_pile_up() {
    let mut build = Build::snapshot(1, 7, 420);
    for birth in 1..=7 {
        kept(&mut build, CACHE, 1000, birth);
    }
    freed(&mut build, CACHE, 1000, 1 << 37);
    assert_eq!(found(&ask(&build.profile)), [], "an eighth was freed");
    // A part of the run without births.
    let mut build = Build::snapshot(1, 7, 420);
    for birth in [1, 2, 3, 6, 7] {
        kept(&mut build, TABLE, 1000, birth);
    }
    assert_eq!(found(&ask(&build.profile)), []);
}

#[test]
fn noise_piles_up_nowhere() {
    // One or two samples in each third.
    assert_eq!(found(&ask(&snapshot(R, 7, 600))), []);
}

#[test]
fn one_or_few_snapshots_cannot_show_what_piles_up() {
    let answer = ask(&snapshot(1, 3, 20_000));
    assert_eq!(found(&answer), []);
    let gap = Gap::Snapshots { have: 3, need: 4 };
    assert!(answer.not_known.contains(&NotKnown { cause: Cause::NeverFreed, gap }), "{:?}", answer.not_known);
    assert!(answer.not_known.contains(&NotKnown { cause: Cause::GrowsWithoutEnd, gap: Gap::Series }));
}

/// A snapshot after ten minutes: a million requests' blocks lived for a millisecond, and as many as this live on since each
/// of `births`.
fn stragglers(blocks: i64, births: &[i64]) -> Profile {
    let mut build = Build::snapshot(R, 4, 600);
    freed(&mut build, REQUEST, 1_000_000, 1 << 20);
    for &birth in births {
        kept(&mut build, REQUEST, blocks, birth);
    }
    build.profile
}

#[test]
fn blocks_that_outlive_their_kind_are_found_by_age_or_by_number() {
    let profile = stragglers(50_000, &[2, 3]);
    let with_times = History {
        trend: None,
        snapshots: (1..=4).map(|epoch| (epoch, profile.time_ns - (4 - epoch) * 60_000_000_000)).collect(),
    };
    for (history, older) in [(with_times, Some(60_000_000_000)), (History::default(), None)] {
        let answer = leaks(&profile, &history, &Query::default(), &[]);
        assert_eq!(found(&answer), [(Cause::OutlivesItsKind, "demo::request::parse")]);
        let LeakEvidence::OutlivesItsKind { usual_ns, older_than_ns, freed_blocks, .. } =
            answer.findings[0].evidence
        else {
            panic!("{answer:?}")
        };
        assert_eq!((usual_ns, older_than_ns, freed_blocks.value), (1 << 21, older, 1_000_000));
    }
}

#[test]
fn young_blocks_do_not_outlive_their_kind() {
    // Those that a request holds now, as Little's law has it: 1,750 a second for 2 ms are 4.
    assert_eq!(found(&ask(&stragglers(4, &[2, 4]))), []);
    // With the times known, blocks that no earlier snapshot has seen are young, however many they are.
    let profile = stragglers(50_000, &[4]);
    let history =
        History { trend: None, snapshots: vec![(3, profile.time_ns - 60_000_000_000), (4, profile.time_ns)] };
    assert_eq!(found(&leaks(&profile, &history, &Query::default(), &[])), []);
}

#[test]
fn what_was_set_up_at_the_start_does_not_outlive_its_kind() {
    assert_eq!(found(&ask(&stragglers(50_000, &[1]))), []);
    // Nor what was set up once later.
    assert_eq!(found(&ask(&stragglers(50_000, &[1, 3]))), []);
    assert_eq!(found(&ask(&stragglers(50_000, &[1, 2, 3]))).len(), 1);
}

#[test]
fn a_kind_that_lives_long_is_not_outlived() {
    let mut build = Build::snapshot(R, 4, 600);
    freed(&mut build, REQUEST, 1_000_000, 1 << 36);
    kept(&mut build, REQUEST, 50_000, 2);
    kept(&mut build, REQUEST, 50_000, 3);
    assert_eq!(found(&ask(&build.profile)), [], "they live for minutes");
}

#[test]
fn a_buffer_that_is_kept_and_used_again_is_no_leak() {
    let mut build = Build::snapshot(1, 4, 600);
    freed(&mut build, REQUEST, 1_000_000, 1 << 20);
    let once = |blocks: i64| {
        let bytes = blocks << 20;
        [("alloc_objects", blocks), ("alloc_space", bytes), ("inuse_objects", blocks), ("inuse_space", bytes)]
    };
    build.row(&[REQUEST, MAIN], &once(1), &[("bytes", 1 << 20), ("birth_epoch", 2)]);
    build.row(&[REQUEST, MAIN], &once(1), &[("bytes", 1 << 20), ("birth_epoch", 3)]);
    assert_eq!(found(&ask(&build.profile)), []);
    // Hundreds of such blocks are more than one buffer.
    build.row(&[REQUEST, MAIN], &once(300), &[("bytes", 1 << 20), ("birth_epoch", 3)]);
    assert_eq!(found(&ask(&build.profile)), [(Cause::OutlivesItsKind, "demo::request::parse")]);
}

fn history(snapshots: &[Profile]) -> History {
    let mut series = Series::new(everything(), SeriesOptions::default());
    snapshots.iter().for_each(|it| series.push(it).unwrap());
    History {
        trend: Some(series.trend(&TrendOptions::default()).unwrap()),
        snapshots: snapshots.iter().map(|it| (it.meta.unwrap().epoch.unwrap(), it.time_ns)).collect(),
    }
}

#[test]
fn a_series_shows_what_grows_without_end() {
    let snapshots: Vec<Profile> = (1..=13).map(|epoch| snapshot(R, epoch, 20_000)).collect();
    let answer = leaks(&snapshots[12], &history(&snapshots), &Query::default(), &[]);
    assert_eq!(found(&answer), [(Cause::GrowsWithoutEnd, "demo::cache::put")]);
    let LeakEvidence::GrowsWithoutEnd { growth_per_hour, snapshots, span_ns, .. } =
        answer.findings[0].evidence
    else {
        panic!("{answer:?}")
    };
    assert_eq!((snapshots, span_ns), (13, 720_000_000_000));
    let expected = 20_000_000.0 * 60.0;
    let error = growth_per_hour.standard_error.unwrap();
    assert!((growth_per_hour.value as f64 - expected).abs() < 3.0 * error, "{growth_per_hour:?}");
}

#[test]
fn a_short_series_is_said_to_be_short() {
    let snapshots: Vec<Profile> = (1..=3).map(|epoch| snapshot(R, epoch, 20_000)).collect();
    let answer = leaks(&snapshots[2], &history(&snapshots), &Query::default(), &[]);
    assert_eq!(found(&answer), []);
    let gap = Gap::Snapshots { have: 3, need: 5 };
    assert!(
        answer.not_known.contains(&NotKnown { cause: Cause::GrowsWithoutEnd, gap }),
        "{:?}",
        answer.not_known
    );
}

#[test]
fn other_tools_files_say_what_they_lack() {
    let mut build = Build::new(R);
    build.live(&[CACHE, MAIN], 20_000, 1000);
    let answer = ask(&build.profile);
    assert_eq!(found(&answer), []);
    let gaps: Vec<Gap> = answer.not_known.iter().map(|it| it.gap).collect();
    assert_eq!(gaps, [Gap::Series, Gap::AllocatedTotals, Gap::AllocatedTotals]);
    build.profile.period = 0;
    let gaps: Vec<Gap> = ask(&build.profile).not_known.iter().map(|it| it.gap).collect();
    assert_eq!(gaps, [Gap::SamplingErrors; 3]);
}

fn rule(pattern: &str, cause: Option<Cause>) -> Suppression {
    Suppression { pattern: Regex::new(pattern).unwrap(), cause, reason: format!("known: {pattern}") }
}

#[test]
fn rules_accept_what_they_match_and_unused_ones_are_told() {
    let profile = snapshot(1, 7, 20_000);
    let ask = |rules: &[Suppression]| leaks(&profile, &History::default(), &Query::default(), rules);
    for pattern in ["cache::put", r"src/cache\.rs", "demo::main", "/srv/app/codeindex"] {
        let answer = ask(&[rule(pattern, None)]);
        assert_eq!((answer.findings.len(), answer.suppressed[0].findings), (0, 1), "{pattern}");
        assert_eq!((answer.suppressed[0].live_bytes, answer.suppressed[0].unused), (140_000_000, false));
    }
    let rules = [
        rule("nobody", None),
        rule("cache", Some(Cause::OutlivesItsKind)),
        rule("cache", Some(Cause::GrowsWithoutEnd)),
        rule("cache", Some(Cause::NeverFreed)),
        rule("put", None),
    ];
    let answer = ask(&rules);
    assert!(answer.findings.is_empty());
    let counts: Vec<_> = answer.suppressed.iter().map(|it| (it.findings, it.unused)).collect();
    // Growth cannot be seen in one file, so that the rule for it may well be needed. Of two rules that apply the first does.
    assert_eq!(counts, [(0, true), (0, true), (0, false), (1, false), (0, true)]);
}

#[test]
fn the_limit_leaves_out_and_counts() {
    let mut build = Build::snapshot(1, 4, 240);
    for birth in 1..=4 {
        kept(&mut build, CACHE, 2000, birth);
        kept(&mut build, REQUEST, 1000, birth);
    }
    let query = Query { limit: Some(1), ..Query::default() };
    let answer = leaks(&build.profile, &History::default(), &query, &[]);
    assert_eq!(found(&answer), [(Cause::NeverFreed, "demo::cache::put")]);
    assert_eq!((answer.omitted.rows, answer.omitted.value), (1, 4_000_000));
    let json = serde_json::to_value(&answer.findings[0]).unwrap();
    assert_eq!((&json["cause"], &json["live_bytes"]["value"]), (&"never_freed".into(), &8_000_000.into()));
}
