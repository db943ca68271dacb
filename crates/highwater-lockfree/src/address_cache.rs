//! Small values by address, each with its address in one word: so an entry is read and written whole.

use core::sync::atomic::Ordering;

use crate::sync::{AtomicU64, IS_MODEL};

/// Few in a model, whose addresses shall meet.
const ENTRIES: u64 = if IS_MODEL { 2 } else { 1 << 15 };

/// Values of up to `VALUE_BITS` bits, of addresses seen lately, shared by all threads.
///
/// Entry number and check together are the lower `15 + 63 - VALUE_BITS` bits of the address, scrambled but
/// not shortened: an entry that matches is the entry of the address. With 34 bits for values these are 44
/// bits of an address, all 47 of them but for the top three, which only tell the program from its libraries
/// and repeat below.
#[derive(Debug)]
pub struct AddressCache<const VALUE_BITS: u32> {
    entries: [AtomicU64; ENTRIES as usize],
}

impl<const VALUE_BITS: u32> AddressCache<VALUE_BITS> {
    const CHECK_BITS: u32 = 64 - VALUE_BITS - 1;

    constant! {
        /// A cache with nothing in it.
        #[allow(clippy::new_without_default, reason = "it is a static, and large")]
        pub fn new() -> Self {
            Self { entries: filled!(AtomicU64::new(0); ENTRIES as usize) }
        }
    }

    #[inline(always)]
    fn place(&self, address: u64) -> (&AtomicU64, u64) {
        let check = (address / ENTRIES) & ((1 << Self::CHECK_BITS) - 1);
        let index = (address ^ check) % ENTRIES;
        // Bit 0 of the tag is set in every entry that is in use, so that an empty one never matches.
        (&self.entries[index as usize], (check << 1 | 1) << VALUE_BITS)
    }

    /// The value of `address` if it is there. Otherwise a number that has more bits than a value; see
    /// [`Self::is_value`].
    #[inline(always)]
    pub fn look(&self, address: usize) -> u64 {
        let (entry, tag) = self.place(address as u64);
        // What is left when the tag is taken out is the value, or has more bits than a value when the tag is
        // another's.
        entry.load(Ordering::Relaxed) ^ tag
    }

    /// Whether what [`Self::look`] returned is a value.
    #[inline(always)]
    pub const fn is_value(looked: u64) -> bool {
        looked >> VALUE_BITS == 0
    }

    /// Remembers the value of `address`, in the place of another address's. Bits beyond `VALUE_BITS` are cut
    /// off.
    pub fn put(&self, address: usize, value: u64) {
        let (entry, tag) = self.place(address as u64);
        entry.store(tag | value & ((1 << VALUE_BITS) - 1), Ordering::Relaxed);
    }
}
