//! Whether a snapshot belongs behind the one before it, and what can be told from the two.

use std::cmp::Ordering;

use highwater_profile::Profile;

use crate::caveat::Caveat;
use crate::error::{AnalyzeError, refuse_difference};
use crate::sample_kind::SampleKind;
use crate::series::flow_source::FlowSource;
use crate::statistics::sampling;

/// Why a snapshot does not continue a series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// The values cannot be shown.
    #[error(transparent)]
    Question(#[from] AnalyzeError),
    /// The values asked for do not rise and fall with what is live.
    #[error("a series is followed by live values, and {0} are not")]
    NotLive(String),
    /// The snapshot does not say when it was taken.
    #[error("it does not say when it was taken")]
    NoTime,
    /// The snapshot is the one before, or one taken at the same moment.
    #[error("it is the same snapshot as the one before it")]
    Duplicate {
        /// When both were taken, in nanoseconds since 1970-01-01 UTC.
        time_ns: i64,
    },
    /// The snapshot is older than the one before.
    #[error("it was taken before the one before it")]
    Unsorted {
        /// How much earlier, in nanoseconds.
        by_ns: i64,
    },
    /// Its number and its time say different things about which of the two came first.
    #[error(
        "the machine's clock was set back: by their numbers the two come in another order than by their times"
    )]
    ClockBackwards {
        /// How far apart they are, in nanoseconds.
        by_ns: i64,
    },
    /// Another process than before.
    #[error("it is of another process, or the process was restarted")]
    Restarted,
    /// Other sampling than before.
    #[error(transparent)]
    IntervalChanged(Caveat),
    /// A series needs two snapshots at the least.
    #[error("a series needs at least two snapshots, and there is {0}")]
    TooFew(usize),
}

/// Where a series was forced to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesNote {
    /// Position of the snapshot that does not continue the series, counted among those that were accepted.
    pub snapshot: usize,
    /// Why not.
    pub reason: SeriesError,
}

/// Where a snapshot stands among others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub time_ns: i64,
    pub process: Option<i64>,
    pub epoch: Option<i64>,
    pub interval_bytes: Option<i64>,
    /// What was allocated so far, in bytes or blocks, where the file has it.
    pub allocated: Option<i64>,
}

/// What is remembered of a snapshot when the next one comes.
#[derive(Clone, Debug)]
pub(crate) struct Previous {
    pub place: Place,
    /// Live rows say which snapshot saw them first.
    pub has_births: bool,
    /// Position of the cumulative values that belong to the live ones.
    pub allocated: Option<usize>,
    pub cgroup_limit_bytes: Option<i64>,
    pub cgroup_used_bytes: Option<i64>,
    pub rss_bytes: Option<i64>,
    /// Live bytes of the process as it counted them, without a sampling error.
    pub live_bytes: Option<i64>,
}

/// A snapshot that can be followed.
pub(crate) struct Checked {
    /// Position of the live values.
    pub live: usize,
    pub now: Previous,
    pub restarted: bool,
    /// Why it should not be added unless forced.
    pub objection: Option<SeriesError>,
}

impl Checked {
    /// What tells births and deaths since `previous` apart.
    pub fn source(&self, previous: Option<&Previous>) -> FlowSource {
        let same = |it: &&Previous| !self.restarted && it.place.epoch.is_some();
        if self.now.has_births && previous.filter(same).is_some() {
            FlowSource::Cohorts
        } else if self.now.allocated.is_some() && previous.is_some_and(|it| it.allocated.is_some()) {
            FlowSource::Cumulative
        } else {
            FlowSource::Levels
        }
    }
}

