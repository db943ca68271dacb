//! The order of snapshots if the clock was set back between two of them.
//!
//! A recorder numbers its snapshots, so the order within a process does not need the clock. The time between
//! the last snapshot before the change and the first one after it is unknown; the usual step is assumed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use highwater_profile::Profile;

/// The assumed time between two snapshots if there is no usual step, in nanoseconds.
const UNKNOWN_STEP_NS: i64 = 1_000_000_000;

/// The data that orders a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub path: PathBuf,
    pub time_ns: i64,
    process: Option<i64>,
    epoch: Option<i64>,
}

impl Stamp {
    pub(crate) fn new(path: PathBuf, profile: &Profile) -> Self {
        let meta = profile.meta.unwrap_or_default();
        Self { path, time_ns: profile.time_ns, process: meta.process, epoch: meta.epoch }
    }
}

/// Positions of the snapshots in the order in which they were taken, each with the nanoseconds to add to its
/// time so that times increase.
pub(crate) fn order(stamps: &[Stamp]) -> Vec<(usize, i64)> {
    let mut processes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (at, stamp) in stamps.iter().enumerate() {
        match (stamp.process, stamp.epoch) {
            (Some(process), Some(_)) => processes.entry(process).or_default().push(at),
            _ => return by_time(stamps),
        }
    }
    let mut processes: Vec<Vec<usize>> = processes.into_values().collect();
    processes.iter_mut().for_each(|it| it.sort_by_key(|&at| (stamps[at].epoch, stamps[at].time_ns)));
    let was_set_back = |it: &[usize]| {
        stamps[it[0]].epoch < stamps[it[1]].epoch && stamps[it[0]].time_ns >= stamps[it[1]].time_ns
    };
    if !processes.iter().any(|it| it.windows(2).any(was_set_back)) {
        return by_time(stamps);
    }
    // A recorder's file names are in the order of its snapshots, across processes too.
    processes.sort_by_key(|it| it.iter().map(|&at| &stamps[at].path).min());
    let mut ordered: Vec<(usize, i64)> = Vec::with_capacity(stamps.len());
    let mut shift_ns = 0_i64;
    for process in processes {
        let step_ns = usual_step_ns(&process, stamps);
        for at in process {
            let time_ns = stamps[at].time_ns.saturating_add(shift_ns);
            if let Some(&(before, added)) = ordered.last() {
                let last_ns = stamps[before].time_ns.saturating_add(added);
                let is_again =
                    (stamps[before].process, stamps[before].epoch) == (stamps[at].process, stamps[at].epoch);
                if time_ns <= last_ns && !is_again {
                    shift_ns += last_ns.saturating_sub(time_ns).saturating_add(step_ns);
                }
            }
            ordered.push((at, shift_ns));
        }
    }
    ordered
}

fn by_time(stamps: &[Stamp]) -> Vec<(usize, i64)> {
    let mut ordered: Vec<_> = (0..stamps.len()).collect();
    ordered.sort_by_key(|&at| (stamps[at].time_ns, &stamps[at].path));
    ordered.into_iter().map(|at| (at, 0)).collect()
}

/// The median of the steps that go forward, in nanoseconds.
fn usual_step_ns(process: &[usize], stamps: &[Stamp]) -> i64 {
    let step = |it: &[usize]| stamps[it[1]].time_ns.saturating_sub(stamps[it[0]].time_ns);
    let mut steps: Vec<i64> = process.windows(2).map(step).filter(|it| *it > 0).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(UNKNOWN_STEP_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(name: &str, time_ns: i64, process: i64, epoch: i64) -> Stamp {
        Stamp { path: name.into(), time_ns, process: Some(process), epoch: Some(epoch) }
    }

    #[test]
    fn a_clock_that_was_set_back_changes_no_order() {
        let stamps = [
            stamp("a", 1_000, 1, 1),
            stamp("c", 1_020, 1, 3),
            stamp("d", 400, 1, 4),
            stamp("b", 1_010, 1, 2),
            stamp("e", 415, 1, 5),
            stamp("f", 430, 2, 1),
        ];
        // 10, 10, (unknown: 10), 15 and from one process to the next 15.
        assert_eq!(order(&stamps), [(0, 0), (3, 0), (1, 0), (2, 630), (4, 630), (5, 630)]);
    }

    #[test]
    fn another_process_follows_the_first() {
        let stamps = [stamp("a", 900, 7, 1), stamp("b", 500, 7, 2), stamp("c", 300, 2, 1)];
        let times: Vec<_> =
            order(&stamps).iter().map(|&(at, shift)| (at, stamps[at].time_ns + shift)).collect();
        assert_eq!(times, [(0, 900), (1, 900 + UNKNOWN_STEP_NS), (2, 900 + 2 * UNKNOWN_STEP_NS)]);
    }

    #[test]
    fn times_decide_when_the_clock_went_forward() {
        let stamps = [stamp("b", 30, 2, 1), stamp("a", 20, 1, 2), stamp("c", 10, 1, 1)];
        assert_eq!(order(&stamps), [(2, 0), (1, 0), (0, 0)]);
        // Files of other tools have no numbers.
        let other = |name: &str, time_ns| Stamp { process: None, ..stamp(name, time_ns, 0, 1) };
        assert_eq!(order(&[other("a", 3), other("b", 2)]), [(1, 0), (0, 0)]);
    }
}
