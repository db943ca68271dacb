//! A limit beyond which allocations fail, as they do on a machine that is full: for tests of what a program
//! does then.
//!
//! It is looked at where the recorder is asked anyway, off the fast path, so that a program without it pays
//! nothing. What a thread allocates between two looks passes unseen, which is at most 56 KiB; in exact mode
//! nothing does.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{peak, thread};

/// No limit.
const NONE: u64 = u64::MAX;

/// Live bytes that the program may have.
static MOST: AtomicU64 = AtomicU64::new(NONE);

/// Lets allocations fail that would take the program beyond this many live bytes; `None` lets none fail.
/// Highwater's own memory is not counted and not refused.
///
/// The program may go beyond the limit by the bytes that its threads have not reported yet, at most
/// [`Counts::HELD_BACK_BYTES`](crate::Counts::HELD_BACK_BYTES) each. In exact mode the thread that allocates
/// holds nothing back.
pub fn set_hard_limit(bytes: Option<u64>) {
    MOST.store(bytes.unwrap_or(NONE), Relaxed);
}

/// Whether this many bytes more would be too many.
#[inline(always)]
pub(crate) fn forbids(more_bytes: usize) -> bool {
    let most = MOST.load(Relaxed);
    most != NONE && is_beyond(most, more_bytes)
}

#[cold]
#[inline(never)]
fn is_beyond(most: u64, more_bytes: usize) -> bool {
    if thread::is_own() {
        return false;
    }
    thread::report_own();
    peak::live_bytes().saturating_add(more_bytes as u64) > most
}
