//! A lock for sections of a few instructions that cannot hang.
//!
//! Whoever cannot get it within a bounded time goes on without: a signal handler may have interrupted the very
//! thread that holds it, and a profiler that loses a sample is better than one that stops the program.

use core::cell::UnsafeCell;
use core::hint;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::sys;

/// Tries before giving up; behind the first few the thread gives its time slice away between tries.
const PATIENCE: u32 = 20_000;
const BEFORE_YIELDING: u32 = 100;

pub(crate) struct SpinLock<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reached only through a `Guard`, of which `taken` allows one at a time.
unsafe impl<T: Send> Sync for SpinLock<T> {}

pub(crate) struct Guard<'a, T>(&'a SpinLock<T>);

impl<T> SpinLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// The lock, or `None` after a bounded wait.
    pub(crate) fn lock(&self) -> Option<Guard<'_, T>> {
        self.acquire().then_some(Guard(self))
    }

    fn acquire(&self) -> bool {
        for attempt in 0..PATIENCE {
            if !self.taken.load(Ordering::Relaxed)
                && self.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return true;
            }
            if attempt < BEFORE_YIELDING { hint::spin_loop() } else { sys::yield_now() }
        }
        false
    }

    /// Takes the lock across a fork, so that the child does not inherit a value in the middle of a change.
    pub(crate) fn hold_for_fork(&self) {
        // When it cannot be had, its holder is the forking thread itself (a fork in a signal handler): nobody
        // else changes the value, and the release behind the fork is followed by the holder's own.
        self.acquire();
    }

    /// Counterpart of [`Self::hold_for_fork`], in parent and child.
    pub(crate) fn release_after_fork(&self) {
        self.taken.store(false, Ordering::Release);
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
        self.0.taken.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        static COUNT: SpinLock<u64> = SpinLock::new(0);
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..10_000).for_each(|_| *COUNT.lock().unwrap() += 1)))
            .collect();
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*COUNT.lock().unwrap(), 40_000);
    }

    #[test]
    fn a_thread_that_already_holds_it_goes_on_without() {
        let lock = SpinLock::new(());
        let held = lock.lock();
        assert!(lock.lock().is_none());
        drop(held);
        assert!(lock.lock().is_some());
    }
}
