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

/// What programs have in their constants that run tasks whose cells are aligned like any other block: the executors' sources
/// are named in the messages of their panics.
const NARROW: [&str; 3] = ["/async-task", "/stream/futures_unordered/", "/tokio/src/"];

/// The first minor version of tokio's major version 1 of which it is certain that cells have cache lines of their own.
const WIDE_TOKIO: u32 = 40;

/// Whether the program names sources of a version of tokio of which that is not.
fn has_narrow_tokio(constants: &[u8]) -> bool {
    let before = b"/tokio-";
    let Some(place) = highwater_hooks::find(constants, before) else { return false };
    let version = constants[place + before.len()..].split(|it| *it == b'/').next().unwrap_or_default();
    let mut numbers = version.split(|it| *it == b'.').map(|it| str::from_utf8(it).ok()?.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(1), Some(minor)) => minor < WIDE_TOKIO,
        // Another crate, whose name begins so.
        (None, _) => false,
        _ => true,
    }
}

/// From which alignment on blocks may be tasks in this program.
pub(crate) fn least_align_of_tasks() -> usize {
    static LEAST: LazyLock<usize> = LazyLock::new(|| {
        let mut is_narrow = false;
        highwater_hooks::visit_constants(|bytes| {
            is_narrow |= has_narrow_tokio(bytes);
            is_narrow |= NARROW.iter().any(|it| highwater_hooks::find(bytes, it.as_bytes()).is_some());
        });
        if is_narrow { 1 } else { WIDE }
    });
    *LEAST
}

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

    #[test]
    fn programs_with_old_cells_are_told_by_their_constants() {
        for (constants, expected) in [
            ("x/tokio-1.54.1/src/task/spawn.rs", false),
            ("x/tokio-1.8.0/src/task/spawn.rs", true),
            ("x/tokio-2.0.0/src/task/spawn.rs", true),
            ("x/tokio-util-0.7.1/src/lib.rs", false),
            ("x/tokio-", false),
            ("", false),
        ] {
            assert_eq!(has_narrow_tokio(constants.as_bytes()), expected, "{constants}");
        }
    }
}
