//! What was still going on when the process exited, and is part of no verdict.

use miniserde::{Deserialize, Serialize};

use super::frame::Frame;

/// A job on a pool of the process that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StuckJob {
    /// Whose pool it is.
    pub(crate) pool: String,
    /// Where it is, innermost call first.
    pub(crate) now: Vec<Frame>,
}

/// A task that was spawned too late for the verdict on its test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LateTask {
    /// The type of its future, or nothing where that is not known.
    pub(crate) name: String,
    /// The test that started the task that spawned it.
    pub(crate) test: String,
    /// The type of that task's future.
    pub(crate) parent: String,
    /// Where it was spawned, innermost call first.
    pub(crate) spawned: Vec<Frame>,
}
