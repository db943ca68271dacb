//! Whether what tests allocate is written down: in front of the C library's `malloc`, from which most
//! allocators of programs take their blocks, or by the allocator of this crate.

use std::hint::black_box;
use std::sync::LazyLock;

use highwater_hooks::Unsupported;
use highwater_ledger::Ledger;

/// Where blocks are not seen in front of `malloc`.
#[cfg(all(feature = "allocator", not(malloc_hooked)))]
#[global_allocator]
static ALLOCATOR: highwater_ledger::Alloc = highwater_ledger::Alloc::new();

/// What is said where nothing is written down.
pub(crate) const NOT_RECORDING: &str = "no allocation is recorded, so tasks and memory cannot be checked: the program has a \
     global allocator of its own that does not take each block from the C library. Wrap it, `#[global_allocator] static ALLOC: highwater_leaktest::Alloc<Yours> = \
     highwater_leaktest::Alloc::with_inner(YOURS);`, or set `blocks = \"off\"` below [leaktest] in highwater.toml";

/// Whether the blocks of this process are written down. The first question plants a block and looks
/// whether it is found. Under a sanitizer nothing is: it stops a program that reads its own stack.
pub(crate) fn is_recording() -> bool {
    static IS_RECORDING: LazyLock<bool> = LazyLock::new(|| {
        highwater_hooks::follow_blocks();
        highwater_hooks::status() != Err(Unsupported::Sanitizer)
            && finds(|| drop(black_box(Box::new(Planted(0)))))
    });
    *IS_RECORDING
}

/// A block of an alignment that little else has, so that no other block is wanted for its sake.
#[repr(align(4096))]
struct Planted(#[expect(dead_code, reason = "a block of no bytes would not be allocated")] u8);

/// Whether what `plant` allocates is found.
fn finds(plant: impl FnOnce()) -> bool {
    let Some(ledger) = Ledger::open(align_of::<Planted>()) else { return false };
    let entered = ledger.enter();
    plant();
    drop(entered);
    ledger.totals().alloc_blocks > 0
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_plant_is_found_and_nothing_is_not() {
        assert!(is_recording(), "nothing stands in front of malloc");
        assert!(!finds(|| ()));
    }
}
