//! What is known of blocks by their size.

use super::value::Value;
use crate::statistics::sum::Sum;

/// What blocks of one size did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfSize {
    pub live_bytes: Sum,
    pub live_blocks: Sum,
    pub peak_blocks: Sum,
    pub alloc_blocks: Sum,
    pub temp_blocks: Sum,
    pub temp_bytes: Sum,
    pub grown_blocks: Sum,
    pub copied_bytes: Sum,
    /// Freed, as far as it is known how long they lived.
    pub freed_blocks: Sum,
    /// Those of them that lived no longer than it takes to fill a buffer and to use it.
    pub brief_blocks: Sum,
}

/// How long a block is used that is filled, used once and freed, in nanoseconds: a while, and some time for each byte.
const BRIEF_NS: i64 = 8192;
const BRIEF_NS_PER_BYTE: i64 = 4;

impl OfSize {
    pub const ZERO: Self = Self {
        live_bytes: Sum::ZERO,
        live_blocks: Sum::ZERO,
        peak_blocks: Sum::ZERO,
        alloc_blocks: Sum::ZERO,
        temp_blocks: Sum::ZERO,
        temp_bytes: Sum::ZERO,
        grown_blocks: Sum::ZERO,
        copied_bytes: Sum::ZERO,
        freed_blocks: Sum::ZERO,
        brief_blocks: Sum::ZERO,
    };

    /// The sum of these values, if it is kept by size.
    pub fn sum(&mut self, value: Value) -> Option<&mut Sum> {
        match value {
            Value::LiveBytes => Some(&mut self.live_bytes),
            Value::LiveBlocks => Some(&mut self.live_blocks),
            Value::PeakBlocks => Some(&mut self.peak_blocks),
            Value::AllocBlocks => Some(&mut self.alloc_blocks),
            Value::TempBlocks => Some(&mut self.temp_blocks),
            Value::TempBytes => Some(&mut self.temp_bytes),
            Value::GrownBlocks => Some(&mut self.grown_blocks),
            Value::CopiedBytes => Some(&mut self.copied_bytes),
            _ => None,
        }
    }
}

/// What was allocated of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    pub blocks: Sum,
    pub bytes: Sum,
}

/// Whether blocks of this size that lived for so long at the least, and for less than twice that, were freed as soon as they
/// were used.
pub(super) fn is_brief(lived_ns: i64, size: i64) -> bool {
    let brief = BRIEF_NS.saturating_add(size.saturating_mul(BRIEF_NS_PER_BYTE));
    lived_ns.saturating_mul(2) <= brief
}
