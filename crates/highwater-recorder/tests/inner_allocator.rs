//! What the inner allocator sees: every call forwarded as what it is, every block given back as it was asked
//! for, and nothing counted that it refused. One process, one recorder: the checks run one after the other.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use highwater_recorder::{Alloc, Counts, counts, visit_sites};

/// The system's allocator with a ledger that panics at the first call that breaks the contract.
struct Strict {
    /// Each block with its layout, and the bytes of the system's block in front of it.
    blocks: Mutex<Option<HashMap<usize, (Layout, usize)>>>,
    calls: Mutex<Vec<&'static str>>,
    refuses: AtomicBool,
    /// Refuses new blocks, but resizes old ones.
    refuses_new: AtomicBool,
    /// Aligns no better than it must, in every other call.
    is_odd: AtomicBool,
    odd_blocks: AtomicUsize,
}

static STRICT: Strict = Strict {
    blocks: Mutex::new(None),
    calls: Mutex::new(Vec::new()),
    refuses: AtomicBool::new(false),
    refuses_new: AtomicBool::new(false),
    is_odd: AtomicBool::new(false),
    odd_blocks: AtomicUsize::new(0),
};

/// A share of the blocks is sampled, so that blocks change from sampled to unsampled and back when they grow.
static ALLOC: Alloc<&Strict> = Alloc::wrapping(&STRICT).interval(512);

impl Strict {
    fn enter(&self, call: &'static str, layout: Layout) -> bool {
        assert!(layout.size() > 0 && Layout::from_size_align(layout.size(), layout.align()).is_ok());
        let mut calls = self.calls.lock().unwrap();
        calls.push(call);
        !self.refuses.load(Ordering::Relaxed)
    }

    fn take(&self, layout: Layout) -> *mut u8 {
        let is_odd = self.is_odd.load(Ordering::Relaxed)
            && layout.align() <= 8
            && self.odd_blocks.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        let front = if is_odd { 8 } else { 0 };
        // SAFETY: the size is not 0, and the address stays in the block.
        let block = unsafe { System.alloc_zeroed(real(layout, front)).add(front) };
        assert_eq!(block.addr() % layout.align(), 0);
        let previous =
            self.blocks.lock().unwrap().get_or_insert_default().insert(block.addr(), (layout, front));
        assert_eq!(previous, None, "an address was handed out twice");
        block
    }

    fn give(&self, block: *mut u8, layout: Layout) {
        let known = self.blocks.lock().unwrap().get_or_insert_default().remove(&block.addr());
        let (known, front) = known.expect("a block that came from here");
        assert_eq!(known, layout, "a block came back with another layout");
        // SAFETY: the ledger says that the block came from here with this layout.
        unsafe { System.dealloc(block.sub(front), real(layout, front)) };
    }

    fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    fn live(&self) -> usize {
        self.blocks.lock().unwrap().as_ref().map_or(0, HashMap::len)
    }
}

/// What the system is asked for.
fn real(layout: Layout, front: usize) -> Layout {
    Layout::from_size_align(layout.size() + front, layout.align().max(16)).unwrap()
}

// SAFETY: every call goes to the system's allocator, or returns null.
unsafe impl GlobalAlloc for &Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.enter("alloc", layout) || self.refuses_new.load(Ordering::Relaxed) {
            return std::ptr::null_mut();
        }
        let block = self.take(layout);
        // SAFETY: the block is this large. What is not asked to be zero is not.
        unsafe { block.write_bytes(0xa5, layout.size()) };
        block
    }

    // SAFETY: nothing is asked of the caller but a size that is not 0, which `enter` looks at.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !self.enter("alloc_zeroed", layout) || self.refuses_new.load(Ordering::Relaxed) {
            return std::ptr::null_mut();
        }
        self.take(layout)
    }

    // SAFETY: the ledger knows whether the block may be given back.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.enter("dealloc", layout);
        self.give(block, layout);
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !self.enter("realloc", layout) {
            return std::ptr::null_mut();
        }
        let moved = self.take(Layout::from_size_align(new_size, layout.align()).unwrap());
        // SAFETY: both are as large as that.
        unsafe { moved.copy_from_nonoverlapping(block, layout.size().min(new_size)) };
        self.give(block, layout);
        moved
    }
}

/// A block of the allocator under test, filled with a pattern of its own.
struct Block {
    start: *mut u8,
    layout: Layout,
    fill: u8,
}

