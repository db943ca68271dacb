//! What a test may do with memory, where it says so: which blocks may stay, how many may be allocated, and how much.
//!
//! A count by itself is no verdict. Whoever comes first initialises what belongs to the process or to the thread, and libtest
//! keeps what is printed; those blocks are nobody's leak and in nobody's budget. So once a count is above its limit, the
//! stacks tell ([`noise`]) which blocks are the test's, and those are counted. A test that keeps its limits needs none.
//!
//! [`limits`] is what is asked for → [`judge`] compares it with a ledger → a [`finding`] for each limit that is not kept →
//! [`words`] for it. [`asserts`] does the same for a part of a test.

mod asserts;
mod finding;
mod judge;
mod limits;
mod noise;
mod words;

pub use asserts::{Bound, Counting};
pub(crate) use finding::{Excess, Limit, Site};
pub(crate) use judge::judge;
pub use limits::{Limits, size};
pub(crate) use words::{headline, text};
