//! The blocks that are allocated in a scope, exactly: how many, how large, from where, and which of them are alive.
//!
//! For test harnesses. A [`Ledger`] is opened around a test; the test's thread enters it, and so do the threads that it
//! starts ([`current`], [`Heir`]). [`Alloc`], another allocator than [`crate::Alloc`], writes down the blocks of threads that
//! are in a ledger, whoever frees them, and leaves all others alone. It can stand around any allocator.
//!
//! The way of a block: `alloc.rs` (is the calling thread in a ledger, and is this block wanted?) → `site.rs` (the stack, in
//! this ledger and those around it) → `account.rs` (the ledger's totals) → `blocks.rs` (found again when it is freed) →
//! `ended.rs` (where that was, if that is of interest).
//!
//! A ledger that is opened inside of another one is part of it: its blocks count in both.

mod account;
mod alloc;
mod blocks;
mod ended;
mod site;

use core::any::Any;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::RefUnwindSafe;

use account::Account;
pub use account::Totals;
pub use alloc::Alloc;
pub use blocks::Block;
pub use ended::{Ended, ended_blocks, watch_ends};
pub use site::SiteTotals;

use crate::sys;

thread_local! {
    /// Where the calling thread's blocks are written down. Without a destructor, so that it can be asked at any time.
    static CURRENT: Cell<Option<&'static Account>> = const { Cell::new(None) };
}

/// All blocks allocated in a scope, of a least alignment.
#[derive(Debug)]
pub struct Ledger {
    account: &'static Account,
}

impl Ledger {
    /// A new ledger, part of the one that the calling thread is in. Blocks with an alignment of at least `least_align`
    /// bytes are written down (1: all of them), and those that the ledger around it wants. `None` where this is not
    /// supported, or when the recorder's memory is used up.
    pub fn open(least_align: usize) -> Option<Self> {
        if !sys::SUPPORTED {
            return None;
        }
        blocks::start();
        Some(Self { account: Account::open(CURRENT.get(), least_align)? })
    }

    /// From now on blocks with an alignment of at least `least_align` bytes are written down, and those that were.
    pub fn widen(&self, least_align: usize) {
        self.account.widen(least_align);
    }

    /// From now on it is noted what each site holds when the live bytes are at their highest, if that is above
    /// `limit_bytes`; see [`SiteTotals::peak_bytes`].
    pub fn watch_peak(&self, limit_bytes: u64) {
        self.account.watch_peak(limit_bytes);
    }

    /// Puts the calling thread into this ledger until the guard is dropped.
    pub fn enter(&self) -> Entered {
        self.account.hold();
        let entered = Some(self.account);
        Entered { entered, outer: CURRENT.replace(entered), stays_in_its_thread: PhantomData }
    }

    /// Puts the calling thread into this ledger until it [`leave`]s, or ends. The ledger must be kept as long, or what the
    /// thread allocates may be written down in another one.
    pub fn enter_for_good(&self) {
        CURRENT.set(Some(self.account));
    }

    /// Number of blocks that are alive. One load.
    pub fn live_blocks(&self) -> u64 {
        self.account.live_blocks()
    }

    /// The totals, each of them exact; together they may be of slightly different moments while other threads allocate.
    pub fn totals(&self) -> Totals {
        self.account.totals()
    }

    /// Shows the blocks that are alive, in no order. What `visit` allocates is not written down, and it must free nothing
    /// that was.
    pub fn visit_blocks(&self, mut visit: impl FnMut(Block)) {
        let _paused = pause();
        blocks::visit(self.account, &mut visit);
    }

    /// Shows the ends that are remembered ([`watch_ends`]) of this ledger's blocks, and of those inside of it.
    pub fn visit_ended(&self, mut visit: impl FnMut(Ended)) {
        let _paused = pause();
        ended::visit(self.account, &mut visit);
    }

    /// Shows the sites of this ledger, and of those inside of it, that have allocated something.
    pub fn visit_sites(&self, visit: impl FnMut(SiteTotals)) {
        let _paused = pause();
        self.account.sites().map(site::Site::totals).filter(|it| it.alloc_blocks > 0).for_each(visit);
    }
}

/// Whether [`Alloc`] is the global allocator, or stands behind it, found out with a planted block. Unlike a ledger this takes no
/// stack down.
pub fn is_in_place() -> bool {
    sys::SUPPORTED && blocks::sees(|| core::hint::black_box(Box::new(blocks::Planted(1))).0 == 1)
}

/// Has `open` called by a thread that is in no ledger and allocates a block with an alignment of at least `least_align` bytes, before
/// that block is written down, so that a ledger can be opened and entered no sooner than it is needed. Only the first call counts.
pub fn open_when_wanted(least_align: usize, open: fn()) {
    blocks::open_when_wanted(least_align, open);
}

impl Drop for Ledger {
    fn drop(&mut self) {
        ended::forget(self.account);
        self.account.release();
    }
}

/// Keeps a thread in a ledger, which is kept as long; leaves it when dropped. Guards are to be dropped in the reverse order of
/// their making.
#[must_use = "the thread leaves the ledger when this is dropped"]
#[derive(Debug)]
pub struct Entered {
    entered: Option<&'static Account>,
    outer: Option<&'static Account>,
    stays_in_its_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        if let Some(account) = self.entered {
            account.release();
        }
    }
}

/// Keeps a thread's blocks from being written down; what it frees still is.
pub fn pause() -> Entered {
    Entered { entered: None, outer: CURRENT.take(), stays_in_its_thread: PhantomData }
}

/// Takes the calling thread out of the ledger that it is in.
pub fn leave() {
    CURRENT.set(None);
}

/// What a thread that is about to be started inherits: a place in the ledger of its starter.
#[derive(Clone, Copy)]
pub struct Heir(&'static Account);

/// The place in a ledger that a thread inherits which the calling thread is about to start. It keeps the ledger from being
/// used for something else until [`Heir::end`].
pub fn current() -> Option<Heir> {
    let account = CURRENT.get()?;
    account.hold();
    Some(Heir(account))
}

impl Heir {
    /// Puts the calling thread, which is starting, into the ledger.
    pub fn enter(self) {
        CURRENT.set(Some(self.0));
    }

    /// The thread ends, or did not start.
    pub fn end(self) {
        self.0.release();
    }

    /// For whoever carries it from the one thread to the other, and need not know what it is.
    pub fn into_any(self) -> &'static (dyn Any + Send + Sync + RefUnwindSafe) {
        self.0
    }

    /// From [`Heir::into_any`]. `None` for something else.
    pub fn from_any(any: &'static (dyn Any + Send + Sync)) -> Option<Self> {
        any.downcast_ref().map(Self)
    }
}

impl fmt::Debug for Heir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heir")
    }
}

/// Has the blocks that the calling thread allocates from now on carry a number ([`Block::thread`]).
pub fn set_thread(number: u64) {
    blocks::set_thread(number);
}

/// What may be of interest of a stack: its call-site addresses, innermost first, each inside of its call instruction.
pub type Stack = &'static [usize];
