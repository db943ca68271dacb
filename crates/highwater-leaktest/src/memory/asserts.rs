//! Assertions on what a piece of code allocates.

use std::fmt;
use std::thread;
use std::time::Duration;

use highwater_ledger::{Entered, Ledger};

use super::{Limits, judge, words};
use crate::allocator;
use crate::whole;

/// How many blocks a piece of code may allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So many, or less.
    AtMost(u64),
    /// So many.
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
        // It is within that of the test.
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
    let found = judge(&name, ledger, all, &[""; 0], Duration::ZERO);
    let (number, sites) = found.first().map_or((0, &[][..]), |it| (it.found, &it.sites));
    if is_kept(number) {
        return None;
    }
    let sites = words::sites(sites);
    Some(format!("{} allocated where {bound} should be\n{sites}", words::blocks(number)))
}

/// Asserts how many blocks of memory a block of code allocates, on this thread and on those that it starts:
/// `assert_allocs!(<= 3, { … })` or `assert_allocs!(== 3, { … })`. What the process, the thread or the test runner keeps
/// for itself is not counted. Has the block's value.
///
/// ```
/// let text = highwater_leaktest::assert_allocs!(<= 1, { "a".repeat(10) });
/// # assert_eq!(text.len(), 10);
/// ```
///
/// # Panics
/// When it is another number, with the places that allocated; and where a global allocator of the program's own keeps
/// allocations from being recorded.
#[macro_export]
macro_rules! assert_allocs {
    (<= $most:expr, $code:block $(,)?) => {
        $crate::__assert_allocs!(AtMost, $most, $code)
    };
    (== $number:expr, $code:block $(,)?) => {
        $crate::__assert_allocs!(Exactly, $number, $code)
    };
    ($($other:tt)*) => {
        ::core::compile_error!("write `assert_allocs!(<= 3, { … })` or `assert_allocs!(== 3, { … })`")
    };
}

/// Asserts that a block of code allocates nothing; see [`assert_allocs!`](crate::assert_allocs).
///
/// ```
/// let sum = highwater_leaktest::assert_no_alloc!({ 1 + 1 });
/// # assert_eq!(sum, 2);
/// ```
#[macro_export]
macro_rules! assert_no_alloc {
    ($code:block $(,)?) => {
        $crate::__assert_allocs!(Exactly, 0, $code)
    };
    ($($other:tt)*) => {
        ::core::compile_error!("write `assert_no_alloc!({ … })`")
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __assert_allocs {
    ($bound:ident, $number:expr, $code:block) => {{
        let bound = $crate::private::Bound::$bound($number);
        let counting = $crate::private::Counting::new();
        let value = $code;
        counting.end(bound);
        value
    }};
}
