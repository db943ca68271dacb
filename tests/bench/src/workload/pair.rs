//! A block of 64 bytes that is allocated and freed at once: only the fast path.

use std::hint::black_box;

use crate::failure::Failure;
use crate::totals::Totals;
use crate::work::Workload;

const BYTES: usize = 64;

/// One pair is one operation.
#[derive(Default)]
pub struct Pair {
    pairs: u64,
}

impl Workload for Pair {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        for _ in 0..operations {
            drop(black_box(Vec::<u8>::with_capacity(BYTES)));
        }
        self.pairs += operations;
        Ok(())
    }

    fn own(&self) -> Option<Totals> {
        let blocks = self.pairs as i64;
        Some(Totals { alloc_blocks: blocks, alloc_bytes: blocks * BYTES as i64, ..Totals::default() })
    }
}
