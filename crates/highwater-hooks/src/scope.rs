//! Scopes: what a thread is doing, inherited by the threads that it starts.
//!
//! A thread's current scope is in a thread-local without a destructor, so that it can be asked for at any time of the thread's
//! life. What is started or opened in one that is closed counts nowhere; should that be at the very moment, it may count in the next
//! one, whose threads it is not among.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::children::{self, Child};
use crate::descriptors::{self, Descriptor};
use crate::registry;
use crate::thread::Thread;

/// The number of a scope, 0 for none, and what counts its threads.
pub(crate) type Current = (u64, Option<&'static Live>);

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new((0, None)) };
}

/// Something whose threads are to be known, such as a test. It is open until it is dropped.
#[derive(Debug)]
#[must_use = "the scope is closed when this is dropped"]
pub struct Scope {
    number: u64,
    live: &'static Live,
}

/// How many threads of a scope have not ended. It is used for another scope when there is none left and the scope is closed, and
/// given up when there is one.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// The scope that it is of.
    number: AtomicU64,
    threads: AtomicUsize,
    /// Descriptors that were opened in it and are not closed.
    descriptors: AtomicUsize,
    /// Children that were started in it and have not been seen to be gone.
    children: AtomicUsize,
}

/// What a scope counts besides threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Descriptors,
    Children,
}

impl Live {
    fn counter(&self, what: Counted) -> &AtomicUsize {
        match what {
            Counted::Descriptors => &self.descriptors,
            Counted::Children => &self.children,
        }
    }

    /// Counts one more in the scope called `number`, if that is still the one.
    pub(crate) fn add_one(&self, number: u64, what: Counted) -> bool {
        let is_open = self.number.load(Ordering::Acquire) == number;
        if is_open {
            self.counter(what).fetch_add(1, Ordering::Release);
        }
        is_open
    }

    /// Whether it counts something besides threads, in the scope called `number`.
    pub(crate) fn has_more(&self, number: u64) -> bool {
        self.number.load(Ordering::Acquire) == number
            && self.descriptors.load(Ordering::Acquire) + self.children.load(Ordering::Acquire) > 0
    }

    /// Counts one less.
    pub(crate) fn remove_one(&self, what: Counted) {
        self.counter(what).fetch_sub(1, Ordering::Release);
    }

    /// Counts a thread that is about to start in the scope called `number`, if that is still the one.
    pub(crate) fn add(&self, number: u64) -> bool {
        let is_open = self.number.load(Ordering::Acquire) == number;
        if is_open {
            self.threads.fetch_add(1, Ordering::Release);
        }
        is_open
    }

    pub(crate) fn remove(&self) {
        self.threads.fetch_sub(1, Ordering::Release);
    }
}

impl Scope {
    /// A new scope, with no thread in it.
    #[expect(clippy::new_without_default, reason = "every scope is another one")]
    pub fn new() -> Self {
        let (number, live) = registry::open_scope();
        live.number.store(number, Ordering::Release);
        Self { number, live }
    }

    /// Puts the calling thread into this scope until the guard is dropped: threads that it starts meanwhile belong to the
    /// scope, and so do theirs. The thread itself does not.
    pub fn enter(&self) -> Entered {
        Entered { outer: CURRENT.replace((self.number, Some(self.live))), stays_in_its_thread: PhantomData }
    }

    /// Puts the calling thread into this scope for the rest of its life.
    pub fn enter_for_good(&self) {
        CURRENT.set((self.number, Some(self.live)));
    }

    /// Number of threads of this scope that have not ended. One load.
    pub fn live(&self) -> usize {
        self.live.threads.load(Ordering::Acquire)
    }

    /// Number of descriptors that were opened in this scope and are open, as far as is known. One load.
    pub fn live_descriptors(&self) -> usize {
        self.live.descriptors.load(Ordering::Acquire)
    }

    /// Number of children that were started in this scope and may still be there. One load.
    pub fn live_children(&self) -> usize {
        self.live.children.load(Ordering::Acquire)
    }

    /// The descriptors that were opened in this scope and are open, in the order of their opening.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        descriptors::of(self.number)
    }

    /// The children that were started in this scope and are still there, in the order of their starts.
    pub fn children(&self) -> Vec<Child> {
        children::of(self.number)
    }

    /// The threads of this scope that have not ended, in the order of their starts.
    pub fn threads(&self) -> Vec<Thread> {
        registry::threads_of(self.number)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.live.number.store(0, Ordering::Release);
        registry::forget_ended(self.number);
        if self.live() == 0 && self.live_descriptors() == 0 && self.live_children() == 0 {
            registry::close_scope(self.live);
        }
    }
}

/// Keeps a thread in a scope; leaves it when dropped. Guards are to be dropped in the reverse order of their making.
#[derive(Debug)]
#[must_use = "the thread leaves the scope when this is dropped"]
pub struct Entered {
    outer: Current,
    stays_in_its_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

/// The calling thread's scope.
pub(crate) fn current() -> Current {
    CURRENT.get()
}

/// Puts the calling thread, which is starting, into the scope that it belongs to.
pub(crate) fn inherit(scope: Current) {
    CURRENT.set(scope);
}
