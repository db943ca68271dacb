//! Where the peak is defined: the process's live bytes as threads report them, and the highest there were.
//!
//! **The peak's epoch.** Whenever the process reaches its highest number of live bytes so far, a new epoch
//! begins. A site that is about to change in an epoch it has not seen first saves its live values: those are
//! its values at the peak. That makes attribution at the peak cost O(1) an event, with no copy of anything.

use core::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The most by which the live bytes of one thread may differ from what it has reported: 64 KiB up or down.
pub(crate) const HELD_BACK_BYTES: u64 = 64 * 1024;

/// Live bytes as passed on by all threads.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// Highest number of live bytes seen at a report. Each new one begins an epoch.
static PEAK: AtomicI64 = AtomicI64::new(0);
static EPOCH: AtomicU64 = AtomicU64::new(0);

/// Whether a thread that has gained this many bytes since its last report takes the process higher than it
/// ever was, as far as the other threads have reported.
#[inline(always)]
pub(crate) fn is_peak(gained: i64) -> bool {
    LIVE.load(Relaxed) + gained > PEAK.load(Relaxed)
}

/// Live bytes as far as threads have reported. Below 0 where frees were reported before their allocations.
pub(crate) fn reported() -> i64 {
    LIVE.load(Relaxed)
}

/// Live bytes as far as threads have reported.
pub(crate) fn live_bytes() -> u64 {
    u64::try_from(LIVE.load(Relaxed)).unwrap_or(0)
}

/// The highest number of live bytes so far.
pub(crate) fn bytes() -> u64 {
    u64::try_from(PEAK.load(Relaxed)).unwrap_or(0)
}

/// Takes a thread's report: its live bytes changed by `change` since its last one.
pub(crate) fn report(change: i64) {
    note(LIVE.fetch_add(change, Relaxed) + change);
}

/// Begins a new epoch if this many live bytes are a new peak.
pub(crate) fn note(live: i64) {
    if live > PEAK.load(Relaxed) && live > PEAK.fetch_max(live, Relaxed) {
        EPOCH.fetch_add(1, Relaxed);
    }
}

/// The peak's epoch; it changes whenever the process reaches a new peak.
#[inline(always)]
pub(crate) fn epoch() -> u64 {
    EPOCH.load(Relaxed)
}
