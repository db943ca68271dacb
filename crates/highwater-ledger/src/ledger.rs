//! The ledger itself, as a harness opens it.

use core::sync::atomic::{AtomicBool, Ordering};

use highwater_lockfree::system;

use crate::account::{Account, Totals};
use crate::blocks::{self, Block};
use crate::current::{CURRENT, Entered, pause};
use crate::ended::{self, Ended};
use crate::numbers::{Numbers, SiteTotals};

/// All blocks allocated in a scope, of a least alignment.
#[derive(Debug)]
#[must_use = "the ledger is closed when this is dropped"]
pub struct Ledger {
    account: &'static Account,
}

impl Ledger {
    /// A new ledger, part of the one that the calling thread is in. Blocks with an alignment of at least
    /// `least_align` bytes are written down (1: all of them), and those that the ledger around it wants.
    /// `None` where this is not supported, or when the recorder's memory is used up.
    pub fn open(least_align: usize) -> Option<Self> {
        if !system::SUPPORTED {
            return None;
        }
        start();
        Some(Self { account: Account::open(CURRENT.get(), least_align)? })
    }

    /// From now on blocks with an alignment of at least `least_align` bytes are written down, and those that
    /// were.
    pub fn widen(&self, least_align: usize) {
        self.account.widen(least_align);
    }

    /// From now on it is noted what each site holds when the live bytes are at their highest, if that is
    /// above `limit_bytes`; see [`SiteTotals::peak_bytes`].
    pub fn watch_peak(&self, limit_bytes: u64) {
        self.account.watch_peak(limit_bytes);
    }

    /// Puts the calling thread into this ledger until the guard is dropped.
    pub fn enter(&self) -> Entered {
        Entered::new(self.account)
    }

    /// Puts the calling thread into this ledger until it [`leave`](crate::leave)s, or ends. The ledger must
    /// be kept as long, or what the thread allocates may be written down in another one.
    pub fn enter_for_good(&self) {
        CURRENT.set(Some(self.account));
    }

    /// Number of blocks that are alive. One load.
    pub fn live_blocks(&self) -> u64 {
        self.account.live_blocks()
    }

    /// The totals, each of them exact; together they may be of slightly different moments while other threads
    /// allocate.
    pub fn totals(&self) -> Totals {
        self.account.totals()
    }

    /// Shows the blocks that are alive, in no order. What `visit` allocates is not written down, and it must
    /// free nothing that was.
    pub fn visit_blocks(&self, mut visit: impl FnMut(Block)) {
        let _paused = pause();
        blocks::visit(self.account, &mut visit);
    }

    /// Shows the ends that are remembered ([`watch_ends`](crate::watch_ends)) of this ledger's blocks, and of
    /// those inside of it.
    pub fn visit_ended(&self, mut visit: impl FnMut(Ended)) {
        let _paused = pause();
        ended::visit(self.account, &mut visit);
    }

    /// Shows the sites of this ledger, and of those inside of it, that have allocated something.
    pub fn visit_sites(&self, visit: impl FnMut(SiteTotals)) {
        let _paused = pause();
        self.account.sites().map(Numbers::totals).filter(|it| it.alloc_blocks > 0).for_each(visit);
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        ended::forget(self.account);
        self.account.release();
    }
}

/// Shows the blocks that are alive of all ledgers, also of those that are closed while threads are still in
/// them. What `visit` allocates is not written down, and it must free nothing that was.
pub fn visit_all_blocks(mut visit: impl FnMut(Block)) {
    let _paused = pause();
    blocks::visit_all(&mut visit);
}

/// Prepares for the first ledger.
fn start() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if !STARTED.swap(true, Ordering::AcqRel) {
        highwater_unwind::start();
        system::at_fork(before_fork, after_fork, after_fork);
    }
}

extern "C" fn before_fork() {
    blocks::before_fork();
    ended::before_fork();
}

extern "C" fn after_fork() {
    ended::after_fork();
    blocks::after_fork();
}
