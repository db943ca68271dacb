//! What is known of a return address, in eight bytes, and the cache of it.
//!
//! A rule gives the registers of the caller's frame: `*at` is the word at an address, `base` is where the
//! caller's frame begins.
//!
//! ```text
//! FramePointer     base = bp + 16               (sp, bp, return) = (base, *(base - 16), *(base - 8))
//! Caller           base = sp + distance         (sp, bp, return) = (base, bp,             *(base - 8))
//!   from bp        base = bp + distance
//!   bp was saved                                (sp, bp, return) = (base, *(base - saved), *(base - 8))
//! Root             there is no caller
//! ```

use highwater_lockfree::address_cache::AddressCache;

/// How to get from a frame to its caller's: the equations at the top of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The function keeps the frame pointer (rbp) where its caller's was saved, with the return address above
    /// it. This is a [`Rule::Caller`] like others, but nothing of it has to be read before the next frame can
    /// be: the processor runs ahead from frame to frame while it still compares entries of the cache.
    FramePointer,
    /// `base` is a fixed distance above the stack pointer or the frame pointer.
    Caller {
        /// Distance in bytes from the register to `base`; a multiple of 8.
        distance: u32,
        /// The register is the frame pointer (rbp), not the stack pointer (rsp).
        from_frame_pointer: bool,
        /// Where the caller's frame pointer was saved, in bytes below `base`; `None` when it was left as it
        /// is.
        saved_frame_pointer: Option<u16>,
    },
    /// There is no caller: the function that starts a thread or the program.
    Root,
    /// No such rule is known: the system's unwinder has to be asked.
    Other,
}

const FIELD_DISTANCE: u32 = 20;
const FIELD_SAVED: u32 = 12;
const KIND_STACK_POINTER: u64 = 1;
const KIND_FRAME_POINTER: u64 = 2;
const KIND_ROOT: u64 = 3;
const KIND_OTHER: u64 = 0;

/// [`Rule::FramePointer`]: `base` is two words above the frame pointer, and the caller's is saved two words
/// below `base`.
const FRAME_POINTER: u64 = KIND_FRAME_POINTER | 2 << 2 | 2 << (2 + FIELD_DISTANCE);

impl Rule {
    /// The rule for a fixed distance from a register to `base`, as for [`Rule::Caller`].
    pub(super) fn caller(distance: u32, from_frame_pointer: bool, saved_frame_pointer: Option<u16>) -> Self {
        match (distance, from_frame_pointer, saved_frame_pointer) {
            (16, true, Some(16)) => Self::FramePointer,
            _ => Self::Caller { distance, from_frame_pointer, saved_frame_pointer },
        }
    }

    /// The rule in 34 bits: two for the kind, and distances in words. `None` when a distance is too large.
    fn pack(self) -> Option<u64> {
        match self {
            Self::Other => Some(KIND_OTHER),
            Self::Root => Some(KIND_ROOT),
            Self::FramePointer => Some(FRAME_POINTER),
            Self::Caller { distance, from_frame_pointer, saved_frame_pointer } => {
                let kind = if from_frame_pointer { KIND_FRAME_POINTER } else { KIND_STACK_POINTER };
                // 0 stands for "not saved": nothing is saved at the base itself.
                let saved = u64::from(saved_frame_pointer.unwrap_or(0));
                let distance = u64::from(distance);
                let fits = distance % 8 == 0
                    && saved % 8 == 0
                    && distance / 8 < 1 << FIELD_DISTANCE
                    && saved / 8 < 1 << FIELD_SAVED;
                fits.then_some(kind | (distance / 8) << 2 | (saved / 8) << (2 + FIELD_DISTANCE))
            }
        }
    }

    #[inline(always)]
    fn unpack(bits: u64) -> Self {
        if bits == FRAME_POINTER {
            return Self::FramePointer;
        }
        let kind = bits & 3;
        if kind == KIND_OTHER {
            return Self::Other;
        }
        if kind == KIND_ROOT {
            return Self::Root;
        }
        let distance = (bits >> 2) as u32 & ((1 << FIELD_DISTANCE) - 1);
        let saved = (bits >> (2 + FIELD_DISTANCE)) as u16 & ((1 << FIELD_SAVED) - 1);
        Self::Caller {
            distance: distance * 8,
            from_frame_pointer: kind == KIND_FRAME_POINTER,
            saved_frame_pointer: if saved == 0 { None } else { Some(saved * 8) },
        }
    }
}

/// Bits of a packed rule.
const RULE_BITS: u32 = 2 + FIELD_DISTANCE + FIELD_SAVED;

/// The rules of addresses seen lately, shared by all threads.
pub(super) struct RuleCache {
    packed: AddressCache<RULE_BITS>,
}

impl RuleCache {
    pub(super) const fn new() -> Self {
        Self { packed: AddressCache::new() }
    }

    #[inline(always)]
    pub(super) fn get(&self, address: usize) -> Option<Rule> {
        let bits = self.packed.look(address);
        // The whole entry at once, before anything is taken out of it.
        if bits == FRAME_POINTER {
            return Some(Rule::FramePointer);
        }
        AddressCache::<RULE_BITS>::is_value(bits).then(|| Rule::unpack(bits))
    }

    pub(super) fn put(&self, address: usize, rule: Rule) -> Rule {
        let (rule, bits) = match rule.pack() {
            Some(bits) => (rule, bits),
            None => (Rule::Other, KIND_OTHER),
        };
        self.packed.put(address, bits);
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_packing() {
        for rule in [
            Rule::Root,
            Rule::Other,
            Rule::FramePointer,
            Rule::Caller { distance: 8, from_frame_pointer: false, saved_frame_pointer: None },
            Rule::Caller { distance: 16, from_frame_pointer: false, saved_frame_pointer: Some(16) },
            Rule::Caller { distance: 16, from_frame_pointer: true, saved_frame_pointer: Some(24) },
            Rule::Caller { distance: 16, from_frame_pointer: true, saved_frame_pointer: None },
            Rule::Caller {
                distance: (1 << 23) - 8,
                from_frame_pointer: false,
                saved_frame_pointer: Some(32_760),
            },
        ] {
            assert_eq!(Rule::unpack(rule.pack().unwrap()), rule);
        }
        let odd = Rule::Caller { distance: 12, from_frame_pointer: false, saved_frame_pointer: None };
        let large = Rule::Caller { distance: 1 << 23, from_frame_pointer: false, saved_frame_pointer: None };
        assert_eq!((odd.pack(), large.pack()), (None, None));
    }

    #[test]
    fn what_frame_pointers_mean_is_a_rule_of_its_own() {
        assert_eq!(Rule::caller(16, true, Some(16)), Rule::FramePointer);
        for [distance, saved] in [[24, 16], [16, 24]] {
            assert_ne!(Rule::caller(distance, true, Some(saved as u16)), Rule::FramePointer);
        }
        assert_ne!(Rule::caller(16, false, Some(16)), Rule::FramePointer);
        assert_ne!(Rule::caller(16, true, None), Rule::FramePointer);
        let packed =
            Rule::Caller { distance: 16, from_frame_pointer: true, saved_frame_pointer: Some(16) }.pack();
        assert_eq!(packed, Rule::FramePointer.pack());
        static CACHE: RuleCache = RuleCache::new();
        CACHE.put(0x5555_5555_4321, Rule::FramePointer);
        assert_eq!(CACHE.get(0x5555_5555_4321), Some(Rule::FramePointer));
        assert_eq!(CACHE.get(0x5555_5555_4322), None);
    }
}
