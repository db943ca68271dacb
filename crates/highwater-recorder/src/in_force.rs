//! What is in force: whether the recorder is set up, and how much it records.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use core::time::Duration;

use highwater_lockfree::system;

use crate::config::Mode;
use crate::{sys, way};

/// No allocation has been seen yet.
pub(crate) const FRESH: u8 = 0;
/// One thread is setting the recorder up; whatever else is allocated meanwhile is counted, but not recorded.
pub(crate) const STARTING: u8 = 1;
pub(crate) const READY: u8 = 2;
/// Nothing can be recorded in this process, which is on standard error. Calls pass straight through.
pub(crate) const REFUSED: u8 = 3;

pub(crate) static STATE: AtomicU8 = AtomicU8::new(FRESH);

/// The sampling interval in force, in bytes: 0 when nothing is recorded, 1 when everything is.
static INTERVAL: AtomicU64 = AtomicU64::new(0);

/// The interval in force when something was last recorded: `INTERVAL`, unless that is 0.
static LAST_INTERVAL: AtomicU64 = AtomicU64::new(0);

/// Every block since the start was recorded.
pub(crate) static IS_COMPLETE: AtomicBool = AtomicBool::new(false);

/// When the recorder was set up, on the system's monotonic clock.
pub(crate) static STARTED_NS: AtomicU64 = AtomicU64::new(0);

/// Has this much recorded from now on.
pub(crate) fn put_in_force(mode: Mode) {
    let interval_bytes = mode.interval_bytes().unwrap_or(0);
    if interval_bytes != 0 {
        LAST_INTERVAL.store(interval_bytes, Ordering::Relaxed);
    }
    INTERVAL.store(interval_bytes, Ordering::Relaxed);
}

/// The sampling interval in force, in bytes: 0 when nothing is recorded, 1 when everything is.
#[inline]
pub(crate) fn interval_bytes() -> u64 {
    INTERVAL.load(Ordering::Relaxed)
}

/// Whether allocations can be recorded.
#[inline]
pub(crate) fn is_ready() -> bool {
    STATE.load(Ordering::Acquire) == READY
}

/// Whether this platform can be recorded on.
pub fn is_supported() -> bool {
    system::SUPPORTED
}

/// Whether nothing can be recorded because the standard library is a shared one (`-C prefer-dynamic`).
pub fn has_shared_std() -> bool {
    STATE.load(Ordering::Acquire) == REFUSED
}

/// How long recording has been going on: since the first allocation of the process, which comes before
/// `main`.
pub fn running() -> Duration {
    Duration::from_nanos(sys::monotonic_ns().saturating_sub(STARTED_NS.load(Ordering::Relaxed)))
}

/// What is being recorded; `None` as long as no allocation has come through an [`Alloc`](crate::Alloc).
pub fn mode() -> Option<Mode> {
    (STATE.load(Ordering::Acquire) == READY).then(|| match interval_bytes() {
        0 => Mode::Off,
        interval_bytes => Mode::with_interval(interval_bytes),
    })
}

/// Changes what is recorded from now on. A thread takes the change up when it has allocated or freed 56 KiB,
/// at the latest. A sample keeps the interval that drew it. False, with nothing changed, as long as no
/// allocation has come through an [`Alloc`](crate::Alloc).
pub fn set_mode(mode: Mode) -> bool {
    if STATE.load(Ordering::Acquire) != READY {
        return false;
    }
    if mode != Mode::Exact {
        IS_COMPLETE.store(false, Ordering::Relaxed);
    }
    put_in_force(mode);
    way::follow(mode);
    true
}

/// The sampling interval of what was recorded last, in bytes: that in force, or when recording is off, the
/// one before. 0 when nothing was ever recorded.
pub fn last_interval_bytes() -> u64 {
    LAST_INTERVAL.load(Ordering::Relaxed)
}

/// Whether every block was recorded since the process started.
pub fn is_complete() -> bool {
    IS_COMPLETE.load(Ordering::Relaxed)
}
