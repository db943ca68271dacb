//! What each thread counts for itself: the bytes until its next sample, and its exact totals.
//!
//! A thread's [`Slot`] is in the arena and outlives it, so that totals can be added up without stopping
//! anybody. Only the owner writes to it, with plain loads and stores (no locked instruction); the next thread
//! that needs a slot goes on where the last owner stopped, so nothing is ever subtracted or reset.
//!
//! A thread that has no slot — before its first allocation, and behind the destructors of its thread-locals —
//! points to a shared one whose values send every call to the slow path.

mod measure;
mod own;
mod pointer;
mod slot;
mod slots;

pub use measure::{Measured, measure};
pub use own::own_memory;
pub(crate) use slot::Slot;
pub(crate) use slots::{
    EXIT_HOOK, all_counts, attached, count_free_of_resized, count_free_slowly, count_orphan_alloc, current,
    detach, is_own, report_own, uncount_alloc,
};
