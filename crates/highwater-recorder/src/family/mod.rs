//! The recorder behind C's malloc family: for programs as they are, into which it comes as a preloaded
//! library.
//!
//! Here `free` gets an address and nothing else: no size and no alignment, and blocks come back that never
//! went through here. So every block keeps the address that the C library gave it, and a mark stands behind
//! it (see [`tail`]), not in front. Blocks from elsewhere show no mark, and blocks from here may be freed
//! elsewhere.
//!
//! **Which blocks are looked at when they are freed.** Exact: all. Sampled: blocks at multiples of [`PAGE`],
//! where every small sampled block is put, and blocks of at least [`BIG`] bytes, whose price hides the price
//! of a look. All others pass with two comparisons.
//!
//! **What size counts.** Exact: what the program asked for, which the mark keeps. Sampled: what the C library
//! set aside (its `malloc_usable_size`), since that is all that can be known of a block when it is freed.
//!
//! The ordering rules of [`crate::alloc`] hold here as well.

mod exact;
mod resize;
mod sampled;
mod tail;

use core::marker::PhantomData;

use crate::config::Mode;
use crate::way::{EXACT, FRESH, SAMPLED, way};
use crate::{in_force, recorder, start, thread, way};

/// Small sampled blocks lie at multiples of this.
const PAGE: usize = 4096;

/// Blocks with at least this many usable bytes are looked at in every mode when they are freed.
const BIG: usize = 32 * 1024;

/// Blocks of at least this many bytes are asked for with space for a mark, so that every big block has it. It
/// is less than [`BIG`] by more than C libraries round a block up.
const RESERVED_FROM: usize = BIG - 512;

/// The functions that a [`Family`] stands in front of.
///
/// # Safety
/// They belong to one C allocator: what one of them allocates, the others resize and free. `usable_bytes`
/// says the same of a block until it is resized. None of them unwinds.
pub unsafe trait Inner {
    /// Calls [`start_family`], if that can be done by now. Called until it was.
    fn start();

    /// `malloc`.
    ///
    /// # Safety
    /// As the C library's.
    unsafe fn malloc(bytes: usize) -> *mut u8;

    /// `calloc`.
    ///
    /// # Safety
    /// As the C library's.
    unsafe fn calloc(count: usize, bytes: usize) -> *mut u8;

    /// `realloc`.
    ///
    /// # Safety
    /// As the C library's.
    unsafe fn realloc(block: *mut u8, bytes: usize) -> *mut u8;

    /// `memalign`.
    ///
    /// # Safety
    /// As the C library's.
    unsafe fn memalign(align: usize, bytes: usize) -> *mut u8;

    /// `free`.
    ///
    /// # Safety
    /// As the C library's.
    unsafe fn free(block: *mut u8);

    /// `malloc_usable_size` of a block that is not null.
    ///
    /// # Safety
    /// As the C library's.
    unsafe fn usable_bytes(block: *mut u8) -> usize;

    /// About the same where that is less than [`BIG_BLOCK`], and for other blocks any number that is not. It
    /// may be faster to know. It is the same number whenever it is asked for, until the block is resized.
    ///
    /// # Safety
    /// As for [`Self::usable_bytes`].
    #[inline(always)]
    unsafe fn small_usable_bytes(block: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe { Self::usable_bytes(block) }
    }
}

/// Blocks with at least this many usable bytes are big; see [`Inner::small_usable_bytes`].
pub const BIG_BLOCK: usize = BIG;

/// Sets the recorder up for a [`Family`], with this mode and regardless of the environment. False if it was
/// or if the platform has none.
pub fn start_family(mode: Mode) -> bool {
    tail::start();
    if !start::start_with(mode) {
        return false;
    }
    way::begin(mode);
    true
}

/// The malloc family, recorded.
#[derive(Debug)]
pub struct Family<A>(PhantomData<A>);

impl<A: Inner> Family<A> {
    /// `malloc`.
    ///
    /// # Safety
    /// As the C library's.
    #[inline(always)]
    pub unsafe fn malloc(bytes: usize) -> *mut u8 {
        if way() & SAMPLED == 0 || bytes >= RESERVED_FROM {
            // SAFETY: the caller's promise.
            return unsafe { Self::malloc_otherwise(bytes) };
        }
        // SAFETY: the caller's promise.
        unsafe {
            let block = A::malloc(bytes);
            Self::count_sampling(block, bytes, 1)
        }
    }

    /// `calloc`.
    ///
    /// # Safety
    /// As the C library's.
    #[inline(always)]
    pub unsafe fn calloc(count: usize, each: usize) -> *mut u8 {
        let bytes = count.saturating_mul(each);
        if way() & SAMPLED == 0 || bytes >= RESERVED_FROM {
            // SAFETY: the caller's promise.
            return unsafe { Self::calloc_otherwise(count, each) };
        }
        // SAFETY: the caller's promise.
        unsafe {
            let block = A::calloc(count, each);
            Self::count_sampling(block, bytes, 1)
        }
    }

    /// `memalign`, for an alignment that is a power of two.
    ///
    /// # Safety
    /// As the C library's.
    #[inline(never)]
    pub unsafe fn memalign(align: usize, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        Self::allocate_otherwise(bytes, align, |bytes| unsafe { A::memalign(align, bytes) })
    }

