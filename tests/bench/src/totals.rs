//! Totals of a process, or of a period of it.

/// Blocks and bytes, in the sizes that the program requested. A reallocation counts as one block freed and
/// one allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blocks allocated.
    pub alloc_blocks: i64,
    /// Bytes allocated.
    pub alloc_bytes: i64,
    /// Blocks not yet freed; negative over a period in which more were freed.
    pub live_blocks: i64,
    /// Bytes not yet freed; negative over a period in which more were freed.
    pub live_bytes: i64,
}

impl Totals {
    /// The difference from `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            alloc_blocks: self.alloc_blocks - before.alloc_blocks,
            alloc_bytes: self.alloc_bytes - before.alloc_bytes,
            live_blocks: self.live_blocks - before.live_blocks,
            live_bytes: self.live_bytes - before.live_bytes,
        }
    }
}
