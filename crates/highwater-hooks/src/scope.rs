//! Scopes: what a thread is doing, inherited by the threads that it starts.
//!
//! A thread's current scope is in a thread-local without a destructor, so that it can be asked for at any
//! time of the thread's life. What is started or opened in one that is closed counts nowhere; should that be
//! at the very moment, it may count in the next one, whose threads it is not among.

use std::marker::PhantomData;

use crate::calling_thread;
use crate::children::{self, Child};
use crate::descriptors::{self, Descriptor};
use crate::live::{Counted, Current, Live};
use crate::registry;
use crate::thread::Thread;

/// Something whose threads are to be known, such as a test. It is open until it is dropped.
#[derive(Debug)]
#[must_use = "the scope is closed when this is dropped"]
pub struct Scope {
    number: u64,
    live: &'static Live,
}

impl Scope {
    /// A new scope, with no thread in it.
    #[expect(clippy::new_without_default, reason = "every scope is another one")]
    pub fn new() -> Self {
        let (number, live) = registry::open_scope();
        live.set_scope(number);
        Self { number, live }
    }

    /// Puts the calling thread into this scope until the guard is dropped: threads that it starts meanwhile
    /// belong to the scope, and so do theirs. The thread itself does not.
    pub fn enter(&self) -> Entered {
        Entered {
            outer: calling_thread::replace_scope((self.number, Some(self.live))),
            stays_in_its_thread: PhantomData,
        }
    }

    /// Puts the calling thread into this scope for the rest of its life.
    pub fn enter_for_good(&self) {
        calling_thread::replace_scope((self.number, Some(self.live)));
    }

    /// Number of threads of this scope that have not ended. One load.
    pub fn live(&self) -> usize {
        self.live.threads()
    }

    /// Number of descriptors that were opened in this scope and are open, as far as is known. One load.
    pub fn live_descriptors(&self) -> usize {
        self.live.number_of(Counted::Descriptors)
    }

    /// Number of children that were started in this scope and may still be there. One load.
    pub fn live_children(&self) -> usize {
        self.live.number_of(Counted::Children)
    }

    /// The descriptors that were opened in this scope and are open, in the order of their opening.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        descriptors::in_scope(self.number)
    }

    /// The children that were started in this scope and are still there, in the order of their starts.
    pub fn children(&self) -> Vec<Child> {
        children::in_scope(self.number)
    }

    /// The threads of this scope that have not ended, in the order of their starts.
    pub fn threads(&self) -> Vec<Thread> {
        registry::threads_of(self.number)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.live.set_scope(0);
        registry::forget_ended(self.number);
        if self.live() == 0 && self.live_descriptors() == 0 && self.live_children() == 0 {
            registry::close_scope(self.live);
        }
    }
}

/// Keeps a thread in a scope; leaves it when dropped. Guards are to be dropped in the reverse order of their
/// making.
#[derive(Debug)]
#[must_use = "the thread leaves the scope when this is dropped"]
pub struct Entered {
    outer: Current,
    stays_in_its_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        calling_thread::replace_scope(self.outer);
    }
}