impl Block {
    fn new(size: usize, align: usize, fill: u8, zeroed: bool) -> Self {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: the size is not 0.
        let start = unsafe { if zeroed { ALLOC.alloc_zeroed(layout) } else { ALLOC.alloc(layout) } };
        assert!(!start.is_null());
        assert_eq!(start.addr() % align, 0);
        let mut block = Self { start, layout, fill };
        if zeroed {
            assert!(block.bytes().iter().all(|&byte| byte == 0));
        }
        block.bytes().fill(fill);
        block
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the block is this large, is initialised by `new`, and belongs to `self`.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.layout.size()) }
    }

    fn check(&mut self) {
        let fill = self.fill;
        assert!(self.bytes().iter().all(|&byte| byte == fill));
    }

    fn resize(&mut self, size: usize) {
        self.check();
        // SAFETY: the block is ours with this layout; the size is not 0.
        self.start = unsafe { ALLOC.realloc(self.start, self.layout, size) };
        assert!(!self.start.is_null());
        let kept = self.layout.size().min(size);
        self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
        assert_eq!(self.start.addr() % self.layout.align(), 0);
        let fill = self.fill;
        // SAFETY: that much of the block was initialised before.
        let old = unsafe { std::slice::from_raw_parts(self.start, kept) };
        assert!(old.iter().all(|&byte| byte == fill));
        // SAFETY: the block is this large.
        unsafe { self.start.write_bytes(fill, size) };
    }

    fn free(mut self) {
        self.check();
        // SAFETY: the block is ours with this layout, and nobody uses it any more.
        unsafe { ALLOC.dealloc(self.start, self.layout) };
    }
}

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn live_samples() -> u64 {
    let mut live = 0;
    visit_sites(|site| live += site.live.blocks);
    live
}

#[test]
fn the_inner_allocator_sees_an_honest_client() {
    every_method_is_forwarded();
    random_operations_keep_the_contract();
    refusals_change_nothing();
    impossible_sizes_are_refused();
    STRICT.is_odd.store(true, Ordering::Relaxed);
    random_operations_keep_the_contract();
    assert!(
        STRICT.odd_blocks.load(Ordering::Relaxed) > 10_000,
        "too few blocks may have been at odd addresses"
    );
    refusals_change_nothing();
    an_allocator_that_is_aligned_is_asked_for_units();
    a_block_that_cannot_be_moved_stays_at_its_odd_address();
    assert_eq!(STRICT.live(), 0);
    assert_eq!(live_samples(), 0, "a sample outlived its block");
    let counts = counts();
    assert_eq!((counts.live_blocks(), counts.live_bytes()), (0, 0));
    // Last, because what it counts is never freed.
    a_small_block_that_an_aligned_allocator_has_no_memory_for_may_be_counted();
}

fn every_method_is_forwarded() {
    STRICT.take_calls();
    Block::new(24, 8, 1, false).free();
    assert_eq!(STRICT.take_calls(), ["alloc", "dealloc"]);
    // Large ones are always sampled: zeroed pages and growth in place must survive that.
    for (size, align) in [(40, 8), (1 << 20, 8), (40, 64), (1 << 20, 64)] {
        let mut block = Block::new(size, align, 2, true);
        block.resize(size * 2);
        block.free();
        let calls = STRICT.take_calls();
        if size > 40 || align > 8 {
            assert_eq!(calls, ["alloc_zeroed", "realloc", "dealloc"], "{size} bytes aligned to {align}");
        } else {
            assert_eq!(calls[0], "alloc_zeroed");
        }
    }
}

fn random_operations_keep_the_contract() {
    let before = counts();
    let (mut alloc_blocks, mut alloc_bytes, mut peak, mut live) = (0, 0, 0, 0);
    let mut random = Lcg(3);
    let mut blocks: Vec<Block> = Vec::new();
    for step in 0..60_000_usize {
        match random.below(3) {
            0 => {
                let align = 1 << random.below(if step % 50 == 0 { 14 } else { 7 });
                let size = 1 + random.below([16, 200, 3000][step % 3]);
                blocks.push(Block::new(size, align, step as u8, step % 4 == 0));
                alloc_blocks += 1;
                alloc_bytes += size;
                live += size;
            }
            1 if !blocks.is_empty() => {
                let index = random.below(blocks.len());
                let size = 1 + random.below([16, 200, 3000][step % 3]);
                live = live - blocks[index].layout.size() + size;
                blocks[index].resize(size);
                alloc_blocks += 1;
                alloc_bytes += size;
            }
            _ if !blocks.is_empty() => {
                let index = random.below(blocks.len());
                live -= blocks[index].layout.size();
                blocks.swap_remove(index).free();
            }
            _ => {}
        }
        peak = peak.max(live);
    }
    assert!(live_samples() > 0, "nothing was sampled, so nothing was tried");
    let now = counts();
    assert_eq!(now.alloc_blocks - before.alloc_blocks, alloc_blocks);
    assert_eq!(now.alloc_bytes - before.alloc_bytes, alloc_bytes as u64);
    assert_eq!(now.live_blocks(), blocks.len() as u64);
    assert_eq!(now.live_bytes(), live as u64);
    // The blocks of 2 MiB above were the highest so far, one at a time. Between two samples a peak may be
    // missed by what a thread holds back.
    let peak = (peak as u64).max(2 << 20);
    assert!(
        (peak - Counts::HELD_BACK_BYTES..=peak).contains(&now.peak_bytes),
        "{} of {peak}",
        now.peak_bytes
    );
    blocks.into_iter().for_each(Block::free);
}

