//! Blocks that grow step by step, most of them where they lie: the copies that are recorded when sampling,
//! against those that the inner allocator made.

use std::alloc::{GlobalAlloc, Layout, System};

use highwater_recorder::{Mode, set_mode, visit_sites};

use super::sites::{self, Call};

/// Blocks have space up to the next multiple of this, and move when they outgrow it.
const ROOM: usize = 4096;

/// Sampling interval: about as large as the blocks are.
const INTERVAL: u64 = 8192;

/// Sizes of a block, one after the other. What stands in front of a sampled block takes none of them beyond
/// another multiple.
fn sizes() -> impl Iterator<Item = usize> {
    (500..30_000).step_by(1000)
}

/// The system's memory, in whole rooms.
pub struct Roomy;

impl Roomy {
    fn rooms(layout: Layout) -> Layout {
        Layout::from_size_align(layout.size().next_multiple_of(ROOM), layout.align()).expect("a valid layout")
    }
}

// SAFETY: every block is the system's, and larger than it was asked for. It keeps its place exactly as long
// as its rooms are as many.
unsafe impl GlobalAlloc for Roomy {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not 0.
        unsafe { System.alloc(Self::rooms(layout)) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: this is how the block was asked for.
        unsafe { System.dealloc(block, Self::rooms(layout)) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new = Layout::from_size_align(size, layout.align()).expect("a valid layout");
        if Self::rooms(new) == Self::rooms(layout) {
            return block;
        }
        // SAFETY: both blocks have as many bytes as are copied, and the new one is fresh.
        unsafe {
            let moved = self.alloc(new);
            moved.copy_from_nonoverlapping(block, layout.size().min(size));
            self.dealloc(block, layout);
            moved
        }
    }
}

/// Copied bytes: as recorded, as they were, and with every reallocation taken for a copy.
pub struct Copies {
    pub recorded: f64,
    pub truth: f64,
    pub standard_error: f64,
    pub if_all_moved: f64,
}

impl Copies {
    /// Whether this many bytes are what was recorded, but for chance.
    pub fn may_be(&self, bytes: f64) -> bool {
        (self.recorded - bytes).abs() <= 4.0 * self.standard_error
    }
}

/// Copied bytes recorded so far.
fn recorded() -> u64 {
    let mut bytes = 0;
    visit_sites(|site| bytes += site.grown.bytes);
    bytes
}

/// Lets a block grow, as often as that.
pub fn grow(alloc: &impl GlobalAlloc, times: usize) -> Copies {
    assert!(set_mode(Mode::with_interval(INTERVAL)));
    let layout = |size| Layout::from_size_align(size, 8).expect("a valid layout");
    let before = recorded();
    for _ in 0..times {
        let mut growing = sizes();
        let mut size = growing.next().expect("there are sizes");
        // SAFETY: no size is 0; the block is live, and has the size that it got last.
        unsafe {
            let mut block = sites::call(0, alloc, Call::Alloc(layout(size)));
            for (step, larger) in growing.enumerate() {
                block.write_bytes(step as u8, size);
                block = sites::call(0, alloc, Call::Realloc(block, layout(size), larger));
                let kept = std::slice::from_raw_parts(block, size);
                assert!(kept == vec![step as u8; size], "content is lost");
                size = larger;
            }
            alloc.dealloc(block, layout(size));
        }
    }
    let recorded = (recorded() - before) as f64;
    let (mut truth, mut variance, mut if_all_moved) = (0.0, 0.0, 0.0);
    for (old, new) in sizes().zip(sizes().skip(1)) {
        let p = -(-(new as f64) / INTERVAL as f64).exp_m1();
        if_all_moved += old as f64;
        if Roomy::rooms(layout(old)) != Roomy::rooms(layout(new)) {
            truth += old as f64;
            variance += (old as f64).powi(2) * (1.0 - p) / p;
        }
    }
    let times = times as f64;
    Copies {
        recorded,
        truth: truth * times,
        standard_error: (variance * times).sqrt(),
        if_all_moved: if_all_moved * times,
    }
}
