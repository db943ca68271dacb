//! Decides which snapshots may be compared: snapshots of one process, in order of time, with the same
//! sampling.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use highwater_analyze::{SeriesError, SnapshotTotals};
use highwater_profile::Profile;

/// The facts about a snapshot that need no symbols.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    /// The file in the ring.
    pub(crate) path: PathBuf,
    pub(crate) facts: SnapshotTotals,
}

/// The numbers of a snapshot. A snapshot without a time gets `came_ns`, the time at which it arrived.
///
/// # Errors
/// When the profile is not a heap profile: the reason, as text.
pub(crate) fn facts(profile: &mut Profile, came_ns: i64) -> Result<SnapshotTotals, String> {
    if profile.time_ns == 0 {
        profile.time_ns = came_ns;
    }
    SnapshotTotals::of(profile)
        .map_err(|it| format!("this is no heap profile: {it}; Go has its heap profile at /debug/pprof/heap"))
}

/// Why a snapshot begins a new series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Break {
    /// The snapshot names another process.
    OtherProcess,
    /// Cumulative allocations are lower than before.
    AllocatedLess,
    /// The sampling interval is different.
    OtherInterval,
    /// The snapshot arrived later, but its time is earlier.
    ClockWentBack,
    /// The pid file names another process.
    OtherPid,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherProcess => "the process was restarted: the snapshot says that it is of another one",
            Self::AllocatedLess => "the process was restarted: less has been allocated than before",
            Self::OtherInterval => "the sampling interval was changed",
            Self::ClockWentBack => "the clock of the process went back",
            Self::OtherPid => "the pid file names another process",
        })
    }
}

/// Why a snapshot is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The snapshot is the previous one again.
    Again,
    /// The snapshot is older than the previous one.
    Older,
    /// The snapshot is of an earlier process, which another process has replaced.
    FormerProcess,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Again => {
                "it is the previous snapshot again; does a cache between here and the server keep answers?"
            }
            Self::Older => "it is older than the previous snapshot",
            Self::FormerProcess => {
                "it is of an earlier process; watch each process by itself if several answer here"
            }
        })
    }
}

/// The snapshots of the currently watched process.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Oldest first.
    shots: Vec<Shot>,
    /// Number of the series; 0 before the first snapshot.
    number: usize,
    /// The totals of the last accepted snapshot, whether or not the ring still has it.
    last: Option<SnapshotTotals>,
    former: HashSet<i64>,
}

impl Run {
    /// The snapshots, oldest first.
    pub(crate) fn shots(&self) -> &[Shot] {
        &self.shots
    }

    /// Number of the series, from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Whether a snapshot continues this run (`None`) or begins the next one. `arrived_later` says that the
    /// snapshot was requested after the previous one.
    ///
    /// # Errors
    /// When the snapshot has to be skipped.
    pub(crate) fn judge(
        &self,
        facts: &SnapshotTotals,
        arrived_later: bool,
    ) -> Result<Option<Break>, Refusal> {
        if facts.process.is_some_and(|it| self.former.contains(&it)) {
            return Err(Refusal::FormerProcess);
        }
        let Some(last) = &self.last else { return Ok(None) };
        let is_other_process = facts.process != last.process;
        match facts.objection_behind(last) {
            Ok(None) => Ok(None),
            Ok(Some(_)) if is_other_process => Ok(Some(Break::OtherProcess)),
            Ok(Some(SeriesError::Duplicate { .. })) => Err(Refusal::Again),
            Ok(Some(SeriesError::IntervalChanged(_))) => Ok(Some(Break::OtherInterval)),
            Ok(Some(_)) => Ok(Some(Break::AllocatedLess)),
            // The snapshot was requested later. So it is not older; its process has another clock.
            Err(SeriesError::Unsorted { .. }) if arrived_later && is_other_process => {
                Ok(Some(Break::OtherProcess))
            }
            Err(SeriesError::Unsorted { .. }) if arrived_later && facts.epoch.is_none() => {
                Ok(Some(Break::ClockWentBack))
            }
            Err(SeriesError::Unsorted { .. }) => Err(Refusal::Older),
            Err(_) => Ok(Some(Break::ClockWentBack)),
        }
    }

    /// Adds a snapshot.
    pub(crate) fn push(&mut self, shot: Shot) {
        self.last = Some(shot.facts);
        self.shots.push(shot);
        self.number = self.number.max(1);
    }