fn refusals_change_nothing() {
    for (size, align) in [(24, 8), (1 << 20, 8), (48, 32), (1 << 20, 32)] {
        let mut block = Block::new(size, align, 9, false);
        let (before, samples) = (counts(), live_samples());
        STRICT.refuses.store(true, Ordering::Relaxed);
        for new_size in [1, size * 2, 4 << 20] {
            // SAFETY: the block is ours with this layout; the size is not 0.
            let moved = unsafe { ALLOC.realloc(block.start, block.layout, new_size) };
            assert!(moved.is_null());
            // SAFETY: the size is not 0.
            unsafe {
                let layout = Layout::from_size_align(new_size, align).unwrap();
                assert!(ALLOC.alloc(layout).is_null());
                assert!(ALLOC.alloc_zeroed(layout).is_null());
            }
        }
        STRICT.refuses.store(false, Ordering::Relaxed);
        block.check();
        let after = counts();
        assert_eq!((after.alloc_blocks, after.alloc_bytes), (before.alloc_blocks, before.alloc_bytes));
        assert_eq!((after.freed_blocks, after.freed_bytes), (before.freed_blocks, before.freed_bytes));
        assert_eq!(after.peak_bytes, before.peak_bytes);
        assert_eq!(live_samples(), samples);
        block.free();
    }
}

/// Said to be as good as the system's, so that nothing is looked at.
static ALIGNED: Alloc<&Strict> = Alloc::wrapping(&STRICT).aligned();

fn an_allocator_that_is_aligned_is_asked_for_units() {
    let asked = |layout: Layout| {
        // SAFETY: the size is not 0; the block is given back as it was asked for.
        unsafe {
            let block = ALIGNED.alloc(layout);
            assert!(block.addr().is_multiple_of(16) || live_samples() > 0, "{block:?} is not sampled");
            let known = STRICT.blocks.lock().unwrap().as_ref().and_then(|it| it.get(&block.addr()).copied());
            ALIGNED.dealloc(block, layout);
            known.map(|(layout, _)| (layout.size(), layout.align()))
        }
    };
    // Few enough that hardly one is sampled, which would have it somewhere else in its block.
    let layout = |size| Layout::from_size_align(size, 4).unwrap();
    let plain = |size, expected| (0..5).any(|_| asked(layout(size)) == Some(expected));
    assert!(plain(3, (16, 16)) && plain(24, (24, 16)));
}

fn a_small_block_that_an_aligned_allocator_has_no_memory_for_may_be_counted() {
    let layout = |size| Layout::from_size_align(size, 4).unwrap();
    // Whether there was memory is not looked at for small blocks, and is for large ones.
    STRICT.refuses.store(true, Ordering::Relaxed);
    let before = counts().alloc_blocks;
    // SAFETY: the sizes are not 0.
    let refused = [24, 5000].map(|size| unsafe { ALIGNED.alloc(layout(size)) });
    assert!(refused.iter().all(|block| block.is_null()));
    let counted = counts().alloc_blocks - before;
    assert!(counted <= 1, "{counted} blocks that could not be had were counted");
    STRICT.refuses.store(false, Ordering::Relaxed);
}

fn a_block_that_cannot_be_moved_stays_at_its_odd_address() {
    let mut blocks: Vec<Block> = (0..100).map(|fill| Block::new(40, 8, fill, false)).collect();
    STRICT.refuses_new.store(true, Ordering::Relaxed);
    let (before, mut resized) = (counts(), 0);
    for block in &mut blocks {
        // SAFETY: the block is ours with this layout; the size is not 0.
        let moved = unsafe { ALLOC.realloc(block.start, block.layout, 56) };
        // Those that were or would be sampled may be refused.
        if !moved.is_null() {
            resized += 1;
            block.start = moved;
            block.layout = Layout::from_size_align(56, 8).unwrap();
            // SAFETY: that much of the block was initialised before; the block is this large.
            unsafe {
                assert!(std::slice::from_raw_parts(moved, 40).iter().all(|&byte| byte == block.fill));
                moved.write_bytes(block.fill, 56);
            }
        }
    }
    assert!(resized > 20, "{resized}");
    assert_eq!(counts().alloc_blocks - before.alloc_blocks, resized);
    STRICT.refuses_new.store(false, Ordering::Relaxed);
    for (at, mut block) in blocks.into_iter().enumerate() {
        if at % 2 == 0 {
            block.resize(72);
        }
        block.free();
    }
}

fn impossible_sizes_are_refused() {
    // Valid layouts that leave no space for rounding up to 16, or for a mark.
    for size in [isize::MAX as usize - 7, isize::MAX as usize - 15] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        STRICT.refuses.store(true, Ordering::Relaxed);
        // SAFETY: the size is not 0.
        assert!(unsafe { ALLOC.alloc(layout) }.is_null());
        STRICT.refuses.store(false, Ordering::Relaxed);
    }
}
