//! A shared library with an allocator of Highwater's inside, for `trap_unload`, which its test builds.

use std::hint::black_box;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

/// Allocates so many blocks, and returns how many the library has counted in all.
#[unsafe(no_mangle)]
pub extern "C" fn work(blocks: usize) -> u64 {
    for bytes in 1..=blocks {
        drop(black_box(vec![0_u8; bytes]));
    }
    highwater::stats().alloc_blocks
}
