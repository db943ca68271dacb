//! Chunks of glibc's heaps, as they lie in memory.
//!
//! ```text
//!   chunk ──▶ ┌ size of the chunk before, if that one is free ┐
//!             │ size │ flags: 4 other arena, 2 mapped, 1 the chunk before is in use
//!   block ──▶ ├ the program's bytes …                          │
//!             └ the next chunk begins at chunk + size          ┘
//! ```
//!
//! A heap may be in the middle of a change when it is copied. So every size is checked before it is followed,
//! and a walk that finds a broken chunk goes on at the next place from which a chain of chunks leads.

/// The smallest chunk.
const LEAST: usize = 32;

/// Bytes from a chunk to its block.
pub(super) const HEAD: usize = 16;

const FLAGS: usize = 7;
pub(super) const IN_USE_BEFORE: usize = 1;
const MAPPED: usize = 2;

/// Chunks of a chain that must follow each other for a place to be believed.
const CHAIN: usize = 6;

/// Bytes that are searched for the next chain.
const SEARCHED: usize = 1 << 20;

/// What lies at an address of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Chunk {
        bytes: usize,
        is_in_use: bool,
    },
    /// The end of the heap.
    End,
    Broken,
}

/// The word at an address.
///
/// # Safety
/// The word is mapped readable.
pub(super) unsafe fn word(at: usize) -> usize {
    // SAFETY: the caller promises it. The address is a multiple of 8 in all uses.
    unsafe { std::ptr::with_exposed_provenance::<usize>(at).read_volatile() }
}

/// Looks at a chunk of a heap that ends at `end`.
///
/// # Safety
/// All up to `end` is mapped readable.
pub(super) unsafe fn look(at: usize, end: usize) -> Look {
    let left = end.saturating_sub(at);
    if left < HEAD {
        return if left == 0 { Look::End } else { Look::Broken };
    }
    // SAFETY: the two words lie before the end.
    let size = unsafe { word(at + 8) };
    let bytes = size & !FLAGS;
    if bytes < LEAST {
        // Posts at the end of a heap keep chunks from being joined with what follows.
        return if left <= 4 * HEAD { Look::End } else { Look::Broken };
    }
    if !bytes.is_multiple_of(16) || bytes > left || size & MAPPED != 0 {
        return Look::Broken;
    }
    let next = at + bytes;
    if end - next < HEAD {
        // What has not been given out yet.
        return Look::Chunk { bytes, is_in_use: false };
    }
    // SAFETY: the next chunk's head lies before the end.
    let (before, next_size) = unsafe { (word(next), word(next + 8)) };
    let is_in_use = next_size & IN_USE_BEFORE != 0;
    if !is_in_use && before != bytes {
        return Look::Broken;
    }
    Look::Chunk { bytes, is_in_use }
}

/// Whether a chain of chunks leads on from here.
///
/// # Safety
/// As for [`look`].
pub(super) unsafe fn is_chain(mut at: usize, end: usize) -> bool {
    for step in 0..CHAIN {
        // SAFETY: the caller promises it.
        match unsafe { look(at, end) } {
            Look::Chunk { bytes, .. } => at += bytes,
            Look::End => return step > 0,
            Look::Broken => return false,
        }
    }
    true
}

/// The next place behind `at` from which a chain of chunks leads.
///
/// # Safety
/// As for [`look`].
pub(super) unsafe fn next_chain(at: usize, end: usize) -> Option<usize> {
    let last = end.min(at.saturating_add(SEARCHED));
    let mut place = at + 16;
    while place < last {
        // SAFETY: the caller promises it.
        if unsafe { is_chain(place, end) } {
            return Some(place);
        }
        place += 16;
    }
    None
}

/// Bytes of the chunk of a block that has a mapping of its own, if there is one at this page; `end` is the
/// end of what is mapped.
///
/// # Safety
/// The page is mapped readable.
pub(super) unsafe fn mapped(page: usize, end: usize, page_bytes: usize) -> Option<usize> {
    // SAFETY: the caller promises it.
    let (before, size) = unsafe { (word(page), word(page + 8)) };
    let bytes = size & !FLAGS;
    let is_whole = bytes >= page_bytes && bytes.is_multiple_of(page_bytes) && bytes <= end - page;
    (before == 0 && size & FLAGS == MAPPED && is_whole).then_some(bytes)
}
