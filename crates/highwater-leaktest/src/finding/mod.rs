//! What is found, as data: a thread that a test left alive, or one that was passed over, with the evidence.
//!
//! The report is written with a small JSON library on purpose. serde_json can be compared with numbers, and a
//! crate that it is linked into, even for its tests only, may no longer say enough for the compiler to find
//! its types.

mod excess;
mod frame;
mod leak;
mod passed_over;
mod remaining;
mod verdict;

use miniserde::{Deserialize, Serialize};

pub(crate) use excess::{Excess, ExcessSite, Limit};
pub(crate) use frame::{Frame, Origin, innermost_own};
pub(crate) use leak::{Activity, Kind, Leak};
pub(crate) use passed_over::{PassedOver, Why};
pub(crate) use remaining::{LateTask, StuckJob};
pub(crate) use verdict::Verdict;

/// All that one process has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Findings {
    /// File name of the test program, without the hash that cargo appends.
    pub(crate) program: String,
    /// Number of tests that were judged.
    pub(crate) tests: usize,
    /// What fails.
    pub(crate) leaks: Vec<Leak>,
    /// Limits for memory that were not kept, which fail too.
    pub(crate) memory: Vec<Excess>,
    /// What does not, and why.
    pub(crate) passed_over: Vec<PassedOver>,
    /// Names of threads that came into being past the hooks and are alive; no test is blamed for them.
    pub(crate) unclassified: Vec<String>,
    /// What descriptors lead to that were opened past the hooks and are open; no test is blamed for them.
    pub(crate) unclassified_descriptors: Vec<String>,
    /// Names of child processes that came into being past the hooks; no test is blamed for them.
    pub(crate) unclassified_children: Vec<String>,
    /// Blocks that may be tasks, of executors that are not known; no test is blamed for them.
    pub(crate) unclassified_tasks: Vec<String>,
    /// Tasks that had been woken when their runtime was dropped. Whether they would have ended is unknown,
    /// and no test is blamed for them.
    pub(crate) unjudged: Vec<Leak>,
    /// Jobs on pools of the process that do not come to their end; no test is blamed for them.
    pub(crate) stuck_jobs: Vec<StuckJob>,
    /// Tasks that were spawned after the verdict on the test of the task that spawned them.
    pub(crate) late_tasks: Vec<LateTask>,
    /// Tests that libtest calls `ok` although they fail here: what was found, it does not know.
    pub(crate) called_ok: Vec<String>,
    /// Whether futures of a `FuturesUnordered` may have been left unseen, for want of debug information.
    pub(crate) lacks_futures: bool,
    /// How often the program was asked for its constants, symbols or debug information, because no process
    /// had done so before. Not in reports of before.
    pub(crate) lookups: Option<usize>,
}
