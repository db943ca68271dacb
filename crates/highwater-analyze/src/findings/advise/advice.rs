//! What could be done about allocations, and what that saves.

use serde::Serialize;

use crate::frames::frame::Frame;
use crate::group::RowKey;
use crate::statistics::estimate::Estimate;

/// What could be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "measure", rename_all = "snake_case")]
pub enum Measure {
    /// Give a map or a queue a bound: it only grows.
    Bound {
        /// What it gains per hour; `None` where there is no series to tell.
        growth_per_hour: Option<Estimate>,
    },
    /// Trim large blocks that grew by doubling: as much as half of each may be unused.
    Shrink {
        /// Live bytes in such blocks.
        held_bytes: Estimate,
        /// The least size of a block that counts as large, in bytes.
        large_bytes: i64,
    },
    /// Build something once, and keep it: it is built again and again, and dropped.
    Hoist {
        /// The function that builds it.
        constructor: String,
        /// How often it was built; an estimate when blocks were sampled.
        times: i64,
        /// Lines below it that allocate.
        lines: usize,
        /// Share of what it allocated that was freed.
        freed_fraction: f64,
    },
    /// Ask for a capacity in advance: it grows by reallocation.
    Reserve {
        /// The capacity that most of these buffers come to, in bytes.
        capacity_bytes: i64,
        /// Share of the buffers that come to it.
        buffers_fraction: f64,
        /// Bytes that the other buffers would hold more: at the peak of the process or now, whichever is more.
        more_held_bytes: i64,
    },
    /// Keep a buffer, or pool blocks: they are of one size and live briefly.
    Reuse {
        /// The least size of these blocks, in bytes.
        least_bytes: i64,
        /// Their largest size, in bytes.
        most_bytes: i64,
        /// Share of the row's blocks that are temporary.
        temporary_fraction: f64,
    },
    /// Keep blocks that stay apart from those that go: these keep pages resident that are nearly empty.
    Compact {
        /// Live bytes of the blocks that keep the pages.
        live_bytes: i64,
    },
    /// Have the allocator give back free memory: it is resident, and no live block is on its pages.
    Trim {
        /// The allocator.
        allocator: String,
        /// What lies in caches of threads beside it, which is not given back.
        cached_bytes: i64,
    },
}

/// What is saved, in bytes or blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Saving {
    /// In the time that the answer is about; of memory that is held, what is no longer held.
    pub total: Estimate,
    /// Per second; `None` for memory that is held, and where the file does not say what time it is about.
    pub per_second: Option<Rate>,
}

/// Something per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Rate {
    /// The estimate.
    pub value: f64,
    /// Its standard error; `None` where it is not known.
    pub standard_error: Option<f64>,
}

impl Rate {
    pub(super) fn of(total: Estimate, seconds: f64) -> Self {
        let standard_error = total.standard_error.map(|it| it / seconds);
        Self { value: total.value as f64 / seconds, standard_error }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Advice {
    /// The line to change.
    pub key: RowKey,
    /// What to do there.
    #[serde(flatten)]
    pub measure: Measure,
    /// The collection or pointer whose blocks these are, by the stack that allocated most: `Vec<demo::Entry>`. `None` where it
    /// is not known, and for what is built of many.
    pub container: Option<String>,
    /// The line is a library's: it is for its authors to change.
    pub in_library: bool,
    /// The line of the program that called into the library, where the line to change is a library's.
    pub called_from: Option<RowKey>,
    /// Bytes that are not allocated (or copied, or held) any more.
    pub saves_bytes: Saving,
    /// Blocks that are not allocated any more; `None` for memory that is held.
    pub saves_blocks: Option<Saving>,
    /// The stack that allocated most, leaf first.
    pub stack: Vec<Frame>,
}

/// The kinds of [`Measure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// See [`Measure::Bound`].
    Bound,
    /// See [`Measure::Shrink`].
    Shrink,
    /// See [`Measure::Hoist`].
    Hoist,
    /// See [`Measure::Reserve`].
    Reserve,
    /// See [`Measure::Reuse`].
    Reuse,
    /// See [`Measure::Compact`].
    Compact,
    /// See [`Measure::Trim`].
    Trim,
}

impl Measure {
    /// Which kind this is.
    pub fn kind(&self) -> MeasureKind {
        match self {
            Self::Bound { .. } => MeasureKind::Bound,
            Self::Shrink { .. } => MeasureKind::Shrink,
            Self::Hoist { .. } => MeasureKind::Hoist,
            Self::Reserve { .. } => MeasureKind::Reserve,
            Self::Reuse { .. } => MeasureKind::Reuse,
            Self::Compact { .. } => MeasureKind::Compact,
            Self::Trim { .. } => MeasureKind::Trim,
        }
    }
}
