//! Many live blocks of many sizes. Each operation replaces a random one.

use std::mem;

use crate::failure::Failure;
use crate::random::Random;
use crate::totals::Totals;
use crate::work::Workload;

/// Sizes are drawn in advance, so that drawing costs the same under every allocator: almost nothing.
const SIZES: usize = 4096;

/// Slots with a block each. One operation allocates a block, writes to it, and frees the block whose slot it
/// takes.
pub struct Mix {
    slots: Vec<Vec<u8>>,
    sizes: Box<[u32; SIZES]>,
    random: Random,
    alloc_blocks: i64,
    alloc_bytes: i64,
}

impl Mix {
    /// A mix with this many slots, empty at first.
    pub fn new(slots: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut sizes = Box::new([0; SIZES]);
        for size in sizes.iter_mut() {
            *size = draw_size(&mut random);
        }
        let empty = || (0..slots).map(|_| Vec::new()).collect();
        Self { slots: empty(), sizes, random, alloc_blocks: 0, alloc_bytes: 0 }
    }

    /// Allocates one block and returns the one whose slot it took, which may be empty.
    #[inline]
    pub fn replace(&mut self) -> Vec<u8> {
        let number = self.random.next();
        let size = self.sizes[number as usize % SIZES] as usize;
        let mut block = Vec::with_capacity(size);
        block.push(number as u8);
        self.alloc_blocks += 1;
        self.alloc_bytes += size as i64;
        let slot = self.random.below(self.slots.len() as u64) as usize;
        mem::replace(&mut self.slots[slot], block)
    }

    /// The totals of allocations here, and of the blocks in the slots.
    pub fn totals(&self) -> Totals {
        let live = self.slots.iter().filter(|block| block.capacity() > 0);
        let (live_blocks, live_bytes) =
            live.fold((0, 0), |(blocks, bytes), block| (blocks + 1, bytes + block.capacity() as i64));
        Totals { alloc_blocks: self.alloc_blocks, alloc_bytes: self.alloc_bytes, live_blocks, live_bytes }
    }
}

impl Workload for Mix {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        for _ in 0..operations {
            drop(self.replace());
        }
        Ok(())
    }

    fn own(&self) -> Option<Totals> {
        Some(self.totals())
    }
}

/// Mostly small sizes: uniform over the powers of two from 16 to 1024 bytes, and one in 64 blocks has up to
/// 16 KiB.
fn draw_size(random: &mut Random) -> u32 {
    let low = if random.below(64) == 0 { 1024 << random.below(4) } else { 16 << random.below(6) };
    (low + random.below(low)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_mostly_small_and_never_empty() {
        let mut random = Random::new(7);
        let sizes: Vec<u32> = (0..10_000).map(|_| draw_size(&mut random)).collect();
        assert!(sizes.iter().all(|size| (16..16_384).contains(size)));
        let small = sizes.iter().filter(|&&size| size < 1024).count();
        assert!((9_600..9_950).contains(&small), "{small}");
    }

    #[test]
    fn live_blocks_are_those_in_the_slots() {
        let mut mix = Mix::new(8, 1);
        let mut freed = 0;
        for _ in 0..1_000 {
            freed += mix.replace().capacity() as i64;
        }
        let totals = mix.totals();
        assert_eq!((totals.alloc_blocks, totals.live_blocks), (1_000, 8));
        assert_eq!(totals.live_bytes, totals.alloc_bytes - freed);
    }
}
