//! What is missing in the files for something to be found.

use serde::Serialize;

/// What is missing in the files for a cause to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// There is one file and not a series.
    Series,
    /// There are fewer snapshots of the process than it takes.
    Snapshots {
        /// How many there are.
        have: i64,
        /// How many it takes.
        need: i64,
    },
    /// The file does not say what was allocated since the start.
    AllocatedTotals,
    /// The file does not say which snapshot saw a block first.
    BirthEpochs,
    /// The file does not say how long freed blocks lived.
    Lifetimes,
    /// The file does not say which blocks were temporary.
    Temporaries,
    /// The file does not say what was reallocated.
    Reallocations,
    /// The file does not say what is live.
    LiveTotals,
    /// The file does not say how it was sampled.
    SamplingErrors,
}