    /// `free`.
    ///
    /// # Safety
    /// As the C library's. The block may be one that never came through here.
    #[inline(always)]
    pub unsafe fn free(block: *mut u8) {
        if way() != SAMPLED || block.addr().is_multiple_of(PAGE) {
            // SAFETY: the caller's promise.
            return unsafe { Self::free_looking(block) };
        }
        // SAFETY: the caller's promise; null is a multiple of everything.
        unsafe {
            let usable = A::small_usable_bytes(block);
            if usable >= BIG || !thread::current().try_count_free(usable) {
                return Self::free_looking(block);
            }
            A::free(block);
        }
    }

    /// `realloc`.
    ///
    /// # Safety
    /// As the C library's. The block may be one that never came through here.
    #[inline(always)]
    pub unsafe fn realloc(block: *mut u8, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            if block.is_null() {
                return Self::malloc(bytes);
            }
            if way() != SAMPLED || block.addr().is_multiple_of(PAGE) || bytes >= RESERVED_FROM || bytes == 0 {
                return Self::realloc_looking(block, bytes);
            }
            let before = A::small_usable_bytes(block);
            if before >= BIG {
                return Self::realloc_looking(block, bytes);
            }
            let moved = A::realloc(block, bytes);
            if moved.is_null() {
                return moved;
            }
            let usable = A::small_usable_bytes(moved);
            if usable >= BIG || !thread::current().has_countdown(usable) {
                return Self::settle_resized(moved, bytes, before, moved != block);
            }
            count_free(before);
            thread::current().count_alloc(usable);
            moved
        }
    }

    /// `malloc_usable_size`: without the part that a mark takes, or may take.
    ///
    /// # Safety
    /// As the C library's. The block may be one that never came through here.
    pub unsafe fn usable_bytes(block: *mut u8) -> usize {
        if block.is_null() {
            return 0;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let usable = A::usable_bytes(block);
            match tail::read(block, usable) {
                Some(found) if is_looked_at(block, usable) => usable - tail::bytes(found.mark),
                _ => counted(usable),
            }
        }
    }

    /// Bytes that count for a block without a mark.
    ///
    /// # Safety
    /// As for [`Self::usable_bytes`]; the block is not null.
    #[inline(always)]
    unsafe fn counted_bytes(block: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe {
            let small = A::small_usable_bytes(block);
            if small < BIG { small } else { counted(A::usable_bytes(block)) }
        }
    }

    /// `free` of a block that may have a mark, or at which the thread is to look around.
    ///
    /// # Safety
    /// As for [`Self::free`].
    #[cold]
    #[inline(never)]
    unsafe fn free_looking(block: *mut u8) {
        if block.is_null() {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe {
            Self::count_end(block);
            A::free(block);
        }
    }

    /// Counts a block as freed, which it is about to be.
    ///
    /// # Safety
    /// As for [`Self::free`]; the block is not null.
    #[inline]
    unsafe fn count_end(block: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            let usable = A::usable_bytes(block);
            match tail::take_if(is_looked_at(block, usable), block, usable) {
                Some(found) => {
                    recorder::count_end(block, found.bytes, found.mark);
                    count_free(found.bytes);
                }
                None if is_foreign() => {}
                None => count_free(Self::counted_bytes(block)),
            }
        }
    }

    #[cold]
    #[inline(never)]
    unsafe fn malloc_otherwise(bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        Self::allocate_otherwise(bytes, 1, |bytes| unsafe { A::malloc(bytes) })
    }

    #[cold]
    #[inline(never)]
    unsafe fn calloc_otherwise(count: usize, each: usize) -> *mut u8 {
        match count.checked_mul(each) {
            // SAFETY: the caller's promise.
            Some(bytes) => Self::allocate_otherwise(bytes, 1, |bytes| unsafe { A::calloc(1, bytes) }),
            // What is too large is refused by the C library, with its error number.
            // SAFETY: the caller's promise.
            None => unsafe { A::calloc(count, each) },
        }
    }

    /// An allocation off the fast path, by a function that is given the bytes to ask for.
    fn allocate_otherwise(bytes: usize, align: usize, ask: impl Fn(usize) -> *mut u8) -> *mut u8 {
        if way() == FRESH {
            A::start();
        }
        match way() {
            FRESH => ask(bytes),
            EXACT => Self::allocate_exactly(bytes, ask),
            _ => Self::allocate_sampling(bytes, align, ask),
        }
    }
}

/// Whether a mark is looked for behind this block when it is freed.
#[inline(always)]
fn is_looked_at(block: *mut u8, usable: usize) -> bool {
    way() != SAMPLED || usable >= BIG || block.addr().is_multiple_of(PAGE)
}

/// Usable bytes of a block without the space for a mark that big ones have.
#[inline(always)]
fn counted(usable: usize) -> usize {
    if usable >= BIG { usable - tail::MOST } else { usable }
}

/// Whether a block without a mark never was counted: all are marked, but not Highwater's own.
fn is_foreign() -> bool {
    way() == FRESH || in_force::is_complete() && !thread::is_own()
}

#[inline(always)]
fn count_free(bytes: usize) {
    if !thread::current().try_count_free(bytes) {
        recorder::count_free_slowly(bytes);
    }
}
