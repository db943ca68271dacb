//! Changes between off, sampled and exact while blocks live and threads run, over random sequences of
//! allocations: the process's counts stay exact, and whatever was recorded of a block is taken back when it
//! is freed, in any mode. And in every mode the peak is right within what threads hold back.

mod reference;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::Mutex;

use highwater_recorder::Alloc;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use reference::growth::{Roomy, grow};
use reference::sites::Reader;
use reference::turns::{games, play};
use reference::{Runner, config, switching_cases};

static ALLOC: Alloc<Lazy> = Alloc::wrapping(Lazy).aligned().interval(4096);

/// The same recorder in front of an allocator that decides whether a block moves: with the two ways in which
/// it may serve alignments.
static ROOMY: Alloc<Roomy> = Alloc::wrapping(Roomy);
static ROOMY_ALIGNED: Alloc<Roomy> = Alloc::wrapping(Roomy).aligned();

/// The recorder has one state per process, which two tests would change at once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The system's allocator, and for large blocks addresses whose pages have no memory before they are written
/// to: for any size, and any number of blocks.
struct Lazy;

impl Lazy {
    fn is_lazy(layout: Layout) -> bool {
        layout.size() >= 128 << 10 && layout.align() <= 4096
    }
}

// SAFETY: small blocks are the system's. Large ones are mappings of their own, aligned to a page, as long as
// asked for and zeroed; whether a block is large follows from the layout that it is given back with.
unsafe impl GlobalAlloc for Lazy {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !Self::is_lazy(layout) {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc(layout) };
        }
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping is nobody else's.
        let start = unsafe { libc::mmap(ptr::null_mut(), layout.size(), access, flags, -1, 0) };
        if start == libc::MAP_FAILED { ptr::null_mut() } else { start.cast() }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !Self::is_lazy(layout) {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.dealloc(block, layout) };
        }
        // SAFETY: this is how the block was mapped.
        assert_eq!(unsafe { libc::munmap(block.cast(), layout.size()) }, 0);
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new = Layout::from_size_align(size, layout.align()).expect("a valid layout");
        // SAFETY: the caller's promises are passed on. A mapping may be moved with what is in it, and of all
        // others the smaller size is copied, which both have.
        unsafe {
            if Self::is_lazy(layout) && Self::is_lazy(new) {
                let moved = libc::mremap(block.cast(), layout.size(), size, libc::MREMAP_MAYMOVE);
                return if moved == libc::MAP_FAILED { ptr::null_mut() } else { moved.cast() };
            }
            if !Self::is_lazy(layout) && !Self::is_lazy(new) {
                return System.realloc(block, layout, size);
            }
            let moved = self.alloc(new);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[test]
fn nothing_is_left_over_and_every_count_is_exact_whatever_the_mode() {
    let _alone = ONE_AT_A_TIME.lock();
    let runner = RefCell::new(Runner::new(&ALLOC));
    let result = TestRunner::new(Config { cases: 120, ..config() }).run(&switching_cases(), |case| {
        let outcome = runner.borrow_mut().run(&case);
        prop_assert!(outcome.is_counted, "the process's counts");
        for (emptied, recorded) in outcome.emptied.iter().zip(&outcome.recorded) {
            prop_assert_eq!(emptied.live, Default::default(), "after all is freed");
            prop_assert!(recorded.live.blocks <= recorded.allocated.blocks);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Allocates from the recorder, but tells it that a large block was freed only when the thread does something
/// else.
struct Late;

thread_local! {
    static HELD_BACK: RefCell<HeldBack> = const { RefCell::new(HeldBack(None)) };
}

struct HeldBack(Option<(*mut u8, Layout)>);

impl HeldBack {
    fn free(&mut self) {
        if let Some((block, layout)) = self.0.take() {
            // SAFETY: the block was given to `Late::dealloc`, and is freed once.
            unsafe { ALLOC.dealloc(block, layout) };
        }
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.free();
    }
}

// SAFETY: every call goes to the recorder; a block is given back later than it could be.
unsafe impl GlobalAlloc for Late {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD_BACK.with_borrow_mut(HeldBack::free);
        // SAFETY: the caller's promises are passed on.
        unsafe { ALLOC.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD_BACK.with_borrow_mut(|held| {
            held.free();
            held.0 = Some((block, layout));
            if layout.size() <= 1 << 20 {
                held.free();
            }
        });
    }
}

#[test]
fn the_peak_is_right_within_what_threads_hold_back() {
    let _alone = ONE_AT_A_TIME.lock();
    drop(Runner::new(&ALLOC));
    let reader = RefCell::new(Reader::default());
    let rows = Cell::new(0);
    let config = Config { cases: 300, ..config() };
    let result = TestRunner::new(config.clone()).run(&games(), |game| {
        let result = play(&ALLOC, &mut reader.borrow_mut(), &game);
        rows.set(rows.get() + usize::from(result.has_rows()));
        result.check().map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(rows.get() > 10, "only {} games had rows to be compared", rows.get());

    let planted = TestRunner::new(config).run(&games(), |game| {
        play(&Late, &mut reader.borrow_mut(), &game).check().map_err(TestCaseError::fail)
    });
    let Err(TestError::Fail(..)) = planted else { panic!("a large block that is held back must be found") };
}

/// A block that is sampled for the first time, or not again, when it grows is no copy for that.
#[test]
fn sampled_copies_are_those_that_the_inner_allocator_makes() {
    const TIMES: usize = 1_000;
    let _alone = ONE_AT_A_TIME.lock();
    drop(Runner::new(&ALLOC));
    for alloc in [&ROOMY, &ROOMY_ALIGNED] {
        // Two in a row are no chance.
        let copies = Some(grow(alloc, TIMES)).filter(|it| it.may_be(it.truth));
        let copies = copies.unwrap_or_else(|| grow(alloc, TIMES));
        let (recorded, truth) = (copies.recorded, copies.truth);
        assert!(copies.may_be(truth), "{recorded} recorded, {truth} true, ± {}", copies.standard_error);
        assert!(!copies.may_be(copies.if_all_moved), "what stays where it lies is told from a copy");
    }
}
