//! Which intervals are spikes, and what explains them.

use highwater_analyze::{
    Estimate, Query, SeriesError, Sign, SnapshotTotals, Spikes, SpikesOptions, explain, find_spikes,
};
use highwater_profile::Profile;

use crate::snapshots::{BLOCK, Held, Kind, snapshot};

const INTERVAL: i64 = 64 << 10;

/// Snapshots a minute apart with these totals: live, allocated, peak.
pub fn snapshots(totals: &[(i64, i64, Option<i64>)]) -> Vec<SnapshotTotals> {
    let exact = Estimate::exact;
    totals
        .iter()
        .zip(1..)
        .map(|(&(live, allocated, peak), epoch)| SnapshotTotals {
            time_ns: epoch * 60_000_000_000,
            process: Some(1),
            epoch: Some(epoch),
            interval_bytes: Some(INTERVAL),
            live_bytes: exact(live),
            alloc_bytes: Some(exact(allocated)),
            peak_bytes: peak,
        })
        .collect()
}

fn find(totals: &[(i64, i64, Option<i64>)]) -> Spikes {
    find_spikes(&snapshots(totals), &SpikesOptions::default())
}

fn signs(spikes: &Spikes) -> Vec<(usize, Vec<Sign>)> {
    spikes.spikes.iter().map(|it| (it.before, it.signs.clone())).collect()
}

#[test]
fn a_jump_is_seen_by_each_of_its_signs() {
    let quiet: Vec<(i64, i64, Option<i64>)> = (0..8).map(|at| (1000, 500 * at, Some(1100))).collect();
    assert_eq!(signs(&find(&quiet)), []);

    let mut temporary = quiet.clone();
    temporary[4..].iter_mut().for_each(|it| it.1 += 9000);
    assert_eq!(signs(&find(&temporary)), [(3, vec![Sign::Allocated])]);
    let spike = find(&temporary).spikes[0].clone();
    assert_eq!(
        (spike.alloc_bytes, spike.usual_alloc_bytes, spike.live_change_bytes),
        (Some(9500), Some(500), 0)
    );

    let mut peak = quiet.clone();
    peak[5..].iter_mut().for_each(|it| it.2 = Some(4000));
    assert_eq!(signs(&find(&peak)), [(4, vec![Sign::Peak])]);
    assert_eq!(find(&peak).spikes[0].peak_above_live_bytes, Some(3000));

    let mut live = quiet.clone();
    live[2..].iter_mut().for_each(|it| it.0 = 3000);
    assert_eq!(signs(&find(&live)), [(1, vec![Sign::Live])]);
}

#[test]
fn a_jump_in_a_very_long_series_is_found_in_time() {
    // To compare each interval with all others anew would take hours.
    let mut long: Vec<(i64, i64, Option<i64>)> =
        (0..200_000).map(|at| (1000, 500 * at + at % 7, Some(1100))).collect();
    long[123_457..].iter_mut().for_each(|it| it.1 += 9000);
    assert_eq!(signs(&find(&long)), [(123_456, vec![Sign::Allocated])]);
}

#[test]
fn steady_growth_and_uneven_load_are_no_spikes() {
    let growing: Vec<_> = (0..10).map(|at| (1000 + 300 * at, 400 * at, Some(1000 + 310 * at))).collect();
    assert_eq!(signs(&find(&growing)), []);
    let mut allocated = 0;
    let uneven: Vec<_> = (0..12)
        .map(|at| {
            allocated += 2000 + 1500 * (at % 4);
            (1000, allocated, None)
        })
        .collect();
    assert_eq!(signs(&find(&uneven)), []);
}

#[test]
fn few_intervals_are_compared_with_care() {
    // Of two intervals, one has to stand out from the other; of one, live bytes and the peak alone tell.
    assert_eq!(signs(&find(&[(1000, 0, None), (1000, 9000, None)])), []);
    assert_eq!(
        signs(&find(&[(1000, 0, None), (1000, 900, None), (1000, 9900, None)])),
        [(1, vec![Sign::Allocated])]
    );
    assert_eq!(signs(&find(&[(1000, 0, None), (1000, 900, None), (1000, 3000, None)])), []);
    assert_eq!(signs(&find(&[(1000, 0, None), (2000, 900, None)])), [(0, vec![Sign::Live])]);
    assert_eq!(signs(&find(&[])), []);
}

