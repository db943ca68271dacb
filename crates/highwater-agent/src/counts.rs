//! The agent's counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// The agent's counters for `/metrics`.
#[derive(Default)]
pub(crate) struct Counts {
    /// Requests that were answered.
    pub answered: AtomicU64,
    /// Requests that were refused.
    pub refused: AtomicU64,
    /// Connections that were closed because they took too long, or because new ones needed their place.
    pub dropped_connections: AtomicU64,
    /// Readings of memory use by the watch.
    pub readings: AtomicU64,
    /// Snapshots in the ring of the watch, including those it has deleted since.
    pub snapshots: AtomicU64,
    /// Incidents that the watch recorded.
    pub incidents: AtomicU64,
    /// Failed reads and writes of the watch.
    pub watch_failures: AtomicU64,
    /// Bytes that the watch reserves for recording an incident.
    pub reserved_bytes: AtomicU64,
    /// Pages of text in the making.
    pub texts: AtomicU64,
}

impl Counts {
    /// Makes a page of text. Meanwhile, the watch does not judge the memory that this takes.
    pub(crate) fn while_text<R>(&self, make: impl FnOnce() -> R) -> R {
        /// Counts the page until it is complete, or until making it fails.
        struct Making<'a>(&'a AtomicU64);
        impl Drop for Making<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.texts.fetch_add(1, Ordering::Relaxed);
        let _making = Making(&self.texts);
        make()
    }
}
