//! The ledger for a harness that stands in front of an allocator's own functions, such as `malloc`, and hands
//! no layouts on.
//!
//! The ordering rules are the rules of [`Alloc`](crate::Alloc). Where that is the program's allocator it
//! writes everything down itself, and nothing is wanted here.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::blocks::{self, Entry};
use crate::{ended, wanted};

/// Set once an [`Alloc`](crate::Alloc) has been asked for a block.
static IS_WRITTEN_DOWN_ABOVE: AtomicBool = AtomicBool::new(false);

/// An [`Alloc`](crate::Alloc) is asked for a block.
#[inline]
pub(crate) fn is_above() {
    if !IS_WRITTEN_DOWN_ABOVE.load(Ordering::Relaxed) {
        IS_WRITTEN_DOWN_ABOVE.store(true, Ordering::Relaxed);
    }
}

/// Whether a ledger may want blocks of this alignment.
#[inline]
pub fn wants(align: usize) -> bool {
    wanted::may_be_wanted(align) && !IS_WRITTEN_DOWN_ABOVE.load(Ordering::Relaxed)
}

/// Writes down a block that was allocated, if it is not null.
///
/// # Safety
/// The block has this size in bytes and this alignment, and [`take`] will be asked for it before it is freed,
/// moved or resized.
pub unsafe fn add(block: *mut u8, size: usize, align: usize) {
    blocks::add(block, size, align);
}

/// A block that was taken out.
#[must_use = "it ends, or it is put back"]
pub struct Taken(Entry);

/// Takes a block out that is about to be moved or resized. `None` when it was not written down.
#[inline]
pub fn take(block: *mut u8) -> Option<Taken> {
    blocks::take(block).map(Taken)
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Taken")
    }
}

impl Taken {
    /// Counts the end of the block.
    pub fn end(self) {
        blocks::end(self.0);
    }

    /// Puts the block back, which stayed where it was.
    pub fn put_back(self, block: *mut u8) {
        blocks::put_back(block, self.0);
    }
}

/// Takes a block out that is about to be freed, if it was written down, and counts its end.
///
/// # Safety
/// The block has not been freed.
#[inline]
pub unsafe fn frees(block: *mut u8) {
    if let Some(entry) = blocks::take(block) {
        // SAFETY: as the caller promises.
        unsafe { ended::look(block, entry) };
        blocks::end(entry);
    }
}
