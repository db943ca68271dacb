//! The log that handlers write to, and how many handlers there are: what keeps a log from being given back
//! too early.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use highwater_lockfree::system;

use crate::log::Log;

/// Where handlers write to; null while nothing is sampled.
pub(crate) static CURRENT: AtomicPtr<Log> = AtomicPtr::new(ptr::null_mut());

/// Handlers that have begun and not ended.
pub(crate) static IN_HANDLERS: AtomicUsize = AtomicUsize::new(0);

/// Waits until no handler holds a log that [`CURRENT`] no longer shows. A handler is a walk of a stack:
/// microseconds.
pub(crate) fn wait_for_handlers() {
    while IN_HANDLERS.load(Ordering::SeqCst) != 0 {
        system::yield_now();
    }
}
