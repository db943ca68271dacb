//! What a search for spikes has to know of a snapshot.

use highwater_profile::Profile;
use serde::Serialize;

use crate::error::{AnalyzeError, refuse_difference};
use crate::queries::lost;
use crate::sample_kind::SampleKind;
use crate::series::check::{Place, SeriesError};
use crate::statistics::estimate::Estimate;
use crate::statistics::sampling;

/// A snapshot in a few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct SnapshotTotals {
    /// When it was taken, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// Identity of the process, where the file has it.
    pub process: Option<i64>,
    /// Number of the snapshot in its process, where the file has it.
    pub epoch: Option<i64>,
    /// Sampling interval in bytes.
    pub interval_bytes: Option<i64>,
    /// Bytes that are live: as the process counted them, else as the rows add up.
    pub live_bytes: Estimate,
    /// Bytes allocated so far, likewise; `None` in files without cumulative values.
    pub alloc_bytes: Option<Estimate>,
    /// Highest number of live bytes so far, where the file has it.
    pub peak_bytes: Option<i64>,
}

impl SnapshotTotals {
    /// The totals of a profile, which needs no symbols.
    ///
    /// # Errors
    /// When it has neither live nor cumulative bytes, or no time.
    pub fn of(profile: &Profile) -> Result<Self, SeriesError> {
        refuse_difference(profile, "a series follows what is live")?;
        if profile.time_ns == 0 {
            return Err(SeriesError::NoTime);
        }
        let meta = profile.meta.unwrap_or_default();
        let counted_live = meta.alloc_bytes.zip(meta.freed_bytes).map(|(a, f)| a.saturating_sub(f));
        Ok(Self {
            time_ns: profile.time_ns,
            process: meta.process,
            epoch: meta.epoch,
            interval_bytes: sampling::interval_bytes(profile),
            live_bytes: match counted_live {
                Some(live) => Estimate::exact(live),
                None => total(profile, &SampleKind::LiveBytes)?,
            },
            alloc_bytes: match meta.alloc_bytes {
                Some(bytes) => Some(Estimate::exact(bytes)),
                None => total(profile, &SampleKind::AllocBytes).ok(),
            },
            peak_bytes: meta.peak_bytes,
        })
    }

    /// Whether these are the totals of the snapshot that comes after `before`, in the same process. What can be overlooked is
    /// given as a value, what cannot as an error.
    ///
    /// # Errors
    /// When it was taken before it, or the clock was set back between the two.
    pub fn objection_behind(&self, before: &Self) -> Result<Option<SeriesError>, SeriesError> {
        self.place().objection_behind(&before.place())
    }

    fn place(&self) -> Place {
        Place {
            time_ns: self.time_ns,
            process: self.process,
            epoch: self.epoch,
            interval_bytes: self.interval_bytes,
            allocated: self.alloc_bytes.map(|it| it.value),
        }
    }
}

fn total(profile: &Profile, kind: &SampleKind) -> Result<Estimate, AnalyzeError> {
    let column = kind.column(profile)?;
    Ok(lost::total(profile, column).estimate())
}
