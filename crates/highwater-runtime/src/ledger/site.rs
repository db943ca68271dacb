//! Call sites of a ledger: a stack in an account, with what was allocated there.
//!
//! The same stack in a ledger and in the one around it are two sites, of which the first knows the second; a block is in both.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::account::{Account, placed};
use crate::capture::Stack;
use crate::chain::{ChainTable, hash};
use crate::site::KnownStack;

/// Frames kept of a stack.
const MOST_FRAMES: usize = 1024;

static SITES: ChainTable<Site, { 1 << 13 }> = ChainTable::new();

/// What was allocated by one stack in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteTotals {
    /// Its call-site addresses, innermost first, each inside of its call instruction.
    pub stack: super::Stack,
    /// Blocks allocated.
    pub alloc_blocks: u64,
    /// Bytes allocated.
    pub alloc_bytes: u64,
    /// Blocks allocated and not yet freed.
    pub live_blocks: u64,
    /// Bytes of these.
    pub live_bytes: u64,
    /// What was live when the ledger's peak was last noted: at the peak, or up to 1/64 below it. 0 when the peak is not
    /// watched, or below its limit.
    pub peak_bytes: u64,
}

pub(super) struct Site {
    account: &'static Account,
    /// The same stack in the account around that one.
    outer: Option<&'static Site>,
    stack: KnownStack,
    alloc_blocks: AtomicU64,
    alloc_bytes: AtomicU64,
    live_blocks: AtomicU64,
    live_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    /// The next of the account's sites.
    next: AtomicPtr<Site>,
    /// 0 until the site is in its account's list.
    is_linked: AtomicU64,
}

impl Site {
    /// The site of the calling stack in this account. `None` when the tables' memory is used up.
    pub(super) fn here(account: &'static Account) -> Option<&'static Self> {
        // Whether a block is the process's may be told by an outer call, so more are kept than the recorder keeps.
        let mut stack = Stack::<MOST_FRAMES>::new();
        stack.capture();
        Self::of(account, KnownStack::of_any(&stack)?)
    }

    fn of(account: &'static Account, stack: KnownStack) -> Option<&'static Self> {
        // From the outermost inwards, in a loop: nothing bounds how many there are.
        let depth = core::iter::successors(Some(account), |it| it.outer()).count();
        let mut site: Option<&'static Self> = None;
        for level in (0..depth).rev() {
            let account = core::iter::successors(Some(account), |it| it.outer()).nth(level)?;
            site = Some(Self::at(account, stack, site)?);
        }
        site
    }

    fn at(
        account: &'static Account,
        stack: KnownStack,
        outer: Option<&'static Self>,
    ) -> Option<&'static Self> {
        let identity = |it: Option<&'static Self>| it.map_or(0, |it| ptr::from_ref(it).addr());
        let frames = stack.frames();
        let words = [ptr::from_ref(account).addr(), identity(outer), frames.as_ptr().addr()];
        let site = SITES.get_or_add(
            hash(words.map(|it| it as u64)),
            |site| {
                ptr::eq(site.account, account)
                    && identity(site.outer) == words[1]
                    && ptr::eq(site.stack.frames(), frames)
            },
            || {
                Some(Self {
                    account,
                    outer,
                    stack,
                    alloc_blocks: AtomicU64::new(0),
                    alloc_bytes: AtomicU64::new(0),
                    live_blocks: AtomicU64::new(0),
                    live_bytes: AtomicU64::new(0),
                    peak_bytes: AtomicU64::new(0),
                    next: AtomicPtr::new(ptr::null_mut()),
                    is_linked: AtomicU64::new(0),
                })
            },
        )?;
        if site.is_linked.load(Ordering::Relaxed) == 0 && site.is_linked.swap(1, Ordering::Relaxed) == 0 {
            account.link(site);
        }
        Some(site)
    }

    /// Counts a block, here and in all around.
    pub(super) fn add(&'static self, size: u64) {
        for site in self.outwards() {
            site.alloc_blocks.fetch_add(1, Ordering::Relaxed);
            site.alloc_bytes.fetch_add(size, Ordering::Relaxed);
            site.live_blocks.fetch_add(1, Ordering::Relaxed);
            site.live_bytes.fetch_add(size, Ordering::Relaxed);
            site.account.add(size);
        }
    }

    /// Counts the end of a block.
    pub(super) fn remove(&'static self, size: u64) {
        for site in self.outwards() {
            site.live_blocks.fetch_sub(1, Ordering::Relaxed);
            site.live_bytes.fetch_sub(size, Ordering::Relaxed);
            site.account.remove(size);
        }
    }

    fn outwards(&'static self) -> impl Iterator<Item = &'static Self> {
        core::iter::successors(Some(self), |site| site.outer)
    }

    /// Whether its blocks are also those of `account`.
    pub(super) fn is_in(&'static self, account: &'static Account) -> bool {
        self.outwards().any(|it| ptr::eq(it.account, account))
    }

    /// Whether both are of the same account.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        ptr::eq(self.account, other.account)
    }

    /// Begins to count anew. No block of it is alive.
    pub(super) fn clear(&'static self) {
        for total in [&self.alloc_blocks, &self.alloc_bytes, &self.peak_bytes] {
            total.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn note_peak(&'static self) {
        self.peak_bytes.store(self.live_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(super) fn frames(&self) -> &'static [usize] {
        self.stack.frames()
    }

    pub(super) fn totals(&'static self) -> SiteTotals {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        SiteTotals {
            stack: self.frames(),
            alloc_blocks: read(&self.alloc_blocks),
            alloc_bytes: read(&self.alloc_bytes),
            live_blocks: read(&self.live_blocks),
            live_bytes: read(&self.live_bytes),
            peak_bytes: read(&self.peak_bytes),
        }
    }

    pub(super) fn next(&self) -> Option<&'static Self> {
        placed(&self.next)
    }

    pub(super) fn set_next(&self, next: *mut Self) {
        self.next.store(next, Ordering::Release);
    }
}
