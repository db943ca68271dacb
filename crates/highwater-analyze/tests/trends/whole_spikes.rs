//! Spikes as a whole: over several intervals, close together, on a leak, at either end; and that a watch tells no other.

use highwater_analyze::{SnapshotTotals, Spike, SpikeFollower, Spikes, SpikesOptions, find_spikes};
use proptest::prelude::*;

use crate::spikes::snapshots;

/// Snapshots with these live bytes, which are all that is allocated.
fn levels(levels: &[i64]) -> Vec<SnapshotTotals> {
    let mut allocated = 0;
    let totals: Vec<_> = levels
        .iter()
        .zip([0].iter().chain(levels))
        .map(|(&now, &before)| {
            allocated += (now - before).max(0);
            (now, allocated, None)
        })
        .collect();
    snapshots(&totals)
}

fn find(snapshots: &[SnapshotTotals]) -> Spikes {
    find_spikes(snapshots, &SpikesOptions::default())
}

/// The snapshots before each spike and at its peak, in order of time.
fn found(live: &[i64]) -> Vec<[usize; 2]> {
    let mut found: Vec<_> = find(&levels(live)).spikes.iter().map(|it| [it.before, it.peak]).collect();
    found.sort_unstable();
    found
}

#[test]
fn a_spike_over_several_intervals_is_one_with_its_peak() {
    assert_eq!(found(&[100, 100, 100, 113, 140, 100, 100, 100]), [[2, 4]]);
    assert_eq!(found(&[100, 100, 100, 120, 118, 150, 170, 165, 100, 100]), [[2, 6]], "with dips");
    assert_eq!(found(&[100, 100, 100, 150, 153, 152, 100, 100]), [[2, 4]], "higher by little");
    let spike = find(&levels(&[100, 100, 100, 113, 140, 100, 100, 100])).spikes[0].clone();
    assert_eq!((spike.live_change_bytes, spike.alloc_bytes, spike.after), (40, Some(40), 4));
    assert_eq!(spike.elapsed_ns, 120_000_000_000);
    // No interval of it stands out.
    let ramp = [100, 100, 100, 108, 116, 124, 132, 140, 120, 104, 100, 100];
    assert_eq!(found(&ramp), [[2, 7]]);
    assert_eq!(found(&[100, 108, 116, 124, 132, 140, 100]), [[0, 5]], "all there is");
}

#[test]
fn spikes_at_the_ends_of_a_series_are_found() {
    assert_eq!(found(&[100, 160, 100, 100, 100, 100]), [[0, 1]]);
    assert_eq!(found(&[100, 100, 100, 100, 100, 160]), [[4, 5]]);
    assert_eq!(found(&[100, 100, 100, 100, 115, 160]), [[3, 5]]);
    assert_eq!(found(&[100, 115, 160, 100, 100, 100]), [[0, 2]]);
}

#[test]
fn spikes_close_together_are_told_apart() {
    assert_eq!(found(&[100, 100, 100, 160, 100, 170, 100, 180, 100, 100]), [[2, 3], [4, 5], [6, 7]]);
    assert_eq!(found(&[100, 100, 100, 160, 160, 160, 160, 260, 160, 160]), [[2, 3], [6, 7]], "on a step");
}

#[test]
fn a_spike_on_a_leak_is_found_and_the_leak_is_none() {
    let leak = |at: i64| 1000 + 20 * at;
    let with = |more: &[(usize, i64)]| {
        let mut live: Vec<i64> = (0..20).map(leak).collect();
        more.iter().for_each(|&(at, bytes)| live[at] += bytes);
        found(&live)
    };
    assert_eq!(with(&[]), [[0; 2]; 0]);
    assert_eq!(with(&[(9, 400), (10, 600)]), [[8, 10]]);
    // A slow one, of steps that the leak hides.
    assert_eq!(with(&[(7, 80), (8, 160), (9, 240), (10, 320), (11, 160)]), [[6, 10]]);
    // What stays is no part of the leak behind it.
    let step: Vec<i64> = (0..20).map(|at| leak(at) + if at > 9 { 500 } else { 0 }).collect();
    assert_eq!(found(&step), [[9, 10]]);
}

#[test]
fn what_goes_up_and_down_all_the_time_is_no_spike() {
    let wave: Vec<i64> = [100, 110, 120, 130, 120, 110].into_iter().cycle().take(36).collect();
    assert_eq!(found(&wave), [[0; 2]; 0]);
    // One that is much higher than the others is.
    let mut higher = wave;
    higher[15] = 300;
    assert_eq!(found(&higher).last(), Some(&[14, 15]), "{:?}", found(&higher));
}

