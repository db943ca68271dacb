//! Exact mode against a tracker that is obviously correct, over random sequences of allocations: every column
//! of every call site is equal to it, and so is every count of the process.

mod reference;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};

use highwater_recorder::Alloc;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use proptest::{prop_assert, prop_assert_eq};

use reference::{Outcome, Runner, cases, config};

static ALLOC: Alloc<System> = Alloc::wrapping(System).exact();

fn check(outcome: &Outcome) -> Result<(), TestCaseError> {
    for (site, (recorded, expected)) in outcome.recorded.iter().zip(&outcome.expected).enumerate() {
        prop_assert_eq!(recorded.allocated, expected.allocated, "allocated at site {}", site);
        prop_assert_eq!(recorded.live, expected.live, "live at site {}", site);
        if outcome.single_thread {
            prop_assert_eq!(recorded.at_peak, expected.at_peak, "at the peak, site {}", site);
        }
        prop_assert_eq!(outcome.emptied[site].live, outcome.before[site].live, "after all is freed");
    }
    prop_assert!(outcome.is_counted, "the process's counts");
    Ok(())
}

/// Allocates from the recorder, but does not tell it of the old block when one is more than doubled.
struct Forgetful;

// SAFETY: every call goes to the recorder; a block that is not given back stays allocated for ever.
unsafe impl GlobalAlloc for Forgetful {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { ALLOC.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { ALLOC.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size / 2 <= layout.size() {
            // SAFETY: the caller's promises are passed on.
            return unsafe { ALLOC.realloc(block, layout, size) };
        }
        // SAFETY: the size is not 0, and the new block, which is larger, has space for the old one.
        unsafe {
            let moved = ALLOC.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            moved.copy_from_nonoverlapping(block, layout.size());
            moved
        }
    }
}

/// One test, because the recorder has one state per process, which two of them would change at once.
#[test]
fn exact_mode_is_equal_to_a_plain_map() {
    let peaks = Cell::new(0);
    let runner = RefCell::new(Runner::new(&ALLOC));
    let equal = TestRunner::new(config()).run(&cases(), |case| {
        let outcome = runner.borrow_mut().run(&case);
        peaks.set(peaks.get() + usize::from(outcome.single_thread && outcome.has_new_peak()));
        check(&outcome)
    });
    equal.unwrap_or_else(|error| panic!("{error}"));
    assert!(peaks.get() > 20, "only {} cases reached a peak with one thread", peaks.get());

    let runner = RefCell::new(Runner::new(&Forgetful));
    let planted = TestRunner::new(config()).run(&cases(), |case| check(&runner.borrow_mut().run(&case)));
    let Err(TestError::Fail(_, case)) = planted else { panic!("a block that is forgotten must be found") };
    assert!(case.length() <= 4, "to allocate and to grow is enough to show it: {case:?}");
}
