//! What was allocated by one stack in one account. An account lists them, and so nothing here knows of
//! accounts.

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use highwater_unwind::KnownStack;

/// What may be of interest of a stack: its call-site addresses, innermost first, each inside of its call
/// instruction.
pub type Stack = &'static [usize];

/// What was allocated by one stack in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteTotals {
    /// Its call-site addresses, innermost first, each inside of its call instruction.
    pub stack: Stack,
    /// Blocks allocated.
    pub alloc_blocks: u64,
    /// Bytes allocated.
    pub alloc_bytes: u64,
    /// Blocks allocated and not yet freed.
    pub live_blocks: u64,
    /// Bytes of these.
    pub live_bytes: u64,
    /// What was live when the ledger's peak was last noted: at the peak, or up to 1/64 below it. 0 when the
    /// peak is not watched, or below its limit.
    pub peak_bytes: u64,
}

/// The same while it is being counted.
pub(crate) struct Numbers {
    stack: KnownStack,
    alloc_blocks: AtomicU64,
    alloc_bytes: AtomicU64,
    live_blocks: AtomicU64,
    live_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    /// The next of the account's.
    next: AtomicPtr<Numbers>,
}

/// What a pointer to something in the arena leads to.
pub(crate) fn placed<T>(pointer: &AtomicPtr<T>) -> Option<&'static T> {
    // SAFETY: such pointers are null, or made from references to what stays in the arena for ever and is only
    // changed through atomics. They are published with Release.
    unsafe { pointer.load(Ordering::Acquire).as_ref() }
}

impl Numbers {
    pub(crate) fn new(stack: KnownStack) -> Self {
        Self {
            stack,
            alloc_blocks: AtomicU64::new(0),
            alloc_bytes: AtomicU64::new(0),
            live_blocks: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            next: AtomicPtr::new(core::ptr::null_mut()),
        }
    }

    /// Counts a block.
    pub(crate) fn add(&self, size: u64) {
        self.alloc_blocks.fetch_add(1, Ordering::Relaxed);
        self.alloc_bytes.fetch_add(size, Ordering::Relaxed);
        self.live_blocks.fetch_add(1, Ordering::Relaxed);
        self.live_bytes.fetch_add(size, Ordering::Relaxed);
    }

    /// Counts the end of a block.
    pub(crate) fn remove(&self, size: u64) {
        self.live_blocks.fetch_sub(1, Ordering::Relaxed);
        self.live_bytes.fetch_sub(size, Ordering::Relaxed);
    }

    /// Begins to count anew. No block of it is alive.
    pub(crate) fn clear(&'static self) {
        for total in [&self.alloc_blocks, &self.alloc_bytes, &self.peak_bytes] {
            total.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_peak(&'static self) {
        self.peak_bytes.store(self.live_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(crate) fn frames(&self) -> Stack {
        self.stack.frames()
    }

    pub(crate) fn totals(&'static self) -> SiteTotals {
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

    pub(crate) fn next(&self) -> Option<&'static Self> {
        placed(&self.next)
    }

    pub(crate) fn set_next(&self, next: *mut Self) {
        self.next.store(next, Ordering::Release);
    }
}
