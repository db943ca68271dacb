//! What a slot says to other threads than its owner.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{Kind, Slot};

/// What one slot has counted.
pub(crate) struct SlotCounts {
    pub is_own: bool,
    pub alloc_blocks: u64,
    pub alloc_bytes: u64,
    pub freed_blocks: u64,
    pub live_bytes: i64,
    /// How far live bytes are above the last report.
    pub unreported: i64,
}

impl Slot {
    /// What the slot has counted, as of one moment unless its owner never rests.
    pub(in super::super) fn counts(&self) -> SlotCounts {
        const PATIENCE: usize = 1_000;
        let mut counts = self.read();
        for _ in 0..PATIENCE {
            let before = self.version.load(Acquire);
            counts = self.read();
            core::sync::atomic::fence(Acquire);
            if before.is_multiple_of(2) && self.version.load(Relaxed) == before {
                break;
            }
            core::hint::spin_loop();
        }
        counts
    }

    fn read(&self) -> SlotCounts {
        // Freed before allocated: what is freed between the two reads was allocated before, so that no thread
        // alone ever shows more freed blocks than it should.
        let freed_blocks = self.freed_blocks.load(Acquire);
        let freed_bytes = self.room_granted.load(Relaxed) - self.room.load(Acquire);
        let alloc_bytes = self.granted.load(Relaxed) - self.countdown.load(Relaxed);
        SlotCounts {
            is_own: self.kind == Kind::Own,
            freed_blocks,
            alloc_blocks: self.alloc_blocks.load(Relaxed),
            alloc_bytes: alloc_bytes as u64,
            live_bytes: alloc_bytes - freed_bytes,
            unreported: alloc_bytes - freed_bytes - self.reported.load(Relaxed),
        }
    }
}
