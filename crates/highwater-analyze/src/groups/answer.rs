//! The answer to the comparison of two groups of processes, as plain data.

use serde::Serialize;

use super::note::GroupNote;
use super::process::GroupProcess;
use crate::frames::frame::Frame;
use crate::group::RowKey;
use crate::queries::header::Omitted;
use crate::sample_kind::Unit;

/// A number with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Interval95 {
    /// The number.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Two groups of processes, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Groups {
    /// The kind of values, as [`SampleKind`](crate::SampleKind) displays it.
    pub sample: String,
    /// Unit of all values.
    pub unit: Unit,
    /// What the values of each process were divided by.
    pub normalized: Normalize,
    /// The processes of the base, then those of the new group.
    pub processes: Vec<GroupProcess>,
    /// What the comparison does not know, and what else may have made a difference.
    pub notes: Vec<GroupNote>,
    /// What the files say about themselves, each once: names that are missing, for instance.
    pub file_notes: Vec<String>,
    /// The false discovery rate that calls keep.
    pub fdr: f64,
    /// Number of rows that were tested, shown or not.
    pub tested: usize,
    /// Number of rows that are called, shown or not.
    pub called: usize,
    /// Standard deviation between the processes of a group, as a share of the mean, in most rows; sampling is taken out.
    /// `None` where no group has two processes.
    pub variation: Option<f64>,
    /// All rows as one. Its test stands alone: `q_value` is its p-value.
    pub total: GroupRow,
    /// What groups of some sizes find in a usual row.
    pub power: Vec<GroupPower>,
    /// Rows that are called: growth, by the lower end of its interval; then shrinkage in the same way. Then all others, largest
    /// change first.
    pub rows: Vec<GroupRow>,
    /// Rows that are not in `rows`.
    pub omitted: Omitted,
}

/// What values were divided by, before processes were compared. They are scaled to the mean of all processes, so units stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// By nothing.
    #[default]
    None,
    /// By the sum of all values of the process: shares are compared.
    Total,
    /// By the time that the process has run.
    Time,
    /// By a number of the user's, such as requests served, which is given with each process.
    Counter(String),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct GroupRow {
    /// What the row is about.
    pub key: RowKey,
    /// Mean of the processes of the base.
    pub base: Interval95,
    /// Mean of the new processes.
    pub new: Interval95,
    /// New mean less base mean.
    pub change: Interval95,
    /// New mean by base mean; `None` where one of them is 0.
    pub ratio: Option<Interval95>,
    /// Standard deviation between the processes of a group, as a share of the mean; sampling is taken out.
    pub variation: f64,
    /// Chance of such a difference between groups of the same processes. `None` with one process a side.
    pub p_value: Option<f64>,
    /// The smallest false discovery rate at which the row is called; `None` for rows with too few samples to be tested.
    pub q_value: Option<f64>,
    /// The row differs between the groups: its q-value is not above the false discovery rate.
    pub called: bool,
    /// Growth, as a share of the mean, that groups of these sizes find in four of five comparisons.
    pub detectable: Option<f64>,
    /// What each process holds, in the order of [`Groups::processes`], scaled by its factor.
    pub values: Vec<f64>,
    /// The stack, leaf first, where rows are sites; else empty.
    pub stack: Vec<Frame>,
}

/// What groups of a size find.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct GroupPower {
    /// Number of processes in each group.
    pub processes: usize,
    /// Growth of a usual row, as a share, that is found in four of five comparisons. `None` where none is.
    pub growth: Option<f64>,
}
