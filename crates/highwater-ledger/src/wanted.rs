//! Which blocks may be wanted, so that all others cost no more than a comparison.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The smallest alignment that a ledger has wanted so far. Most programs want few blocks.
static LEAST_ALIGN: AtomicUsize = AtomicUsize::new(usize::MAX);

/// What a thread without a ledger calls that allocates such a block.
static OPEN: OnceLock<fn()> = OnceLock::new();

/// From now on blocks with this alignment may be wanted.
pub(crate) fn want(least_align: usize) {
    LEAST_ALIGN.fetch_min(least_align, Ordering::Relaxed);
}

/// Whether some ledger may want blocks of this alignment.
#[inline]
pub(crate) fn may_be_wanted(align: usize) -> bool {
    align >= LEAST_ALIGN.load(Ordering::Relaxed)
}

/// Has `open` called by a thread that is in no ledger and allocates a block with an alignment of at least
/// `least_align` bytes, before that block is written down, so that a ledger can be opened and entered no
/// sooner than it is needed. Only the first call counts.
pub fn open_when_wanted(least_align: usize, open: fn()) {
    let _ = OPEN.set(open);
    want(least_align);
}

/// Calls what a thread without a ledger calls.
pub(crate) fn open() {
    if let Some(open) = OPEN.get() {
        open();
    }
}
