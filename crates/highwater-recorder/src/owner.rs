//! Which thread counts in a place alone, and so without locked instructions.

use core::sync::atomic::{AtomicU64, Ordering};

/// The thread that a site is kept for, by its slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(usize);

impl Owner {
    /// Threads share the site.
    pub(crate) const ALL: Self = Self(0);

    /// The thread whose slot is at this address.
    #[inline(always)]
    pub(crate) fn at(slot_address: usize) -> Self {
        Self(slot_address)
    }

    pub(crate) fn identity(self) -> u64 {
        self.0 as u64
    }

    /// Adds to a counter that only the owner changes: without a locked instruction, if there is one.
    #[inline(always)]
    pub(crate) fn raise(self, counter: &AtomicU64, by: u64) {
        if self == Self::ALL {
            counter.fetch_add(by, Ordering::Relaxed);
        } else {
            counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
        }
    }
}
