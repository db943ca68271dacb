//! The totals of a ledger. Accounts live in the arena for ever; one that nobody uses any more is opened
//! again.

use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use highwater_lockfree::arena;
use highwater_lockfree::spin::SpinLock;

use crate::numbers::{Numbers, placed};
use crate::wanted;

/// Parts of the peak by which it must grow for its sites to be noted anew: 1 in this many.
const PEAK_STEPS: u64 = 64;

/// What a ledger has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blocks allocated. A block that is reallocated counts once more, with its new size.
    pub alloc_blocks: u64,
    /// Bytes allocated, as they were asked for.
    pub alloc_bytes: u64,
    /// Blocks allocated and not yet freed.
    pub live_blocks: u64,
    /// Bytes of these.
    pub live_bytes: u64,
    /// The highest number of live bytes there was.
    pub peak_bytes: u64,
}

pub(crate) struct Account {
    /// The account of the ledger around this one; null when there is none.
    outer: AtomicPtr<Account>,
    least_align: AtomicUsize,
    /// The ledger itself, threads that are in it, and open ledgers inside of it.
    users: AtomicUsize,
    alloc_blocks: AtomicU64,
    alloc_bytes: AtomicU64,
    live_blocks: AtomicU64,
    live_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    /// The live bytes at which it is next noted what the sites hold.
    next_peak_bytes: AtomicU64,
    /// The latest of this account's sites.
    first_site: AtomicPtr<Numbers>,
    /// The next in the list of those that may be opened again.
    next_free: AtomicPtr<Account>,
}

/// Accounts that may be opened again.
static FREE: SpinLock<Free> = SpinLock::new(Free(ptr::null_mut()));

struct Free(*mut Account);

// SAFETY: the pointer is null or an account's. The account stays in the arena for ever and may be shared.
unsafe impl Send for Free {}

impl Account {
    /// An account with nothing in it. `None` when there is no memory for it.
    pub(crate) fn open(outer: Option<&'static Self>, least_align: usize) -> Option<&'static Self> {
        let account = match Self::take_free() {
            Some(account) => account,
            None => arena::place(Self::new())?,
        };
        if let Some(outer) = outer {
            outer.hold();
        }
        let wanted_outside = outer.map_or(usize::MAX, Self::least_align);
        account.outer.store(address(outer), Ordering::Release);
        account.least_align.store(least_align.min(wanted_outside), Ordering::Relaxed);
        wanted::want(least_align.min(wanted_outside));
        account.users.store(1, Ordering::Relaxed);
        for total in [&account.alloc_blocks, &account.alloc_bytes, &account.peak_bytes] {
            total.store(0, Ordering::Relaxed);
        }
        account.next_peak_bytes.store(u64::MAX, Ordering::Relaxed);
        account.sites().for_each(Numbers::clear);
        Some(account)
    }

    fn new() -> Self {
        Self {
            outer: AtomicPtr::new(ptr::null_mut()),
            least_align: AtomicUsize::new(usize::MAX),
            users: AtomicUsize::new(0),
            alloc_blocks: AtomicU64::new(0),
            alloc_bytes: AtomicU64::new(0),
            live_blocks: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            next_peak_bytes: AtomicU64::new(u64::MAX),
            first_site: AtomicPtr::new(ptr::null_mut()),
            next_free: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn take_free() -> Option<&'static Self> {
        let mut free = FREE.lock()?;
        // SAFETY: the list holds accounts, which live in the arena for ever.
        let account = unsafe { free.0.as_ref() }?;
        free.0 = account.next_free.load(Ordering::Relaxed);
        Some(account)
    }

    pub(crate) fn hold(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// One user less. An account whose last one goes may be opened again, unless blocks of it are alive: then
    /// it is given up, since it would still be counted in when they are freed.
    pub(crate) fn release(&'static self) {
        let mut account = self;
        // Ledgers inside of ledgers may be many.
        while account.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            let outer = account.outer();
            if account.live_blocks() == 0
                && let Some(mut free) = FREE.lock()
            {
                account.next_free.store(free.0, Ordering::Relaxed);
                free.0 = address(Some(account));
            }
            let Some(outer) = outer else { return };
            account = outer;
        }
    }

    #[inline]
    pub(crate) fn wants(&self, align: usize) -> bool {
        align >= self.least_align()
    }

    fn least_align(&self) -> usize {
        self.least_align.load(Ordering::Relaxed)
    }

    pub(crate) fn widen(&self, least_align: usize) {
        self.least_align.fetch_min(least_align, Ordering::Relaxed);
        wanted::want(least_align);
    }

    pub(crate) fn outer(&self) -> Option<&'static Self> {
        placed(&self.outer)
    }

    pub(crate) fn watch_peak(&self, limit_bytes: u64) {
        self.next_peak_bytes.store(limit_bytes.saturating_add(1), Ordering::Relaxed);
    }

    /// Counts a block that is already counted in its site.
    pub(crate) fn add(&'static self, size: u64) {
        self.alloc_blocks.fetch_add(1, Ordering::Relaxed);
        self.alloc_bytes.fetch_add(size, Ordering::Relaxed);
        self.live_blocks.fetch_add(1, Ordering::Relaxed);
        let live = self.live_bytes.fetch_add(size, Ordering::Relaxed) + size;
        self.peak_bytes.fetch_max(live, Ordering::Relaxed);
        let next = self.next_peak_bytes.load(Ordering::Relaxed);
        if live >= next {
            // Each time higher by a part of itself, so that it happens some hundred times at most.
            let then = live.saturating_add(live / PEAK_STEPS).saturating_add(1);
            let is_first =
                self.next_peak_bytes.compare_exchange(next, then, Ordering::Relaxed, Ordering::Relaxed);
            if is_first.is_ok() {
                self.sites().for_each(Numbers::note_peak);
            }
        }
    }

    pub(crate) fn remove(&self, size: u64) {
        self.live_bytes.fetch_sub(size, Ordering::Relaxed);
        // Last of all, since a ledger without live blocks may be opened again.
        self.live_blocks.fetch_sub(1, Ordering::Release);
    }

    pub(crate) fn live_blocks(&self) -> u64 {
        self.live_blocks.load(Ordering::Acquire)
    }

    pub(crate) fn totals(&self) -> Totals {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        Totals {
            alloc_blocks: read(&self.alloc_blocks),
            alloc_bytes: read(&self.alloc_bytes),
            live_blocks: self.live_blocks(),
            live_bytes: read(&self.live_bytes),
            peak_bytes: read(&self.peak_bytes),
        }
    }

    /// Puts a new site in front of this account's others.
    pub(crate) fn link(&self, site: &'static Numbers) {
        let mut first = self.first_site.load(Ordering::Relaxed);
        loop {
            site.set_next(first);
            let site = ptr::from_ref(site).cast_mut();
            match self.first_site.compare_exchange(first, site, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    pub(crate) fn sites(&self) -> impl Iterator<Item = &'static Numbers> {
        core::iter::successors(placed(&self.first_site), |site| site.next())
    }
}

fn address(account: Option<&'static Account>) -> *mut Account {
    account.map_or(ptr::null_mut(), |it| ptr::from_ref(it).cast_mut())
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.totals().fmt(f)
    }
}
