//! What jemalloc tells of itself: totals, and for a block how full its slab is.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr;

use crate::symbol;

/// jemalloc's function for all questions.
type Mallctl = unsafe extern "C" fn(*const c_char, *mut c_void, *mut usize, *mut c_void, usize) -> c_int;

/// Pointers that are asked about in one call.
const BATCH: usize = 1000;

/// jemalloc's totals in bytes. Some it has only when it was built with statistics, which tikv's is not by
/// default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// In pages with blocks that were given out, or lie in a thread's cache.
    pub active: u64,
    /// In free pages that were not given back.
    pub dirty: u64,
    /// In these blocks.
    pub allocated: Option<u64>,
    /// In the allocator's tables.
    pub metadata: Option<u64>,
    /// In caches of threads.
    pub cached: Option<u64>,
}

/// What is known of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Bytes that a block of its class has.
    pub class_bytes: u64,
    /// Its share of the empty space in its slab.
    pub held_bytes: u64,
}

/// The jemalloc of this process.
#[derive(Clone, Copy)]
pub(crate) struct Jemalloc {
    mallctl: Mallctl,
}

impl Jemalloc {
    pub(crate) fn find() -> Option<Self> {
        let address = symbol::mallctl()?;
        // SAFETY: the symbol is jemalloc's function of this name and type.
        Some(Self { mallctl: unsafe { mem::transmute::<*mut c_void, Mallctl>(address.as_ptr()) } })
    }

    fn number(self, name: &CStr) -> Option<u64> {
        let mut value = 0_usize;
        let mut length = size_of::<usize>();
        // SAFETY: all values asked for here have the size of a word, and jemalloc checks the length.
        let error = unsafe {
            (self.mallctl)(name.as_ptr(), (&raw mut value).cast(), &raw mut length, ptr::null_mut(), 0)
        };
        (error == 0 && length == size_of::<usize>()).then_some(value as u64)
    }

    /// The totals, which jemalloc brings up to date.
    pub(crate) fn totals(self) -> Option<Totals> {
        let mut epoch = 1_u64;
        // SAFETY: the epoch is a number of 64 bits.
        unsafe {
            let new = (&raw mut epoch).cast();
            (self.mallctl)(c"epoch".as_ptr(), ptr::null_mut(), ptr::null_mut(), new, size_of::<u64>());
        }
        let page = self.number(c"arenas.page")?;
        Some(Totals {
            // 4096 stands for all arenas together.
            active: self.number(c"stats.arenas.4096.pactive")? * page,
            dirty: self.number(c"stats.arenas.4096.pdirty")? * page,
            allocated: self.number(c"stats.allocated"),
            metadata: self.number(c"stats.metadata"),
            cached: self.number(c"stats.arenas.4096.tcache_bytes"),
        })
    }

    /// What is known of these blocks: `None` for one that is not jemalloc's. Nothing at all where this
    /// jemalloc has no such question, which it calls experimental.
    pub(crate) fn blocks(self, blocks: &[usize]) -> Option<Vec<Option<Found>>> {
        let mut found = Vec::with_capacity(blocks.len());
        for batch in blocks.chunks(BATCH) {
            let mut pointers = [0_usize; BATCH];
            pointers[..batch.len()].copy_from_slice(batch);
            // Free regions, regions and bytes of each one's slab.
            let mut answers = [[0_usize; 3]; BATCH];
            let mut length = batch.len() * size_of::<[usize; 3]>();
            let expected = length;
            // SAFETY: jemalloc reads as many pointers as the lengths say, and writes three words for each. It
            // looks the pointers up in its own table, and reads no memory behind them.
            let error = unsafe {
                (self.mallctl)(
                    c"experimental.utilization.batch_query".as_ptr(),
                    answers.as_mut_ptr().cast(),
                    &raw mut length,
                    pointers.as_mut_ptr().cast(),
                    size_of_val(batch),
                )
            };
            if error != 0 || length != expected {
                return None;
            }
            found.extend(answers[..batch.len()].iter().map(|&answer| found_in(answer)));
        }
        Some(found)
    }
}

fn found_in([free, all, bytes]: [usize; 3]) -> Option<Found> {
    if all == 0 || bytes == 0 {
        return None;
    }
    let class_bytes = (bytes / all) as u64;
    let used = all.saturating_sub(free).max(1) as u64;
    // A large block has pages of its own.
    let held_bytes = if all == 1 { 0 } else { free as u64 * class_bytes / used };
    Some(Found { class_bytes, held_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_space_of_a_slab_is_shared_by_its_blocks() {
        let found = found_in([96, 128, 8192]).unwrap();
        assert_eq!((found.class_bytes, found.held_bytes), (64, 192));
        assert_eq!(found_in([0, 1, 1 << 20]).unwrap().held_bytes, 0);
        assert!(found_in([0, 0, 0]).is_none());
    }
}
