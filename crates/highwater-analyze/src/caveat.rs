//! What the comparison of two profiles does not know, and why their difference may not mean what it seems to.

use serde::Serialize;

/// What the comparison of two profiles does not know, or why their difference may not mean what it seems to. Each is part of the
/// answer. Only a [`refusal`](Self::is_refusal) is an error, unless [`force`](crate::DiffOptions::force) is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Caveat {
    /// The two profiles count in different units.
    #[error("the values of {sample} are in {base} in the base and in {new} in the new profile")]
    DifferentUnits {
        /// The kind of values, by its name in this crate.
        sample: String,
        /// Unit in the base.
        base: String,
        /// Unit in the new profile.
        new: String,
    },
    /// The profiles are of different recordings, or of several processes that were merged: what differs between them besides
    /// sampling is not known.
    #[error(
        "only sampling error is covered: how much runs and processes differ from each other, by their load for instance, is not known"
    )]
    SamplingOnly,
    /// The values are those of two moments.
    #[error(
        "the rows are of two moments, the peak of each profile: a row may have grown only because the peak came at another time"
    )]
    DifferentMoments,
    /// The two profiles were sampled differently.
    #[error(
        "the profiles have different sampling intervals (base: {}, new: {}): the errors of both are known and counted",
        interval(*base),
        interval(*new)
    )]
    DifferentIntervals {
        /// Sampling interval of the base in bytes; `None` when its file does not say.
        base: Option<i64>,
        /// Sampling interval of the new profile in bytes; `None` when its file does not say.
        new: Option<i64>,
    },
    /// The profiles are of processes that ran different programs.
    #[error("the profiles are of two processes that ran different programs or builds")]
    DifferentPrograms,
    /// The profiles are of two processes of one program.
    #[error(
        "the profiles are of two processes of one program: which blocks of one are in the other is not known"
    )]
    Restarted,
    /// The base is the later snapshot of the same process.
    #[error(
        "the new profile is the older one (snapshot {new} of its process, the base is snapshot {base}): growth is what went away since"
    )]
    Reversed {
        /// Number of the base among its process's snapshots.
        base: i64,
        /// Number of the new profile among them.
        new: i64,
    },
    /// The later snapshot of the same process has an earlier time.
    #[error("the clock went back by {} ms between the snapshots", back_ns / 1_000_000)]
    ClockWentBack {
        /// By how much, in nanoseconds.
        back_ns: i64,
    },
    /// The process had allocated more in total at the earlier snapshot.
    #[error("the bytes allocated by the process went back from {base} to {new}")]
    TotalsWentBack {
        /// Bytes allocated before the base was taken.
        base: i64,
        /// Bytes allocated before the new profile was taken.
        new: i64,
    },
    /// The new profile is the older one, of a process that may be another.
    #[error("the new profile was taken {} s before the base", back_ns / 1_000_000_000)]
    Older {
        /// By how much, in nanoseconds.
        back_ns: i64,
    },
}

impl Caveat {
    /// Whether profiles with this difference are compared only when forced: their values have nothing to do with each other.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::DifferentUnits { .. })
    }
}

fn interval(bytes: Option<i64>) -> String {
    match bytes {
        None => "unknown".to_owned(),
        Some(1) => "exact".to_owned(),
        Some(bytes) => format!("{bytes} bytes"),
    }
}
