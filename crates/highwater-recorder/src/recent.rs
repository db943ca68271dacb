//! Where a thread counted lately, so that it need not look for it in the table of all sites.
//!
//! For exact mode, where the same few sites come up again and again. An entry is one cache line that nobody
//! else writes to, and leads straight to the cohort; the site and its place in the table are not touched at
//! all.

use core::ptr;

use crate::cohort::{self, Cohort};
use crate::origin::Origin;
use crate::owner::Owner;
use crate::site::{Site, size_class};
use highwater_unwind::KnownStack;

const ENTRIES: usize = 256;

/// What one thread found. Zeroed memory is an empty one.
pub(crate) struct Recent {
    entries: [Entry; ENTRIES],
}

#[repr(C, align(64))]
struct Entry {
    /// Null in an empty entry.
    cohort: *const Cohort,
    frames: *const usize,
    size_class: u64,
    origin: [u64; 2],
    /// Snapshots begun when it was the cohort to count in.
    snapshots: u64,
}

impl Recent {
    /// Where `owner` counts a block of this size in exact mode that it allocates with this stack and origin.
    /// `None` when the tables' memory is used up.
    #[inline(always)]
    pub(crate) fn cohort(
        &mut self,
        stack: KnownStack,
        size: u64,
        origin: Origin,
        owner: Owner,
    ) -> Option<&'static Cohort> {
        let size_class = size_class(size, 1);
        let (frames, identity, snapshots) = (stack.frames().as_ptr(), origin.identity(), cohort::snapshots());
        let mixed = (frames.addr() as u64 >> 4).wrapping_add(size_class).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let entry = &mut self.entries[(mixed >> 48) as usize % ENTRIES];
        let is_it = ptr::eq(entry.frames, frames)
            && entry.size_class == size_class
            && entry.origin == identity
            && entry.snapshots == snapshots;
        if !is_it || entry.cohort.is_null() {
            let cohort = Site::of(stack, size, 1, origin, owner)?.cohort()?;
            *entry = Entry { cohort, frames, size_class, origin: identity, snapshots };
        }
        // SAFETY: not null, and so a cohort's. The cohort stays in the arena for ever.
        Some(unsafe { &*entry.cohort })
    }
}