    /// Starts over: no later snapshot is compared with the earlier ones.
    pub(crate) fn restart(&mut self, because: Break) {
        let process = self.last.take().and_then(|it| it.process);
        // The same process may continue after its clock or its sampling changed.
        let is_gone = matches!(because, Break::OtherProcess | Break::OtherPid);
        self.former.extend(process.filter(|_| is_gone));
        self.shots.clear();
        self.number += 1;
    }

    /// Forgets the snapshots that are no longer there.
    pub(crate) fn retain(&mut self, mut is_there: impl FnMut(&Shot) -> bool) {
        self.shots.retain(|it| is_there(it));
    }
}

#[cfg(test)]
mod tests {
    use highwater_analyze::Estimate;

    use super::*;

    const FACTS: SnapshotTotals = SnapshotTotals {
        time_ns: 100,
        process: None,
        epoch: None,
        interval_bytes: Some(512),
        live_bytes: exact(10),
        alloc_bytes: Some(exact(1000)),
        peak_bytes: None,
    };

    const fn exact(value: i64) -> Estimate {
        Estimate::exact(value)
    }

    fn after(last: SnapshotTotals) -> Run {
        let mut run = Run::default();
        run.push(Shot { path: PathBuf::new(), facts: last });
        run
    }

    #[test]
    fn without_a_process_id_cumulative_bytes_show_a_restart() {
        let run = after(FACTS);
        let next = SnapshotTotals { time_ns: 200, alloc_bytes: Some(exact(1200)), ..FACTS };
        assert_eq!(run.judge(&next, true), Ok(None));
        let restarted = SnapshotTotals { alloc_bytes: Some(exact(900)), ..next };
        assert_eq!(run.judge(&restarted, true), Ok(Some(Break::AllocatedLess)));
        assert_eq!(run.judge(&FACTS, true), Err(Refusal::Again));
        assert_eq!(
            run.judge(&SnapshotTotals { interval_bytes: Some(1024), ..next }, true),
            Ok(Some(Break::OtherInterval))
        );
    }

    #[test]
    fn a_clock_set_back_differs_from_an_old_file() {
        let run = after(FACTS);
        let earlier = SnapshotTotals { time_ns: 50, alloc_bytes: Some(exact(1200)), ..FACTS };
        assert_eq!(run.judge(&earlier, true), Ok(Some(Break::ClockWentBack)));
        assert_eq!(run.judge(&earlier, false), Err(Refusal::Older));
        let numbered = |epoch| SnapshotTotals { process: Some(7), epoch: Some(epoch), ..FACTS };
        let run = after(numbered(5));
        let later = SnapshotTotals { time_ns: 50, ..numbered(6) };
        assert_eq!(run.judge(&later, false), Ok(Some(Break::ClockWentBack)));
        assert_eq!(run.judge(&SnapshotTotals { time_ns: 50, ..numbered(4) }, true), Err(Refusal::Older));
        let counted_back = SnapshotTotals { time_ns: 300, ..numbered(4) };
        assert_eq!(run.judge(&counted_back, true), Ok(Some(Break::ClockWentBack)));
        assert_eq!(run.judge(&SnapshotTotals { time_ns: 300, ..numbered(5) }, true), Err(Refusal::Again));
    }

    #[test]
    fn processes_that_take_turns_are_not_mixed() {
        let of = |process, epoch| SnapshotTotals {
            process: Some(process),
            epoch: Some(epoch),
            time_ns: 100 + epoch,
            ..FACTS
        };
        let mut run = after(of(1, 1));
        assert_eq!(run.judge(&of(2, 1), true), Ok(Some(Break::OtherProcess)));
        run.restart(Break::OtherProcess);
        run.push(Shot { path: PathBuf::new(), facts: of(2, 1) });
        assert_eq!(run.judge(&of(1, 2), true), Err(Refusal::FormerProcess));
        assert_eq!(run.judge(&of(2, 2), true), Ok(None));
        assert_eq!((run.number(), run.shots().len()), (2, 1));
    }

    #[test]
    fn profiles_without_heap_values_are_refused() {
        let mut profile = Profile::new(vec![highwater_profile::ValueType::new("cpu", "nanoseconds")]);
        let message = facts(&mut profile, 7).unwrap_err();
        assert!(message.contains("cpu") && message.contains("/debug/pprof/heap"), "{message}");
    }
}
