//! Totals of a process, or of a part of its life.

/// Blocks and bytes, as the program asked for them. A reallocation counts as one block freed and one allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blocks allocated.
    pub alloc_blocks: i64,
    /// Bytes allocated.
    pub alloc_bytes: i64,
    /// Blocks not yet freed; negative over a time in which more were freed.
    pub live_blocks: i64,
    /// Bytes not yet freed; negative over a time in which more were freed.
    pub live_bytes: i64,
}

impl Totals {
    /// What came on top of `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            alloc_blocks: self.alloc_blocks - before.alloc_blocks,
            alloc_bytes: self.alloc_bytes - before.alloc_bytes,
            live_blocks: self.live_blocks - before.live_blocks,
            live_bytes: self.live_bytes - before.live_bytes,
        }
    }
}
