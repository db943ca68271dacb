//! A shared library that contains Highwater's allocator, for `trap_unload`; the test builds it.

use std::hint::black_box;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

/// Allocates this many blocks, and returns how many blocks the library has counted in total.
#[unsafe(no_mangle)]
pub extern "C" fn work(blocks: usize) -> u64 {
    for bytes in 1..=blocks {
        drop(black_box(vec![0_u8; bytes]));
    }
    highwater::stats().alloc_blocks
}
