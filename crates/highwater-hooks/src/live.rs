//! How many threads, descriptors and children of a scope are live.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The number of a scope, 0 for none, and what counts its threads.
pub(crate) type Current = (u64, Option<&'static Live>);

/// How many threads of a scope have not ended. It is used for another scope when there is none left and the
/// scope is closed, and given up when there is one.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// The scope that it counts for.
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
    /// Begins to count for the scope called `number`; 0 ends it.
    pub(crate) fn set_scope(&self, number: u64) {
        self.number.store(number, Ordering::Release);
    }

    /// Number of threads. One load.
    pub(crate) fn threads(&self) -> usize {
        self.threads.load(Ordering::Acquire)
    }

    /// Number of something besides threads. One load.
    pub(crate) fn number_of(&self, what: Counted) -> usize {
        self.counter(what).load(Ordering::Acquire)
    }

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
            && self.number_of(Counted::Descriptors) + self.number_of(Counted::Children) > 0
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
