//! The signal handler that writes the profile must not wait for the program's allocator: the signal may have
//! come in the middle of that.
//!
//! This library has an allocator of its own. But the standard library and the C library ask for a few
//! blocks by `malloc` (a thread's handle, the buffer of a directory). In the thread of the handler these
//! come from the reserve.

use core::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{HAS_HEADERS, is_glibc};

/// The thread whose handler is at work; 0 for none.
static THREAD: AtomicI32 = AtomicI32::new(0);

/// How long a handler waits for the one of another thread.
const PATIENCE: Duration = Duration::from_secs(10);

fn own() -> i32 {
    // SAFETY: gettid has no preconditions.
    unsafe { libc::gettid() }
}

/// While this is there, the calling thread's blocks come from the reserve.
pub(crate) struct Handler {
    has_headers: bool,
    is_outermost: bool,
}

impl Handler {
    /// Begins the work of a handler.
    pub(crate) fn begin() -> Self {
        let (own, begin) = (own(), Instant::now());
        let mut is_outermost = true;
        while let Err(other) = THREAD.compare_exchange(0, own, Ordering::AcqRel, Ordering::Acquire) {
            if other == own || begin.elapsed() > PATIENCE {
                is_outermost = false;
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        // All threads take the way on which the thread is looked at.
        let has_headers = is_glibc();
        if is_outermost {
            HAS_HEADERS.store(false, Ordering::Release);
        }
        Self { has_headers, is_outermost }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if self.is_outermost {
            HAS_HEADERS.store(self.has_headers, Ordering::Release);
            THREAD.store(0, Ordering::Release);
        }
    }
}

/// Whether the calling thread is in the handler.
#[inline(always)]
pub(crate) fn is_in_handler() -> bool {
    let thread = THREAD.load(Ordering::Relaxed);
    thread != 0 && thread == own()
}
