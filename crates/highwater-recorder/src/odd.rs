//! Unsampled blocks at addresses that look like sampled blocks' addresses, for want of memory to put them
//! elsewhere.
//!
//! An inner allocator other than the system's is asked for the alignment that the program asks for, and not
//! for 16, which some serve with much more memory. Nearly always the block is 16-aligned all the same. If it
//! is not, one that was just allocated is given back, and a marked one asked for. One that was reallocated
//! has to be moved to another place; and if there is no memory for that, it stays where it is, and is
//! remembered here.

use core::sync::atomic::{AtomicUsize, Ordering};

const PLACES: usize = 1024;

/// Beyond this many blocks no more are taken on the risk of having to remember them. The rest is for what
/// other threads are just reallocating.
const ENOUGH: usize = PLACES / 2;

/// Addresses; 0 in a free place.
static BLOCKS: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

/// Number of addresses in [`BLOCKS`].
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether there is a place for what may have to be remembered.
pub(crate) fn has_room() -> bool {
    COUNT.load(Ordering::Relaxed) < ENOUGH
}

/// Remembers `block`. False when there is no place for it.
pub(crate) fn insert(block: *mut u8) -> bool {
    // Counted first: a thread that has the block must find that there is one to look for.
    COUNT.fetch_add(1, Ordering::Relaxed);
    let taken = BLOCKS
        .iter()
        .any(|place| place.compare_exchange(0, block.addr(), Ordering::AcqRel, Ordering::Relaxed).is_ok());
    if !taken {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
    taken
}

/// Whether `block` is one of them.
#[inline(always)]
pub(crate) fn contains(block: *mut u8) -> bool {
    COUNT.load(Ordering::Relaxed) != 0 && place_of(block).is_some()
}

/// Forgets `block`, and says whether it was there.
#[inline(always)]
pub(crate) fn remove(block: *mut u8) -> bool {
    COUNT.load(Ordering::Relaxed) != 0 && remove_slowly(block)
}

#[cold]
fn remove_slowly(block: *mut u8) -> bool {
    let Some(place) = place_of(block) else { return false };
    place.store(0, Ordering::Release);
    COUNT.fetch_sub(1, Ordering::Relaxed);
    true
}

#[cold]
fn place_of(block: *mut u8) -> Option<&'static AtomicUsize> {
    BLOCKS.iter().find(|place| place.load(Ordering::Acquire) == block.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_remembered_until_they_are_removed_and_no_more_than_there_are_places_for() {
        let block = |at: usize| core::ptr::without_provenance_mut(at * 16 + 8);
        assert!(!contains(block(1)) && !remove(block(1)));
        assert!((1..=PLACES).all(|at| insert(block(at))));
        assert!(!insert(block(PLACES + 1)) && !has_room());
        assert!(contains(block(PLACES)) && !contains(block(PLACES + 1)));
        assert!((1..=PLACES).all(|at| remove(block(at))));
        assert!(!remove(block(1)) && has_room());
    }
}