#[test]
fn what_is_left_out_is_counted() {
    let all = levels(&[100, 100, 100, 160, 100, 170, 100, 180, 100, 100]);
    let limited = |limit| find_spikes(&all, &SpikesOptions { limit, ..SpikesOptions::default() });
    let two = limited(2);
    assert_eq!((two.spikes.iter().map(|it| it.peak).collect::<Vec<_>>(), two.omitted), (vec![7, 5], 1));
    assert_eq!((limited(0).omitted, limited(9).omitted, limited(9).spikes.len()), (3, 0, 3));
}

/// The spikes that a watch tells, each as it was told first and as it was in the end.
fn told(snapshots: &[SnapshotTotals]) -> Vec<Spike> {
    let mut follower = SpikeFollower::new(SpikesOptions::default());
    snapshots.iter().filter_map(|it| follower.push(*it)).collect()
}

/// A spike that was told and not found.
fn missed(told: &[Spike], found: &Spikes) -> Option<Spike> {
    let has = |it: &&Spike| found.spikes.iter().any(|one| one.before < it.last && it.before < one.last);
    told.iter().find(|it| !has(it)).cloned()
}

#[test]
fn what_a_watch_told_is_found_though_it_became_usual() {
    // The first burst is news, the later ones are not, and in the end it is what the program does.
    let mut allocated = 0;
    let bursts: Vec<_> = (0..30)
        .map(|at| {
            allocated += if at > 5 { 900 } else { 10 };
            (1000, allocated, None)
        })
        .collect();
    let all = snapshots(&bursts);
    let told = told(&all);
    assert_eq!(told[0].before, 5);
    let mut found = find(&all);
    assert_eq!(missed(&told, &found), None);
    // The planted fault: what was told when it came is forgotten.
    found.spikes.clear();
    assert!(missed(&told, &found).is_some());
}

#[test]
fn a_spike_grows_while_it_is_followed() {
    let mut follower = SpikeFollower::new(SpikesOptions::default());
    let live = [100, 100, 100, 100, 113, 140, 141, 100, 100, 180];
    let seen: Vec<Option<[usize; 2]>> =
        levels(&live).iter().map(|it| follower.push(*it).map(|it| [it.before, it.peak])).collect();
    let first = [Some([3, 4]), Some([3, 5]), Some([3, 5]), Some([3, 6]), Some([3, 6]), Some([8, 9])];
    assert_eq!(seen, [&[None; 4][..], &first].concat());
}

/// How a random process goes on from one snapshot to the next: what stays, what is allocated besides, and the peak above.
fn steps() -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
    let stays = prop_oneof![6 => Just(0i64), 3 => -60i64..60, 1 => 100i64..2000, 1 => -2000i64..-100];
    let besides = prop_oneof![6 => Just(10i64), 3 => 0i64..100, 1 => 1000i64..9000];
    let above = prop_oneof![8 => Just(0i64), 1 => 0i64..3000];
    prop::collection::vec((stays, besides, above), 2..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_that_a_watch_tells_is_found(steps in steps(), with_peak in any::<bool>()) {
        let (mut live, mut allocated, mut peak) = (1000, 0, 0);
        let totals: Vec<_> = steps.iter().map(|&(stays, besides, above)| {
            live = (live + stays).max(0);
            allocated += besides + stays.max(0);
            peak = peak.max(live + above);
            (live, allocated, with_peak.then_some(peak))
        }).collect();
        let all = snapshots(&totals);
        let found = find(&all);
        prop_assert_eq!(missed(&told(&all), &found), None);
        for spike in &found.spikes {
            prop_assert!(spike.before < spike.peak && spike.peak <= spike.last && spike.after <= spike.last);
            let highest = (spike.before + 1..=spike.last).map(|it| totals[it].0).max();
            prop_assert_eq!(Some(totals[spike.peak].0), highest);
        }
    }

    #[test]
    fn every_hump_on_quiet_ground_has_its_mark(
        humps in prop::collection::vec((1usize..6, 1usize..6, 20i64..300, 8usize..14), 1..6),
        growth in 0i64..2,
    ) {
        let mut live = vec![1000i64; 5];
        let mut peaks = Vec::new();
        for &(up, down, percent, rest) in &humps {
            let height = 10 * percent;
            peaks.push(live.len() + up - 1);
            live.extend((1..=up as i64).map(|it| 1000 + height * it / up as i64));
            live.extend((1..=down as i64).map(|it| 1000 + height - height * it / down as i64));
            live.extend(vec![1000; rest]);
        }
        let live: Vec<i64> = live.iter().zip(0..).map(|(it, at)| it + growth * at).collect();
        let found = found(&live);
        let marked: Vec<usize> = found.iter().map(|it| it[1]).collect();
        prop_assert_eq!(marked, peaks, "{:?}", live);
    }
}
