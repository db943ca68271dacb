//! What jemalloc tells of itself: totals, and for a block how full its slab is.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr;

use crate::symbol;

/// jemalloc's function for all questions.
///
/// # Safety
/// A call gives a name that ends with a 0, and for each value a place of the size that belongs to the name.
type Mallctl = unsafe extern "C" fn(*const c_char, *mut c_void, *mut usize, *mut c_void, usize) -> c_int;

/// The first version that can be asked whose a pointer is.
const LEAST_VERSION: (u32, u32) = (5, 3);

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
    /// The jemalloc of this process, if it can be asked whose a pointer is: older ones read memory for that
    /// which may not be there.
    pub(crate) fn find() -> Option<Self> {
        let address = symbol::mallctl()?;
        // SAFETY: the symbol is jemalloc's function of this name and type.
        let it = Self { mallctl: unsafe { mem::transmute::<*mut c_void, Mallctl>(address.as_ptr()) } };
        it.version().filter(|version| *version >= LEAST_VERSION).map(|_| it)
    }

    /// The first two numbers of the version.
    fn version(self) -> Option<(u32, u32)> {
        let mut text: *const c_char = ptr::null();
        let mut length = size_of::<*const c_char>();
        // SAFETY: the version is a pointer to a text, and jemalloc checks the length.
        let error = unsafe {
            let old = (&raw mut text).cast();
            (self.mallctl)(c"version".as_ptr(), old, &raw mut length, ptr::null_mut(), 0)
        };
        if error != 0 || text.is_null() {
            return None;
        }
        // SAFETY: jemalloc's version is a C string that stays as long as the process.
        version_in(unsafe { CStr::from_ptr(text) }.to_str().ok()?)
    }

    /// Whether jemalloc has a block at this address.
    fn has(self, block: usize) -> bool {
        let mut block = block;
        let mut arena = 0_u32;
        let mut length = size_of::<u32>();
        // SAFETY: jemalloc takes an address and gives a number of 32 bits. It looks the address up in its own
        // table, and reads no memory behind it, nor parts of the table that are not there.
        let error = unsafe {
            let (old, new) = ((&raw mut arena).cast(), (&raw mut block).cast());
            (self.mallctl)(c"arenas.lookup".as_ptr(), old, &raw mut length, new, size_of::<usize>())
        };
        error == 0
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
        let own: Vec<usize> = blocks.iter().copied().filter(|&it| it != 0 && self.has(it)).collect();
        let mut found = self.own_blocks(&own)?.into_iter();
        let mut next = own.iter().copied().peekable();
        Some(blocks.iter().map(|it| next.next_if_eq(it).and_then(|_| found.next()?)).collect())
    }

    /// What is known of blocks that are jemalloc's.
    fn own_blocks(self, blocks: &[usize]) -> Option<Vec<Option<Found>>> {
        let mut found = Vec::with_capacity(blocks.len());
        for batch in blocks.chunks(BATCH) {
            let mut pointers = [0_usize; BATCH];
            pointers[..batch.len()].copy_from_slice(batch);
            // Free regions, regions and bytes of each one's slab.
            let mut answers = [[0_usize; 3]; BATCH];
            let mut length = batch.len() * size_of::<[usize; 3]>();
            let expected = length;
            // SAFETY: all blocks are jemalloc's, whose table never loses a part. It reads as many pointers as
            // the lengths say, writes three words for each, and reads no memory behind the pointers.
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

/// `5.3.0-0-g54eaed1d8b56` is 5.3.
fn version_in(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
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

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(version_in("5.3.0-0-g54eaed1d8b56"), Some((5, 3)));
        assert!(version_in("5.10.1") >= Some(LEAST_VERSION) && version_in("5.2.1") < Some(LEAST_VERSION));
        assert_eq!(version_in("unknown"), None);
    }
}
