//! Keeps what Highwater allocates itself out of the program's numbers: by other counters, for a while.

use core::sync::atomic::Ordering::Release;

use super::pointer;
use super::slot::{Kind, Slot};
use super::slots::current;

/// Runs `work` with its allocations counted as Highwater's own memory: they are not recorded, and appear in
/// [`Counts::overhead_bytes`](crate::Counts::overhead_bytes) only.
///
/// What is allocated inside must be freed inside a later call of this function or in this one, and what was
/// allocated outside must not be freed inside; otherwise the bytes change sides.
pub fn own_memory<R>(work: impl FnOnce() -> R) -> R {
    /// Puts the thread's slot back, also when `work` panics.
    struct Restore(&'static Slot);
    impl Drop for Restore {
        fn drop(&mut self) {
            let own = current();
            pointer::set(self.0);
            own.report();
            own.is_taken.store(false, Release);
        }
    }
    let outside = current();
    if outside.kind == Kind::Own {
        return work();
    }
    let Some(own) = Slot::take(Kind::Own, 0) else {
        return work();
    };
    let _restore = Restore(outside);
    pointer::set(own);
    work()
}
