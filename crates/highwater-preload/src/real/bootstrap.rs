//! Memory for what the loader asks for while it is asked for the real functions. Nothing of it is ever given back.

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

const BYTES: usize = 64 * 1024;

/// In front of a block is its size, as glibc writes it: with 8 bytes for this word, and a bit that says nothing here.
const HEADER: usize = 16;

#[repr(C, align(64))]
struct Room(UnsafeCell<[u8; BYTES]>);

// SAFETY: each byte is handed out once.
unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new([0; BYTES]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// A zeroed block; null when the room is used up.
#[cold]
pub(crate) fn allocate(align: usize, bytes: usize) -> *mut u8 {
    let start = ROOM.0.get().cast::<u8>();
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
    // SAFETY: the block and the word in front of it lie in the part of the room that was just taken.
    unsafe {
        let block = start.add(taken);
        block.cast::<usize>().sub(1).write((bytes.next_multiple_of(16) + 8) & !7 | 1);
        block
    }
}

/// Usable bytes of a block of this room; `None` for any other block.
#[inline(always)]
pub(crate) fn bytes_of(block: *mut u8) -> Option<usize> {
    let at = block.addr().wrapping_sub(ROOM.0.get().addr());
    if at >= BYTES {
        return None;
    }
    // SAFETY: it is a block of this room, with its size in front.
    Some(unsafe { (block.cast::<usize>().sub(1).read() & !7) - 8 })
}
