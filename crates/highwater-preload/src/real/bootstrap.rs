//! Memory for what the loader asks for while it is asked for the real functions, and for what the handler
//! of a signal asks for. Nothing of it is ever given back.

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

const BYTES: usize = 256 * 1024;

/// In front of a block is its size, as glibc writes it: with 8 bytes for this word, and a bit that says
/// nothing here.
const HEADER: usize = 16;

#[repr(C, align(64))]
struct Reserve(UnsafeCell<[u8; BYTES]>);

// SAFETY: each byte is handed out once.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve(UnsafeCell::new([0; BYTES]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// A zeroed block; null when the reserve is used up.
#[cold]
pub(crate) fn allocate(align: usize, bytes: usize) -> *mut u8 {
    let start = RESERVE.0.get().cast::<u8>();
    let align = align.max(16);
    let mut taken = 0;
    let update = USED.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
        taken = (start.addr() + used + HEADER).next_multiple_of(align) - start.addr();
        let end = taken.checked_add(bytes)?.checked_next_multiple_of(16)?;
        (end <= BYTES).then_some(end)
    });
    if update.is_err() {
        return ptr::null_mut();
    }
    // SAFETY: the block and the word in front of it lie in the part of the reserve that was just taken.
    unsafe {
        let block = start.add(taken);
        block.cast::<usize>().sub(1).write((bytes.next_multiple_of(16) + 8) & !7 | 1);
        block
    }
}

/// Whether a block is one of this reserve.
#[inline(always)]
pub(crate) fn has(block: *mut u8) -> bool {
    block.addr().wrapping_sub(RESERVE.0.get().addr()) < BYTES
}

/// Usable bytes of a block of this reserve; `None` for any other block.
#[inline(always)]
pub(crate) fn bytes_of(block: *mut u8) -> Option<usize> {
    if !has(block) {
        return None;
    }
    // SAFETY: it is a block of this reserve, with its size in front.
    Some(unsafe { (block.cast::<usize>().sub(1).read() & !7) - 8 })
}
