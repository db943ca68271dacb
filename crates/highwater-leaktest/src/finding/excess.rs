//! A limit that was not kept, as data.

use miniserde::{Deserialize, Serialize};

use super::frame::{Frame, innermost_own};

/// A limit that a test did not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Excess {
    /// Full name of the test, as libtest has it.
    pub(crate) test: String,
    /// Which limit.
    pub(crate) limit: Limit,
    /// What it allows: blocks or bytes, as the limit has it.
    pub(crate) allowed: u64,
    /// What there was.
    pub(crate) found: u64,
    /// How long blocks were waited for that had to go.
    pub(crate) waited_ms: u64,
    /// Who it was, the largest first.
    pub(crate) sites: Vec<ExcessSite>,
}

/// A limit for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Limit {
    /// Blocks alive behind the end of the test: none.
    #[serde(rename = "blocks_left")]
    BlocksLeft,
    /// Blocks allocated.
    #[serde(rename = "max_blocks")]
    Blocks,
    /// Bytes allocated.
    #[serde(rename = "max_bytes")]
    Bytes,
    /// Bytes live at once.
    #[serde(rename = "max_peak")]
    Peak,
}

/// Calls that allocated, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExcessSite {
    /// Blocks, of those that the limit is about. At a peak only bytes are known, and this is 0.
    pub(crate) blocks: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// The calls, innermost first: the project's own, and calls of other crates that are passed through.
    pub(crate) allocated: Vec<Frame>,
    /// The collection or pointer that keeps the blocks: `Vec<demo::Entry>`. `None` where names do not say, of
    /// sites that are not shown, and in reports of before.
    pub(crate) container: Option<String>,
}

impl Excess {
    /// How many sites are shown, and have the names of their collections.
    pub(crate) const MOST_SITES: usize = 8;

    /// Whether `other`, of an earlier run, is the same limit, and the same functions did not keep it.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let functions = |it: &Self| {
            let first = |site: &ExcessSite| {
                innermost_own(&site.allocated).map(|it| highwater_names::plain::plain(&it.function))
            };
            let mut functions: Vec<_> = it.sites.iter().map(first).collect();
            functions.sort();
            functions.dedup();
            functions
        };
        let known = functions(other);
        self.limit == other.limit && functions(self).iter().all(|it| known.contains(it))
    }
}
