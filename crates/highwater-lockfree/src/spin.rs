//! A lock for sections of a few instructions that cannot hang.
//!
//! It knows its owner. A thread waits for another one, which is in the middle of a few instructions; but a
//! signal handler that interrupted the owner itself would wait for ever, and goes on without: a profiler that
//! loses a sample is better than one that stops the program.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::Ordering;

use crate::sync::{AtomicBool, AtomicUsize, IS_MODEL, hint, this_thread};
use crate::system;

/// Tries before the thread gives its time slice away between tries; in a model it does so at once.
const BEFORE_YIELDING: u32 = if IS_MODEL { 0 } else { 100 };

const NOBODY: usize = 0;

/// A value that one thread at a time may use.
#[derive(Debug)]
pub struct SpinLock<T> {
    owner: AtomicUsize,
    is_held_for_fork: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reached only through a `Guard`, and `owner` allows one guard at a time.
unsafe impl<T: Send> Sync for SpinLock<T> {}

/// The value, as long as the calling thread holds the lock.
#[must_use = "the lock is released when this is dropped"]
#[derive(Debug)]
pub struct Guard<'a, T>(&'a SpinLock<T>);

impl<T> SpinLock<T> {
    constant! {
        /// A lock that nobody holds.
        pub fn new(value: T) -> Self {
            Self {
                owner: AtomicUsize::new(NOBODY),
                is_held_for_fork: AtomicBool::new(false),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// The lock, or `None` when the calling thread has it already.
    pub fn lock(&self) -> Option<Guard<'_, T>> {
        // Made only when it is taken: a guard that is made releases the lock when it is dropped.
        self.acquire().then(|| Guard(self))
    }

    fn acquire(&self) -> bool {
        let me = this_thread();
        let mut attempts = 0;
        loop {
            match self.owner.compare_exchange(NOBODY, me, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(owner) if owner == me => return false,
                Err(_) if attempts < BEFORE_YIELDING => hint::spin_loop(),
                Err(_) => system::yield_now(),
            }
            attempts += 1;
        }
    }

    /// Takes the lock across a fork, so that the child does not inherit a value in the middle of a change.
    pub fn hold_for_fork(&self) {
        // It cannot be had when its owner is the forking thread itself, in a signal handler: then the change
        // goes on behind the fork, in parent and child.
        let is_held = self.acquire();
        self.is_held_for_fork.store(is_held, Ordering::Relaxed);
    }

    /// Counterpart of [`Self::hold_for_fork`], in parent and child. The thread is the same in both.
    pub fn release_after_fork(&self) {
        if self.is_held_for_fork.load(Ordering::Relaxed) {
            self.is_held_for_fork.store(false, Ordering::Relaxed);
            self.owner.store(NOBODY, Ordering::Release);
        }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a Guard exists only while the lock is taken for it.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a Guard exists only while the lock is taken for it, and `self` is borrowed exclusively.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.0.owner.store(NOBODY, Ordering::Release);
    }
}
