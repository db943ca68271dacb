//! What the comparison of two groups does not know, and what else than the change in question may have made a difference.

use serde::Serialize;

use super::matrix::GroupSide;
use super::outliers::median;
use super::process::GroupProcess;
use crate::group::GroupBy;

/// Ages that differ by this factor, in the median, are unequal.
const UNEQUAL: f64 = 1.5;

/// A remark on a comparison of groups.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum GroupNote {
    /// There is one process on each side.
    #[error(
        "one process a side: intervals have sampling error alone, and nothing is called, because how much processes differ is not known; give three or more a side"
    )]
    OneEach,
    /// There is one process on one side.
    #[error("one process on one side: what is called holds for that process, and not for others like it")]
    OneAlone,
    /// The processes of the two groups had run for different times.
    #[error("the groups differ in age: the median base process had run {} s, the new one {} s; what grows with time differs for that alone (--normalize time, or processes of one age)", base_ns / 1_000_000_000, new_ns / 1_000_000_000)]
    UnequalAges {
        /// Median age of the base, in nanoseconds.
        base_ns: i64,
        /// Median age of the new group, in nanoseconds.
        new_ns: i64,
    },
    /// A group has several builds of its program.
    #[error("the {} processes are of {builds} builds", group.name())]
    SeveralBuilds {
        /// The group.
        group: GroupSide,
        /// How many.
        builds: usize,
    },
    /// The groups have different builds, and lines are compared.
    #[error(
        "the groups are of different builds, whose lines may have moved: --by function compares functions"
    )]
    LinesMayHaveMoved,
    /// Earlier snapshots of processes were left out.
    #[error(
        "{snapshots} of the files are earlier snapshots of processes that have a later one in the group; only the last of each process counts"
    )]
    EarlierSnapshots {
        /// How many.
        snapshots: usize,
    },
    /// Sampling intervals differ.
    #[error("the processes have different sampling intervals: the errors of all are known and counted")]
    DifferentIntervals,
    /// Files do not say how they were sampled.
    #[error(
        "{files} of the files do not say how they were sampled: all of their spread counts as one between processes"
    )]
    UnknownErrors {
        /// How many.
        files: usize,
    },
    /// Recorders lost samples.
    #[error("{processes} of the recorders lost samples, so values of these processes are too small")]
    Lost {
        /// How many.
        processes: usize,
    },
}

/// The remarks that follow from the processes alone.
pub(super) fn notes(processes: &[GroupProcess], by: GroupBy) -> Vec<GroupNote> {
    let of = |side| processes.iter().filter(move |it: &&GroupProcess| it.side == side);
    let mut notes = Vec::new();
    match GroupSide::BOTH.map(|side| of(side).count()) {
        [1, 1] => notes.push(GroupNote::OneEach),
        [1, _] | [_, 1] => notes.push(GroupNote::OneAlone),
        _ => {}
    }
    let [base, new] = GroupSide::BOTH.map(|side| {
        let ages: Vec<f64> = of(side).filter_map(|it| it.age_ns).map(|it| it as f64).collect();
        median(ages)
    });
    if base > 0.0 && new > 0.0 && (base / new).max(new / base) > UNEQUAL {
        notes.push(GroupNote::UnequalAges { base_ns: base as i64, new_ns: new as i64 });
    }
    let builds = GroupSide::BOTH.map(|side| {
        let mut builds: Vec<&str> = of(side).filter_map(|it| it.build.as_deref()).collect();
        builds.sort_unstable();
        builds.dedup();
        builds
    });
    for (group, builds) in GroupSide::BOTH.into_iter().zip(&builds).filter(|it| it.1.len() > 1) {
        notes.push(GroupNote::SeveralBuilds { group, builds: builds.len() });
    }
    let is_by_line = matches!(by, GroupBy::Line | GroupBy::Site);
    if is_by_line && builds.iter().all(|it| !it.is_empty()) && builds[0] != builds[1] {
        notes.push(GroupNote::LinesMayHaveMoved);
    }
    let first = processes.first().map(|it| it.interval_bytes);
    if processes.iter().any(|it| Some(it.interval_bytes) != first) {
        notes.push(GroupNote::DifferentIntervals);
    }
    notes
}
