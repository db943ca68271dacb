//! What was alive at the end of a test and is no leak, and why.

use miniserde::{Deserialize, Serialize};

use super::leak::Kind;

/// A thread that was alive at the end of a test, and why that is no leak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PassedOver {
    /// Full name of the test.
    pub(crate) test: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// As a leak's.
    pub(crate) name: String,
    /// Why it was passed over.
    pub(crate) why: Why,
    /// The words that go with it: what it passes through, a rule's reason, or the pattern that allows it.
    pub(crate) detail: String,
}

/// Why a thread that is alive is no leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Why {
    /// It was started while something was initialised that belongs to the whole process.
    #[serde(rename = "global")]
    Global,
    /// A rule of `highwater.toml` allows it.
    #[serde(rename = "rule")]
    Rule,
    /// The test's own attribute or guard allows it.
    #[serde(rename = "test")]
    Test,
    /// It is in the baseline.
    #[serde(rename = "baseline")]
    Baseline,
}
