//! Scopes: what a thread is doing, inherited by the threads that it starts.
//!
//! A thread's current scope is a number in a thread-local without a destructor, so that it can be asked for at any time of
//! the thread's life. The registry knows the scopes that are open; a thread started in one that is closed counts nowhere.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::registry;
use crate::thread::Thread;

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// Something whose threads are to be known, such as a test. It is open until it is dropped.
#[derive(Debug)]
pub struct Scope {
    number: u64,
    live: Arc<AtomicUsize>,
}

impl Scope {
    /// A new scope, with no thread in it.
    #[expect(clippy::new_without_default, reason = "every scope is another one")]
    pub fn new() -> Self {
        let live = Arc::new(AtomicUsize::new(0));
        Self { number: registry::open_scope(Arc::clone(&live)), live }
    }

    /// Puts the calling thread into this scope until the guard is dropped: threads that it starts meanwhile belong to the
    /// scope, and so do theirs. The thread itself does not.
    pub fn enter(&self) -> Entered {
        Entered { outer: CURRENT.replace(self.number), stays_in_its_thread: PhantomData }
    }

    /// Puts the calling thread into this scope for the rest of its life.
    pub fn enter_for_good(&self) {
        CURRENT.set(self.number);
    }

    /// Number of threads of this scope that have not ended. One load.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Acquire)
    }

    /// The threads of this scope that have not ended, in the order of their starts.
    pub fn threads(&self) -> Vec<Thread> {
        registry::threads_of(self.number)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        registry::close_scope(self.number);
    }
}

/// Keeps a thread in a scope; leaves it when dropped. Guards are to be dropped in the reverse order of their making.
#[derive(Debug)]
#[must_use = "the thread leaves the scope when this is dropped"]
pub struct Entered {
    outer: u64,
    stays_in_its_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

/// The number of the calling thread's scope; 0 outside of all.
pub(crate) fn current() -> u64 {
    CURRENT.get()
}

/// Puts the calling thread, which is starting, into the scope that it belongs to.
pub(crate) fn inherit(number: u64) {
    CURRENT.set(number);
}
