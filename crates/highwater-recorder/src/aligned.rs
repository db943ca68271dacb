//! Finds the sampled blocks that cannot carry a mark in their address.
//!
//! A block with an alignment below 16 shows in its address whether it is sampled (see [`crate::alloc`]). One
//! with a larger alignment is left where the inner allocator put it, and its mark is kept in a table here, by
//! address.

use core::ptr::NonNull;

use crate::mark::Mark;
use highwater_lockfree::block_table::BlockTable;

static MARKS: BlockTable<Mark> = BlockTable::new();

/// Remembers the mark of `block`. False when it cannot, which loses the sample.
pub(crate) fn insert(block: NonNull<u8>, mark: Mark) -> bool {
    MARKS.insert(block, mark)
}

/// Forgets `block` and returns its mark; `None` when it is not sampled.
#[inline]
pub(crate) fn remove(block: NonNull<u8>) -> Option<Mark> {
    MARKS.remove(block)
}

/// Brings the table to rest before a fork.
pub(crate) fn before_fork() {
    MARKS.before_fork();
}

/// Lets it go on, in parent and child.
pub(crate) fn after_fork() {
    MARKS.after_fork();
}
