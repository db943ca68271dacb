//! What stands behind a marked block of the malloc family.
//!
//! The block is asked for with space for the mark, which lies at the end of what the C library set aside for
//! it:
//!
//! ```text
//!     ┌───────────────┬╌╌╌╌╌╌╌┬─────────┬─────────┬───────┬───────┐
//!     │ the program's │ unused│ [birth] │ &Cohort │ bytes │ check │
//!     └───────────────┴╌╌╌╌╌╌╌┴─────────┴─────────┴───────┴───────┘
//!     ↑ as the C library gave it                                  ↑ + malloc_usable_size
//! ```
//!
//! The check says that it is a mark, and this block's: it depends on the address, on the other words and on a
//! number that differs from process to process. Whatever else may lie there, a block from elsewhere or one
//! that a program overran, passes for a mark with a probability of 2⁻⁶⁴.

use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::cohort::Cohort;
use crate::lifetime::Birth;
use crate::mark::Mark;
use crate::sys;

/// Bytes of a mark without and with the birth of its block.
const PLAIN: usize = 24;
const TIMED: usize = 32;

/// Bytes of the longest mark.
pub(super) const MOST: usize = TIMED;

/// The bits of the pointer to the cohort that say that there is a birth, and that the block was drawn to be
/// timed.
const IS_TIMED: usize = 1;
const IS_DRAWN: usize = 2;
const BITS: usize = IS_TIMED | IS_DRAWN;

const _: () = assert!(align_of::<Cohort>() > BITS);

static SECRET: AtomicU64 = AtomicU64::new(0);

/// Draws the number that differs from process to process. To be called before the first mark is written.
pub(crate) fn start() {
    let secret = mixed(sys::entropy(), sys::entropy()) | 1;
    // Marks that there are must stay marks.
    let _ = SECRET.compare_exchange(0, secret, Ordering::Relaxed, Ordering::Relaxed);
}

/// A mark that was found.
pub(super) struct Found {
    pub mark: Mark,
    /// What counts for the block, in bytes.
    pub bytes: usize,
}

/// Bytes behind the block.
#[inline(always)]
pub(super) fn bytes(mark: Mark) -> usize {
    if mark.birth.is_some() { TIMED } else { PLAIN }
}

/// Writes a mark behind a block that counts for this many bytes.
///
/// # Safety
/// The C library set `usable` bytes aside for the block, and the program was given no more than those in
/// front of the mark.
#[inline(always)]
pub(super) unsafe fn write(block: *mut u8, usable: usize, mark: Mark, counted: usize) {
    let mut cohort = mark.cohort.map_or(0, |it| ptr::from_ref(it).expose_provenance());
    // SAFETY: the words lie in what was set aside, which nobody else writes to. It need not be aligned.
    unsafe {
        let end = block.add(usable).cast::<u64>();
        if let Some(birth) = mark.birth {
            cohort |= if birth.is_drawn { BITS } else { IS_TIMED };
            end.sub(4).write_unaligned(birth.at_ns);
        }
        end.sub(3).write_unaligned(cohort as u64);
        end.sub(2).write_unaligned(counted as u64);
        end.sub(1).write_unaligned(check(block, cohort as u64, counted as u64));
    }
}

/// The mark behind a block, if there is one.
///
/// # Safety
/// The C library set `usable` bytes aside for the block, at least [`PLAIN`].
#[inline(always)]
pub(super) unsafe fn read(block: *mut u8, usable: usize) -> Option<Found> {
    if usable < PLAIN {
        return None;
    }
    // SAFETY: the words lie in what was set aside. What passes for a mark is one, and so are the words in
    // front of it; cohorts live in the arena for ever.
    unsafe {
        let end = block.add(usable).cast::<u64>();
        let (cohort, counted) = (end.sub(3).read_unaligned(), end.sub(2).read_unaligned());
        if end.sub(1).read_unaligned() != check(block, cohort, counted) {
            return None;
        }
        let cohort = cohort as usize;
        let birth = (cohort & IS_TIMED != 0)
            .then(|| Birth { at_ns: end.sub(4).read_unaligned(), is_drawn: cohort & IS_DRAWN != 0 });
        let cohort = ptr::with_exposed_provenance::<Cohort>(cohort & !BITS).as_ref();
        Some(Found { mark: Mark { cohort, birth }, bytes: counted as usize })
    }
}

/// [`read`], where `is_looked_at`. The mark is none afterwards: what comes to lie there next must not pass
/// for it.
///
/// # Safety
/// As for [`read`]; nobody else writes to the block.
#[inline(always)]
pub(super) unsafe fn take_if(is_looked_at: bool, block: *mut u8, usable: usize) -> Option<Found> {
    if !is_looked_at {
        return None;
    }
    // SAFETY: the caller's promises; there is a mark where one was found.
    unsafe {
        let found = read(block, usable)?;
        block.add(usable).cast::<u64>().sub(1).write_unaligned(0);
        Some(found)
    }
}

#[inline(always)]
fn check(block: *mut u8, cohort: u64, counted: u64) -> u64 {
    let secret = SECRET.load(Ordering::Relaxed);
    let mixed = mixed(block.addr() as u64 ^ secret, cohort ^ counted.rotate_left(40));
    // 0 is what a mark is overwritten with.
    mixed | 1
}

/// A number that depends on both, and on each of their bits.
#[inline(always)]
fn mixed(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ 0x9e37_79b9_7f4a_7c15) * u128::from(other ^ 0xd6e8_feb8_6659_fd93);
    (product as u64) ^ (product >> 64) as u64 ^ one.rotate_left(23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_where_it_was_written_once_and_nowhere_else() {
        start();
        let mut memory = [[0_u8; 64]; 3];
        let birth = Some(Birth { at_ns: 77, is_drawn: true });
        for mark in [Mark::NOTHING, Mark { cohort: None, birth }] {
            let [block, other, _] = &mut memory;
            let block = block.as_mut_ptr();
            // SAFETY: all of it lies in the arrays.
            unsafe {
                write(block, 56, mark, 24);
                let found = read(block, 56).unwrap();
                assert_eq!((found.bytes, found.mark.birth), (24, mark.birth));
                assert!(
                    read(block, 48).is_none() && read(block.add(8), 48).is_none() && read(block, 8).is_none()
                );
                // The same words at another place are no mark.
                other.as_mut_ptr().copy_from_nonoverlapping(block, 64);
                assert!(read(other.as_mut_ptr(), 56).is_none());
                assert!(take_if(false, block, 56).is_none());
                assert!(take_if(true, block, 56).is_some() && read(block, 56).is_none());
            }
        }
        // SAFETY: as above.
        assert!(unsafe { read(memory[2].as_mut_ptr(), 64) }.is_none(), "zeroes pass for a mark");
    }

    #[test]
    fn a_mark_that_was_overrun_in_any_byte_is_none() {
        start();
        let mut memory = [0_u8; 64];
        let block = memory.as_mut_ptr();
        for at in 64 - PLAIN..64 {
            // SAFETY: all of it lies in the array.
            unsafe {
                write(block, 64, Mark::NOTHING, 40);
                block.add(at).write(block.add(at).read() ^ 0x41);
                assert!(read(block, 64).is_none(), "byte {at}");
            }
        }
    }
}
