//! The content of a page: the answers that it shows.

use highwater_analyze::{
    Advices, Diff, GroupBy, Growth, Holding, Info, Leaks, SampleKind, Suppression, Suspects, Timeline, Trend,
};
use serde::Serialize;

/// A profile of the page.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Displayed name: the file's name.
    pub name: String,
    /// The same kinds and groupings in every snapshot, in the same order.
    pub holdings: Vec<Holding>,
    /// Changes since the first profile; empty for the first one, and if the two cannot be compared.
    pub changed: Vec<Changed>,
}

/// Changes from the first profile to another, for one kind of values and one grouping.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The kind of values.
    pub sample: SampleKind,
    /// What a row stands for.
    pub by: GroupBy,
    /// The comparison.
    pub diff: Diff,
    /// The same along the call tree.
    pub growth: Growth,
}

/// The content of a page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Title.
    pub title: String,
    /// What the last profile says of its process.
    pub info: Option<Info>,
    /// The profiles in full, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// Memory over time, for more than one profile.
    pub timeline: Option<Timeline>,
    /// For each of `snapshots`, its position in `timeline`.
    pub moments: Vec<usize>,
    /// The behaviour of every row, for a series.
    pub trend: Option<Trend>,
    /// Possible leaks in the last profile.
    pub leaks: Option<Leaks>,
    /// The rules that accept known leaks.
    pub accepted: Vec<Suppression>,
    /// Advice about allocations.
    pub advices: Option<Advices>,
    /// What explains the first spike of the time line.
    pub suspects: Option<Suspects>,
    /// Notes for the reader, such as what was left out of the page.
    pub notes: Vec<String>,
}

/// A kind of values and a grouping. The page finds their views by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Question {
    /// The text of [`SampleKind`]'s `Display`.
    pub sample: String,
    /// The text of [`GroupBy`]'s `Display`.
    pub by: String,
}

impl Question {
    pub(crate) fn new(sample: &SampleKind, by: GroupBy) -> Self {
        Self { sample: sample.to_string(), by: by.to_string() }
    }
}
