//! What stands in front of a sampled block, and how its address shows it.
//!
//! An unsampled block lies at a multiple of 16. A sampled block with an alignment of up to 8 is asked for
//! with space in front, and the program gets an address with bit 3 set:
//!
//! ```text
//!     unsampled   ┌───────────────┐            sampled   ┌─────────┬───────────────┐
//!                 │ the program's │                      │ &Cohort │ the program's │
//!                 └───────────────┘                      └─────────┴───────────────┘
//!                 ↑ …0 (16-aligned)                      ↑ …0      ↑ …8
//! ```
//!
//! A block whose lifetime is measured has two more words there, its birth, and bit 0 of the pointer says so.
//! Nothing is over-aligned and nothing is looked up, zeroed pages stay untouched, and growing a sampled block
//! in place stays possible.

use core::alloc::Layout;
use core::ptr;

use crate::cohort::Cohort;
use crate::lifetime::Birth;

/// The least alignment of a block; the program's larger ones are left as they are.
pub(crate) const UNIT: usize = 16;

/// The bit that is set in the address of a marked block.
const BIT: usize = 8;

/// Bytes in front of a block.
const PLAIN: usize = 8;
const TIMED: usize = 24;

/// The bit of the pointer to the cohort that says that the birth stands in front of it.
const IS_TIMED: usize = 1;

const _: () = assert!(PLAIN % UNIT == BIT && TIMED % UNIT == BIT && align_of::<Cohort>() > IS_TIMED);

/// Whether this address shows a mark, if the block's alignment leaves space for one.
#[inline(always)]
pub(crate) fn shows(block: *mut u8) -> bool {
    block.addr() & BIT != 0
}

/// What a mark says of its block.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    /// Where the block is counted; `None` when its sample was lost, or it was never one.
    pub cohort: Option<&'static Cohort>,
    /// When it was born, if its lifetime is measured.
    pub birth: Option<Birth>,
}

impl Mark {
    /// The mark of a block that is not sampled, but lies where only marked blocks do.
    pub(crate) const NOTHING: Self = Self { cohort: None, birth: None };

    /// Bytes in front of the block.
    #[inline(always)]
    pub(crate) fn bytes(self) -> usize {
        if self.birth.is_some() { TIMED } else { PLAIN }
    }

    /// The layout in which the inner allocator is asked for a block of `size` bytes with this mark; `None`
    /// when it would be too large.
    #[inline(always)]
    pub(crate) fn layout(self, size: usize) -> Option<Layout> {
        Layout::from_size_align(size.checked_add(self.bytes())?.max(UNIT), UNIT).ok()
    }

    /// [`Self::layout`] of a block that was allocated.
    ///
    /// # Safety
    /// The layout is not too large.
    #[inline(always)]
    pub(crate) unsafe fn layout_unchecked(self, size: usize) -> Layout {
        // SAFETY: the alignment is a power of two, and the caller promises that the size fits.
        unsafe { Layout::from_size_align_unchecked((size + self.bytes()).max(UNIT), UNIT) }
    }

    /// Writes the mark at the start of a block from the inner allocator and returns the program's part of it.
    ///
    /// # Safety
    /// `base` is the start of a block that was asked for with [`Self::layout`], and in use by nobody.
    #[inline(always)]
    pub(crate) unsafe fn write(self, base: *mut u8) -> *mut u8 {
        let cohort = self.cohort.map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the layout has space for the words in front of the block, and aligns them.
        unsafe {
            let block = base.add(self.bytes());
            let words = block.cast::<usize>();
            match self.birth {
                None => words.sub(1).cast::<*const Cohort>().write(cohort),
                Some(birth) => {
                    words.sub(1).cast::<*const Cohort>().write(cohort.map_addr(|it| it | IS_TIMED));
                    words.sub(2).cast::<u64>().write(birth.at_ns);
                    words.sub(3).cast::<u64>().write(u64::from(birth.is_drawn));
                }
            }
            block
        }
    }

    /// The start of the inner block of a marked one, and its mark.
    ///
    /// # Safety
    /// `block` was returned by [`Self::write`], and is still allocated.
    #[inline(always)]
    pub(crate) unsafe fn read(block: *mut u8) -> (*mut u8, Self) {
        // SAFETY: `write` put these words in front of the block; cohorts live in the arena for ever.
        unsafe {
            let words = block.cast::<usize>();
            let pointer = words.sub(1).cast::<*const Cohort>().read();
            let cohort = pointer.map_addr(|it| it & !IS_TIMED).as_ref();
            let birth = if pointer.addr() & IS_TIMED == 0 {
                None
            } else {
                Some(Birth {
                    at_ns: words.sub(2).cast::<u64>().read(),
                    is_drawn: words.sub(3).cast::<u64>().read() != 0,
                })
            };
            let mark = Self { cohort, birth };
            (block.sub(mark.bytes()), mark)
        }
    }
}
