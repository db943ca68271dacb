//! What an answer says of one process.

use serde::Serialize;

use super::matrix::GroupSide;
use crate::statistics::estimate::Estimate;

/// A process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct GroupProcess {
    /// Name of its file, or its address.
    pub name: String,
    /// The group it belongs to.
    pub side: GroupSide,
    /// Sum of its values, as they were recorded.
    pub total: Estimate,
    /// What its values were multiplied by; 1 unless they are normalized.
    pub factor: f64,
    /// Sampling interval in bytes; `None` when its file does not say.
    pub interval_bytes: Option<i64>,
    /// How long it had run, in nanoseconds.
    pub age_ns: Option<i64>,
    /// Build id of its program, or the program's name where it has none.
    pub build: Option<String>,
    /// Its total by the median of its group, where that is unusual.
    pub outlier: Option<f64>,
}
