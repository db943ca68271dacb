//! What came of a scope: its leaks, and what was passed over.

use std::collections::BTreeSet;

use super::leak::Leak;
use super::passed_over::PassedOver;

/// What came of a scope.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) leaks: Vec<Leak>,
    pub(crate) passed_over: Vec<PassedOver>,
    /// Blocks that may be tasks, in words.
    pub(crate) unclassified_tasks: BTreeSet<String>,
    /// Tasks that were woken when their runtime was dropped. Whether they would have ended is unknown.
    pub(crate) unjudged: Vec<Leak>,
    /// Whether a leak is a call that may block, for which a runtime waits that is dropped.
    pub(crate) holds_runtime: bool,
}

impl Verdict {
    /// Adds what came of something else in the same test.
    pub(crate) fn join(&mut self, other: Self) {
        self.leaks.extend(other.leaks);
        self.passed_over.extend(other.passed_over);
        self.unclassified_tasks.extend(other.unclassified_tasks);
        self.unjudged.extend(other.unjudged);
        self.holds_runtime |= other.holds_runtime;
    }
}
