//! The blocks that are allocated in a scope, exactly: how many, how large, from where, and which of them are
//! alive.
//!
//! For test harnesses. A [`Ledger`] is opened around a test; the test's thread enters it, and so do the
//! threads that it starts ([`current`], [`Heir`]). [`Alloc`], another allocator than the recorder's, writes
//! down the blocks of threads that are in a ledger, on any thread that frees them, and leaves all others
//! alone. It can stand around any allocator.
//!
//! The way of a block: `alloc.rs` (is the calling thread in a ledger, and is this block wanted?) → `site.rs`
//! (the stack, in this ledger and those around it) → `numbers.rs` and `account.rs` (what is counted, of the
//! stack and of the ledger) → `blocks.rs` (found again when it is freed) → `ended.rs` (where that was, if
//! that is of interest).
//!
//! A ledger that is opened inside of another one is part of it: its blocks count in both.

mod account;
mod alloc;
mod blocks;
mod current;
mod ended;
mod ledger;
mod numbers;
pub mod raw;
mod site;
mod wanted;

pub use account::Totals;
pub use alloc::Alloc;
pub use blocks::{Block, set_thread};
pub use current::{Entered, Heir, current, leave, pause};
pub use ended::{Ended, ended_blocks, watch_ends};
pub use ledger::{Ledger, visit_all_blocks};
pub use numbers::{SiteTotals, Stack};
pub use wanted::open_when_wanted;
