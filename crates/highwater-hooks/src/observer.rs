//! Who is told of threads that begin and end.

use std::sync::OnceLock;

use crate::thread::Thread;

/// Two functions that run inside of the threads they are told of. They must not panic: a panic ends the process.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// Called by a thread before anything else it does. Rust's standard library does not know the thread yet, so
    /// `std::thread::current` must not be called.
    pub began: fn(&Thread),
    /// Called by a thread as the last thing it does, when its thread-locals are gone; whoever joins it waits for this.
    pub ends: fn(&Thread),
}

static OBSERVER: OnceLock<Observer> = OnceLock::new();

/// From now on `observer` is told, if it is the first. Says whether it is.
pub fn observe(observer: Observer) -> bool {
    OBSERVER.set(observer).is_ok()
}

pub(crate) fn current() -> Option<&'static Observer> {
    OBSERVER.get()
}
