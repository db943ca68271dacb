//! The allocator that writes down what tests allocate, and whether it is the one that this process uses.

use std::hint::black_box;
use std::sync::LazyLock;

use highwater_runtime::ledger::{Alloc, Ledger};

#[cfg(feature = "allocator")]
#[global_allocator]
static ALLOCATOR: Alloc = Alloc::new();

/// The smallest alignment of blocks that are written down for every test. Runtimes of tasks keep what belongs to one task in a
/// cache line of its own; little else is aligned as strictly, so that taking down its stack costs other tests nothing.
pub(crate) const WIDE: usize =
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) { 128 } else { 64 };

/// What is said where nothing is written down.
pub(crate) const NOT_RECORDING: &str = "no allocation is recorded, so tasks and memory cannot be checked: the program has a \
     global allocator of its own. Wrap it, `#[global_allocator] static ALLOC: highwater_leaktest::Alloc<Yours> = \
     highwater_leaktest::Alloc::with_inner(YOURS);`, or set `blocks = \"off\"` below [leaktest] in highwater.toml";

/// Whether the global allocator of this process is, or stands behind, the one that writes blocks down. The first question plants
/// a block and looks whether it is found.
pub(crate) fn is_recording() -> bool {
    static IS_RECORDING: LazyLock<bool> = LazyLock::new(|| finds(|| drop(black_box(Box::new(0_u64)))));
    *IS_RECORDING
}

/// Whether what `plant` allocates is found.
fn finds(plant: impl FnOnce()) -> bool {
    let Some(ledger) = Ledger::open(1) else { return false };
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
        assert!(is_recording(), "this crate's own tests have its allocator");
        assert!(!finds(|| ()));
    }
}