#[test]
fn the_time_between_two_processes_is_no_interval() {
    let mut one = find(&[(1000, 0, None), (1000, 900, None), (9000, 1000, None)]).snapshots;
    one[2].process = Some(2);
    assert_eq!(one[2].objection_behind(&one[1]), Ok(Some(SeriesError::Restarted)));
    assert_eq!(find_spikes(&one, &SpikesOptions::default()).spikes, []);
}

#[test]
fn totals_are_the_processes_own_or_the_rows() {
    let profile = snapshot(Kind::Go, 0, 60, INTERVAL, &[(1, 0, 10, 100), (2, 0, 5, 50)]);
    let totals = SnapshotTotals::of(&profile).unwrap();
    assert_eq!((totals.live_bytes.value, totals.alloc_bytes.unwrap().value), (15 * BLOCK, 150 * BLOCK));
    assert!(totals.live_bytes.standard_error.unwrap() > 0.0);
    let mut own = snapshot(Kind::Own, 1, 60, INTERVAL, &[(1, 1, 10, 100)]);
    let meta = own.meta.as_mut().unwrap();
    (meta.alloc_bytes, meta.freed_bytes, meta.peak_bytes) = (Some(900), Some(200), Some(800));
    let totals = SnapshotTotals::of(&own).unwrap();
    assert_eq!(totals.live_bytes, Estimate::exact(700));
    assert_eq!((totals.alloc_bytes.unwrap().value, totals.peak_bytes), (900, Some(800)));
    own.time_ns = 0;
    assert_eq!(SnapshotTotals::of(&own), Err(SeriesError::NoTime));
}

/// Four snapshots of a process in which line 1 is always busy, and line 2 between the second and the third.
fn four(kind: Kind) -> [Profile; 4] {
    let held: [[Held; 2]; 4] = [
        [(1, 1, 10, 1000), (2, 1, 5, 5)],
        [(1, 1, 10, 11_000), (2, 1, 5, 5)],
        [(1, 1, 10, 12_100), (2, 1, 5, 4005)],
        [(1, 1, 10, 22_100), (2, 1, 5, 4005)],
    ];
    let times = [60, 660, 720, 1320];
    [0, 1, 2, 3].map(|at| snapshot(kind, at as i64 + 1, times[at], INTERVAL, &held[at]))
}

#[test]
fn temporary_blocks_explain_a_spike_that_live_bytes_do_not_show() {
    for kind in [Kind::Own, Kind::Go] {
        let all = four(kind);
        let answer = explain([&all[0], &all[1], &all[2], &all[3]], &Query::default()).unwrap();
        assert!(!answer.only_live);
        let row = &answer.rows[0];
        assert_eq!((row.key.line, row.allocated.value), (Some(2), 4000 * BLOCK));
        assert_eq!((row.usual.unwrap().value, row.excess.value), (0, 4000 * BLOCK));
        assert_eq!(row.live_change.value, 0);
        // Δ of a cumulative value errs by its new samples alone.
        let p = -(-BLOCK as f64 / INTERVAL as f64).exp_m1();
        let expected = (4000.0 * (1.0 - p) / p).sqrt() * BLOCK as f64;
        assert!((row.allocated.standard_error.unwrap() / expected - 1.0).abs() < 1e-9);
        // The busy line allocated 1100 blocks where 1000 are usual: within the error.
        assert_eq!(answer.rows.len(), 1, "{:?}", answer.rows);
    }
}

#[test]
fn two_snapshots_have_no_usual_rate() {
    let all = four(Kind::Own);
    let answer = explain([&all[1], &all[1], &all[2], &all[2]], &Query::default()).unwrap();
    let lines: Vec<_> = answer.rows.iter().map(|it| (it.key.line, it.usual)).collect();
    assert_eq!(lines, [(Some(2), None), (Some(1), None)]);
}

#[test]
fn files_of_live_values_are_explained_by_these() {
    let before = snapshot(Kind::Live, 0, 60, INTERVAL, &[(1, 0, 1000, 0), (2, 0, 10, 0)]);
    let after = snapshot(Kind::Live, 0, 120, INTERVAL, &[(1, 0, 1000, 0), (2, 0, 5000, 0)]);
    let answer = explain([&before, &before, &after, &after], &Query::default()).unwrap();
    assert!(answer.only_live);
    assert_eq!(answer.rows.len(), 1);
    assert_eq!((answer.rows[0].key.line, answer.rows[0].excess.value), (Some(2), 4990 * BLOCK));
}
