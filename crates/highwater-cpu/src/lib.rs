//! Where the process spends its processor time: stacks, taken by a signal whenever so much of it has passed.
//!
//! The kernel's profiling timer (`ITIMER_PROF`) sends `SIGPROF` to a thread that is running. What happens in
//! the handler may hit any instruction, the recorder's and the allocator's included; so it takes no lock and
//! no memory, walks the stack by [`highwater_unwind`] from where it was interrupted, and writes it into a
//! [`log`](self) that was mapped before. The other side empties that log now and then.
//!
//! When sampling ends, the timer is off, the action of the signal is the one from before, and the memory is
//! given back.
#![cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")),
    allow(dead_code, reason = "without a signal nothing is logged")
)]

mod current;
mod log;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
mod no_signal;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod signal;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
use no_signal as signal;

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use highwater_lockfree::system;

use current::{CURRENT, IN_HANDLERS, wait_for_handlers};
use highwater_lockfree::arena;
use log::{LOG_BYTES, Log};

/// Whether there is a [`CpuSampling`].
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether forks were asked for.
static FOLLOWS_FORKS: AtomicBool = AtomicBool::new(false);

extern "C" fn nothing() {}

/// Why processor time cannot be sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CpuError {
    /// Only Linux on x86-64 with glibc 2.35 or later has a walk that a signal handler may make.
    Unsupported,
    /// It is being sampled already, by [`CpuSampling`] or by another profiler that uses `SIGPROF`.
    Busy,
    /// The system gives no memory for the samples.
    NoMemory,
}

/// Samples of processor time are taken as long as this exists.
#[derive(Debug)]
#[must_use = "sampling ends when this is dropped"]
pub struct CpuSampling {
    /// Two of them, so that one can be emptied while the other is written to.
    logs: [ptr::NonNull<Log>; 2],
    /// Which of them is written to.
    current: usize,
    before: signal::Before,
}

// SAFETY: the logs belong to it alone, and signals and timers to the process. Any thread may ask.
unsafe impl Send for CpuSampling {}

impl CpuSampling {
    /// Begins: a sample whenever the process has used `interval` of processor time, all threads together.
    ///
    /// # Errors
    /// See [`CpuError`].
    pub fn start(interval: Duration) -> Result<Self, CpuError> {
        highwater_unwind::start();
        if !FOLLOWS_FORKS.swap(true, Ordering::AcqRel) {
            system::at_fork(nothing, nothing, after_fork_in_child);
        }
        if !highwater_unwind::can_walk_interrupted() {
            return Err(CpuError::Unsupported);
        }
        if IS_TAKEN.swap(true, Ordering::Acquire) {
            return Err(CpuError::Busy);
        }
        Self::start_alone(interval).inspect_err(|_| IS_TAKEN.store(false, Ordering::Release))
    }

    fn start_alone(interval: Duration) -> Result<Self, CpuError> {
        let before = signal::before().ok_or(CpuError::Busy)?;
        let first = map_log().ok_or(CpuError::NoMemory)?;
        let Some(second) = map_log() else {
            // SAFETY: it was mapped above and shown to nobody.
            unsafe { arena::unmap(first.cast(), LOG_BYTES) };
            return Err(CpuError::NoMemory);
        };
        CURRENT.store(first.as_ptr(), Ordering::SeqCst);
        let sampling = Self { logs: [first, second], current: 0, before };
        // From here on dropping it puts back what was.
        if signal::begin(interval) { Ok(sampling) } else { Err(CpuError::Unsupported) }
    }

    /// Shows the samples taken since the last time, each a stack with its leaf first: the leaf by the
    /// instruction that was interrupted, the others by addresses inside their calls. Sampling goes on
    /// meanwhile. Returns how many samples were lost for want of memory.
    pub fn take(&mut self, mut visit: impl FnMut(&[usize])) -> u64 {
        let full = self.logs[self.current];
        self.current = 1 - self.current;
        CURRENT.store(self.logs[self.current].as_ptr(), Ordering::SeqCst);
        wait_for_handlers();
        // SAFETY: mapped by `start_alone` and not given back before `drop`. No handler writes to it any more:
        // those that took it before the store have ended, and later ones take the other.
        unsafe { full.as_ref() }.empty(&mut visit)
    }
}

impl Drop for CpuSampling {
    fn drop(&mut self) {
        signal::end(&self.before);
        CURRENT.store(ptr::null_mut(), Ordering::SeqCst);
        wait_for_handlers();
        for log in self.logs {
            // SAFETY: mapped by `start_alone` with this length; no handler has it, and none will get it.
            unsafe { arena::unmap(log.cast(), LOG_BYTES) };
        }
        IS_TAKEN.store(false, Ordering::Release);
    }
}

/// The child of a fork has its parent's memory, but not its timer, and none of the threads that took samples.
extern "C" fn after_fork_in_child() {
    IN_HANDLERS.store(0, Ordering::SeqCst);
    CURRENT.store(ptr::null_mut(), Ordering::SeqCst);
    IS_TAKEN.store(false, Ordering::Release);
}

/// A new log. Zeroes, which fresh memory is, are an empty one.
fn map_log() -> Option<ptr::NonNull<Log>> {
    arena::map(LOG_BYTES).map(ptr::NonNull::cast)
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod tests;
