//! Functions that are called for threads that begin and end.

use std::sync::OnceLock;

use crate::thread::{Inherited, Thread};

/// Functions that run inside of the threads that begin and end. They must not panic: a panic ends the
/// process.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// Called by a thread that is about to start another one, before anything is done for that. What it
    /// returns is kept for the other one ([`Thread::inherited`]).
    pub starts: fn() -> Option<Inherited>,
    /// Called by it when all is done, with what `starts` has returned, and whether there is now a thread that
    /// `began` and `ends` are called for.
    pub started: fn(Option<Inherited>, bool),
    /// Called by a thread that has opened a descriptor or started a child, before that is noted, so that its
    /// scope can be opened no sooner than it is needed.
    pub notes: fn(),
    /// Called by a thread before anything else it does. Rust's standard library does not know the thread yet,
    /// so `std::thread::current` must not be called.
    pub began: fn(&Thread),
    /// Called by a thread as the last thing it does, when its thread-locals are gone. A thread that joins it
    /// waits for this.
    pub ends: fn(&Thread),
}

static OBSERVER: OnceLock<Observer> = OnceLock::new();

/// From now on the functions of `observer` are called, if it is the first. Returns whether it is.
pub fn observe(observer: Observer) -> bool {
    OBSERVER.set(observer).is_ok()
}

/// The calling thread is about to note something beside threads.
pub(crate) fn notes() {
    if let Some(observer) = OBSERVER.get() {
        (observer.notes)();
    }
}

pub(crate) fn current() -> Option<&'static Observer> {
    OBSERVER.get()
}