/// Looks at a snapshot before anything of it is added.
pub(crate) fn check(
    profile: &Profile,
    kind: &SampleKind,
    previous: Option<&Previous>,
) -> Result<Checked, SeriesError> {
    let allocated = match kind {
        SampleKind::LiveBytes => Some(SampleKind::AllocBytes),
        SampleKind::LiveBlocks => Some(SampleKind::AllocBlocks),
        SampleKind::Other(_) => None,
        other => return Err(SeriesError::NotLive(other.to_string())),
    };
    refuse_difference(profile, "a series follows what is live")?;
    let live = kind.column(profile)?;
    let allocated = allocated.and_then(|it| it.column(profile).ok());
    if profile.time_ns == 0 {
        return Err(SeriesError::NoTime);
    }
    let now = Previous::of(profile, live, allocated);
    let Some(before) = previous else { return Ok(Checked { live, now, restarted: false, objection: None }) };

    let restarted = now.place.is_after_restart(&before.place);
    let objection = now.place.objection_behind(&before.place)?;
    Ok(Checked { live, now, restarted, objection })
}

impl Previous {
    fn of(profile: &Profile, live: usize, allocated: Option<usize>) -> Self {
        let meta = profile.meta.unwrap_or_default();
        // Where nothing is live there is nobody whose birth could be told.
        let born = profile.strings.find("birth_epoch").is_some()
            || profile.samples.iter().all(|it| it.values[live] == 0);
        Self {
            place: Place {
                time_ns: profile.time_ns,
                process: meta.process,
                epoch: meta.epoch,
                interval_bytes: sampling::interval_bytes(profile),
                allocated: allocated.map(|column| {
                    let total: i128 = profile.samples.iter().map(|it| i128::from(it.values[column])).sum();
                    i64::try_from(total).unwrap_or(i64::MAX)
                }),
            },
            has_births: born && meta.epoch.is_some(),
            allocated,
            cgroup_limit_bytes: meta.cgroup_limit_bytes,
            cgroup_used_bytes: meta.cgroup_used_bytes,
            rss_bytes: meta.rss_bytes,
            live_bytes: meta.alloc_bytes.zip(meta.freed_bytes).map(|(a, f)| a.saturating_sub(f)),
        }
    }
}

impl Place {
    /// What speaks against this snapshot behind that one: as an error what cannot be helped, else what can be
    /// overlooked.
    pub fn objection_behind(&self, before: &Self) -> Result<Option<SeriesError>, SeriesError> {
        let elapsed_ns = self.time_ns.saturating_sub(before.time_ns);
        let by_ns = elapsed_ns.saturating_abs();
        let restarted = self.is_after_restart(before);
        let counted =
            self.epoch.zip(before.epoch).filter(|_| !restarted).map(|(now, before)| now.cmp(&before));
        match (counted, elapsed_ns.cmp(&0)) {
            (Some(Ordering::Equal), _) | (None, Ordering::Equal) => {
                Ok(Some(SeriesError::Duplicate { time_ns: self.time_ns }))
            }
            (Some(Ordering::Less), Ordering::Less) | (None, Ordering::Less) => {
                Err(SeriesError::Unsorted { by_ns })
            }
            (Some(Ordering::Less), _) | (Some(Ordering::Greater), Ordering::Less | Ordering::Equal) => {
                Err(SeriesError::ClockBackwards { by_ns })
            }
            _ if restarted => Ok(Some(SeriesError::Restarted)),
            _ if self.interval_bytes != before.interval_bytes => {
                Ok(Some(SeriesError::IntervalChanged(Caveat::DifferentIntervals {
                    base: before.interval_bytes,
                    new: self.interval_bytes,
                })))
            }
            _ => Ok(None),
        }
    }

    /// Whether another process than `before`'s took the snapshot. Where the files do not say, cumulative values that
    /// went down do: they only grow while a process lives.
    pub fn is_after_restart(&self, before: &Self) -> bool {
        match (self.process, before.process) {
            (Some(now), Some(before)) => now != before,
            (None, None) => {
                let fell = self.allocated.zip(before.allocated).is_some_and(|(now, before)| now < before);
                self.time_ns > before.time_ns && fell
            }
            _ => true,
        }
    }
}
