//! How an [`Alloc`] is made: around which allocator, and what it is to record.

use std::alloc::System;

use super::Alloc;
use crate::config::{Mode, Settings};

impl Alloc {
    /// Records what is asked of the system's allocator, one sample every 512 KiB in the mean.
    pub const fn new() -> Self {
        Self::wrapping(System)
    }
}

impl Default for Alloc {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> Alloc<A> {
    /// Records what is asked of `inner`, one sample every 512 KiB in the mean.
    pub const fn wrapping(inner: A) -> Self {
        Self { inner, settings: Settings::DEFAULT, serves_units: false }
    }

    /// Says that the inner allocator serves blocks of at least 16 bytes as fast with an alignment of 16 as
    /// with a smaller one, as jemalloc does. (Of the system's allocator this is known.) The inner allocator
    /// is then asked for that alignment, which saves a look at each address. With others, such as mimalloc,
    /// this can cost much time and memory.
    ///
    /// As with the system's allocator, a block of less than 4 KiB then counts as allocated also when there is
    /// no memory for it.
    pub const fn aligned(mut self) -> Self {
        self.serves_units = true;
        self
    }

    /// Sets the sampling interval: the mean number of allocated bytes between two samples. A longer one costs
    /// less, a shorter one errs less. 1 is [`Self::exact`]; 0 is taken for 1. The environment variable
    /// `HIGHWATER=interval:64KiB` overrides it.
    pub const fn interval(mut self, bytes: u64) -> Self {
        self.settings.mode = Mode::with_interval(bytes);
        self
    }

    /// Records every allocation: no sampling error, at the price of a stack for each. The environment
    /// variable `HIGHWATER=exact` does the same.
    pub const fn exact(mut self) -> Self {
        self.settings.mode = Mode::Exact;
        self
    }

    /// Records nothing unless the environment variable `HIGHWATER` says so. Process totals are counted all
    /// the same.
    pub const fn off(mut self) -> Self {
        self.settings.mode = Mode::Off;
        self
    }
}
