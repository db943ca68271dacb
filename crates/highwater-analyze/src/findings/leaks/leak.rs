//! What may be a leak, why it is thought to be one, and what shows it.

use serde::Serialize;

use crate::findings::gap::Gap;
use crate::frames::frame::Frame;
use crate::group::RowKey;
use crate::statistics::estimate::Estimate;

/// Why something is thought to be a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It grew in every window of a series of snapshots.
    GrowsWithoutEnd,
    /// It was allocated between one snapshot after the other, and next to nothing of it was freed.
    NeverFreed,
    /// Blocks of its kind live briefly, and these do not.
    OutlivesItsKind,
}

impl Cause {
    /// All of them, the most certain first.
    pub const ALL: [Self; 3] = [Self::GrowsWithoutEnd, Self::NeverFreed, Self::OutlivesItsKind];

    /// The name in files and documents, such as `never_freed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GrowsWithoutEnd => "grows_without_end",
            Self::NeverFreed => "never_freed",
            Self::OutlivesItsKind => "outlives_its_kind",
        }
    }
}

/// What shows that something may be a leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum LeakEvidence {
    /// See [`Cause::GrowsWithoutEnd`].
    GrowsWithoutEnd {
        /// What it gains per hour.
        growth_per_hour: Estimate,
        /// What it gained per hour at the least, in each window after the warm-up.
        sustained_per_hour: Option<f64>,
        /// Snapshots that say so.
        snapshots: usize,
        /// Time between the first and the last of them, in nanoseconds.
        span_ns: i64,
    },
    /// See [`Cause::NeverFreed`].
    NeverFreed {
        /// Snapshots that saw new blocks of it, the first of the process left out.
        snapshots: usize,
        /// All that was ever allocated.
        alloc_bytes: Estimate,
        /// Share of it that was freed at the most: the upper end of the 95 % interval.
        freed_fraction_at_most: f64,
    },
    /// See [`Cause::OutlivesItsKind`].
    OutlivesItsKind {
        /// 99 of 100 freed blocks lived for less than this, in nanoseconds.
        usual_ns: i64,
        /// Blocks whose lifetime that rests on.
        freed_blocks: Estimate,
        /// Live bytes that are older, or more than can be as young.
        old_bytes: Estimate,
        /// How old these are at the least, in nanoseconds; `None` where it is their number that shows it.
        older_than_ns: Option<i64>,
    },
}

impl LeakEvidence {
    /// What this is evidence for.
    pub fn cause(&self) -> Cause {
        match self {
            Self::GrowsWithoutEnd { .. } => Cause::GrowsWithoutEnd,
            Self::NeverFreed { .. } => Cause::NeverFreed,
            Self::OutlivesItsKind { .. } => Cause::OutlivesItsKind,
        }
    }
}

/// What may be a leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Leak {
    /// What the finding is about.
    pub key: RowKey,
    /// What shows it.
    #[serde(flatten)]
    pub evidence: LeakEvidence,
    /// Bytes that are live.
    pub live_bytes: Estimate,
    /// Blocks that are live; `None` where the file does not say.
    pub live_blocks: Option<Estimate>,
    /// The stack that allocated most of it, leaf first.
    pub stack: Vec<Frame>,
}

/// A cause that cannot be found, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct NotKnown {
    /// The cause.
    pub cause: Cause,
    /// What is missing.
    pub gap: Gap,
}
