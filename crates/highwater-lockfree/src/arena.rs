//! Memory for the recorder's tables, straight from the operating system.
//!
//! It only ever grows: what is placed here stays for the life of the process, so other threads may read it
//! without asking. Taking memory is lock-free, and so safe in a signal handler and behind a fork.

use core::mem;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;

use crate::sync::{AtomicPtr, AtomicUsize, IS_MODEL};
use crate::{mappings, system};

pub use crate::mappings::visit as visit_mappings;

/// Bytes asked of the system at a time; in a model so few that a chunk is soon full.
const CHUNK_BYTES: usize = if IS_MODEL { 512 } else { 1 << 20 };

/// Where the recorder stops growing: samples that would need more are dropped, and counted as dropped.
const MAX_BYTES: usize = 1 << 30;

global! {
    static ARENA: Arena = Arena::new();
}

/// All the memory the recorder has.
pub(crate) struct Arena {
    /// The chunk that pieces are cut from; null before the first.
    chunk: AtomicPtr<Chunk>,
    /// Bytes taken from the system.
    mapped: AtomicUsize,
}

/// Head of a chunk; the memory handed out lies behind it.
struct Chunk {
    /// Bytes given out, this head included. May run past the end when several threads find the chunk full.
    used: AtomicUsize,
}

/// Bytes taken from the system by this and by [`map`].
pub fn mapped_bytes() -> usize {
    ARENA.mapped.load(Ordering::Relaxed)
}

/// Zeroed memory of its own for a table that may later be given back with [`unmap`].
pub fn map(bytes: usize) -> Option<NonNull<u8>> {
    ARENA.map(bytes)
}

/// Gives memory of [`map`] back.
///
/// # Safety
/// As for [`system::unmap`].
pub unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller promises it.
    unsafe { ARENA.unmap(start, bytes) };
}

/// Moves `value` into the arena. `None` when there is no memory left.
pub fn place<T>(value: T) -> Option<&'static T> {
    const { assert!(!mem::needs_drop::<T>(), "nothing in the arena is ever dropped") };
    let place = ARENA.reserve(size_of::<T>(), align_of::<T>())?.cast::<T>();
    // SAFETY: `reserve` returned memory of T's size and alignment that nobody else has, for ever.
    unsafe {
        place.write(value);
        Some(place.as_ref())
    }
}

/// Copies a slice into the arena. `None` when there is no memory left.
pub fn place_slice<T: Copy>(values: &[T]) -> Option<&'static [T]> {
    let place = ARENA.reserve(size_of_val(values), align_of::<T>())?.cast::<T>();
    // SAFETY: `reserve` returned memory for as many values, aligned, that nobody else has, for ever; being
    // fresh, it does not overlap `values`.
    unsafe {
        place.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
        Some(core::slice::from_raw_parts(place.as_ptr(), values.len()))
    }
}

/// Copies a text into the arena. `None` when there is no memory left.
pub fn place_str(text: &str) -> Option<&'static str> {
    core::str::from_utf8(place_slice(text.as_bytes())?).ok()
}

impl Arena {
    constant! {
        pub(crate) fn new() -> Self {
            Self { chunk: AtomicPtr::new(ptr::null_mut()), mapped: AtomicUsize::new(0) }
        }
    }

    fn map(&self, bytes: usize) -> Option<NonNull<u8>> {
        if self.mapped.fetch_add(bytes, Ordering::Relaxed) + bytes <= MAX_BYTES
            && let Some(start) = system::map(bytes)
        {
            mappings::add(start, bytes);
            return Some(start);
        }
        self.mapped.fetch_sub(bytes, Ordering::Relaxed);
        None
    }

    /// # Safety
    /// As for [`system::unmap`].
    unsafe fn unmap(&self, start: NonNull<u8>, bytes: usize) {
        mappings::remove(start);
        // SAFETY: the caller promises it.
        unsafe { system::unmap(start, bytes) };
        self.mapped.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Memory of this size and alignment that was never handed out before.
    pub(crate) fn reserve(&self, bytes: usize, align: usize) -> Option<NonNull<u8>> {
        // Every piece is a multiple of 16, so that 16 is the alignment of every piece; larger ones get slack.
        let slack = if align > 16 { align } else { 0 };
        let bytes = bytes.checked_add(slack)?.checked_next_multiple_of(16)?;
        if bytes > CHUNK_BYTES / 2 {
            return None;
        }
        loop {
            let chunk = NonNull::new(self.chunk.load(Ordering::Acquire));
            if let Some(chunk) = chunk {
                // SAFETY: chunks are initialised before they are published, and never unmapped afterwards.
                let start = unsafe { chunk.as_ref() }.used.fetch_add(bytes, Ordering::Relaxed);
                if start + bytes <= CHUNK_BYTES {
                    // SAFETY: start + bytes lies within the chunk.
                    let piece = unsafe { chunk.cast::<u8>().add(start) };
                    let lead = piece.align_offset(align);
                    debug_assert!(lead <= slack);
                    // SAFETY: the piece was made `slack` bytes longer for this.
                    return Some(unsafe { piece.add(lead) });
                }
            }
            self.add_chunk(chunk)?;
        }
    }

    /// Puts a fresh chunk in the place of `full`, unless another thread has done so.
    fn add_chunk(&self, full: Option<NonNull<Chunk>>) -> Option<()> {
        let fresh = self.map(CHUNK_BYTES)?.cast::<Chunk>();
        let head = size_of::<Chunk>().next_multiple_of(16);
        // SAFETY: the mapping is ours alone, large enough, and page-aligned.
        unsafe { fresh.write(Chunk { used: AtomicUsize::new(head) }) };
        let expected = full.map_or(ptr::null_mut(), NonNull::as_ptr);
        if self.chunk.compare_exchange(expected, fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            // SAFETY: the chunk was never published.
            unsafe { self.unmap(fresh.cast(), CHUNK_BYTES) };
        }
        Some(())
    }
}
