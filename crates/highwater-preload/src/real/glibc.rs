//! The allocator behind this library where it is glibc's and was looked up: nothing is left to be decided.

use highwater_recorder::Inner;

use super::{
    Next, bootstrap, by_header, header, raw_calloc, raw_free, raw_malloc, raw_memalign, raw_realloc,
};

/// glibc's allocator. To be used where [`super::is_glibc`] said so.
#[derive(Debug)]
pub(crate) struct Glibc;

// SAFETY: as for `Next`, whose functions these are when they are known and glibc's. Blocks of the reserve
// have glibc's header, and their addresses distinguish them.
unsafe impl Inner for Glibc {
    fn start() {
        Next::start();
    }

    #[inline(always)]
    unsafe fn malloc(bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { raw_malloc(bytes) }
    }

    #[inline(always)]
    unsafe fn calloc(count: usize, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { raw_calloc(count, bytes) }
    }

    #[inline(always)]
    unsafe fn realloc(block: *mut u8, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise. A block of the reserve stays there, which `Next` knows how to do.
        unsafe { if bootstrap::has(block) { Next::realloc(block, bytes) } else { raw_realloc(block, bytes) } }
    }

    #[inline(always)]
    unsafe fn memalign(align: usize, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { raw_memalign(align, bytes) }
    }

    #[inline(always)]
    unsafe fn free(block: *mut u8) {
        if bootstrap::has(block) {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { raw_free(block) }
    }

    #[inline(always)]
    unsafe fn usable_bytes(block: *mut u8) -> usize {
        // SAFETY: the caller's promise; blocks of the reserve have such a header as well.
        unsafe { by_header(block) }
    }

    #[inline(always)]
    unsafe fn small_usable_bytes(block: *mut u8) -> usize {
        // 8 bytes more than it has for a block that is mapped by itself, which a small one is where the
        // program asked for that (`mallopt`).
        // SAFETY: the word in front of a block is its size with flags.
        unsafe { header(block) - 8 }
    }
}
