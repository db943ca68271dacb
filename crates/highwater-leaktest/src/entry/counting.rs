//! Assertions on what a piece of code allocates.

use std::fmt;
use std::thread;
use std::time::Duration;

use highwater_ledger::{Entered, Ledger};

use super::whole;
use crate::allocator;
use crate::judge::memory;
use crate::limits::Limits;
use crate::report;

/// How many blocks a piece of code may allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// This many, or fewer.
    AtMost(u64),
    /// This many.
    Exactly(u64),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(blocks) => write!(f, "at most {blocks}"),
            Self::Exactly(blocks) => write!(f, "{blocks}"),
        }
    }
}

/// Counts what the calling thread allocates, and the threads that it starts, until [`Counting::end`].
#[derive(Debug)]
pub struct Counting {
    ledger: Ledger,
    entered: Entered,
}

impl Counting {
    /// Begins.
    ///
    /// # Panics
    /// Where allocations are not recorded, and so nothing could be counted.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it is a beginning")]
    pub fn new() -> Self {
        assert!(allocator::is_recording(), "{}", allocator::NOT_RECORDING);
        // The ledger is inside the scope of the test.
        whole::open();
        let ledger = Ledger::open(1).expect("there is memory for a ledger: another one was just opened");
        Self { entered: ledger.enter(), ledger }
    }

    /// Compares.
    ///
    /// # Panics
    /// When it was another number of blocks.
    #[track_caller]
    pub fn end(self, bound: Bound) {
        let Self { ledger, entered } = self;
        drop(entered);
        if let Some(words) = exceeds(&ledger, bound) {
            panic!("{words}");
        }
    }
}

/// What is to be said of a ledger that is not within a bound.
fn exceeds(ledger: &Ledger, bound: Bound) -> Option<String> {
    let (Bound::AtMost(expected) | Bound::Exactly(expected)) = bound;
    let is_kept = |found: u64| found == expected || bound == Bound::AtMost(expected) && found < expected;
    if is_kept(ledger.totals().alloc_blocks) {
        return None;
    }
    let name = thread::current().name().unwrap_or_default().to_owned();
    let all = Limits { max_blocks: Some(0), ..Limits::default() };
    let found = memory::judge(&name, ledger, all, &[""; 0], Duration::ZERO);
    let (number, sites) = found.first().map_or((0, &[][..]), |it| (it.found, &it.sites));
    if is_kept(number) {
        return None;
    }
    let sites = report::sites(sites);
    Some(format!("{} allocated where {bound} should be\n{sites}", report::blocks(number)))
}
