//! Repeats one pattern of allocations many times, each in a scope of its own, and prints the records of each:
//!
//! ```text
//! prove_statistics REPETITIONS THREADS INTERVAL,… SIZE:BLOCKS …
//! scope size interval samples blocks bytes live_blocks live_bytes
//! ```
//!
//! Every second block is freed. Several intervals are changed in turn, many times in every repetition. The
//! first interval has to be in `HIGHWATER`, because otherwise a distance drawn for another interval would be
//! used up first. With threads, each repetition has this many threads of its own, which share the blocks and
//! end. The recorder is the real one. The allocator behind it returns addresses without memory, so that a
//! block of 64 MiB costs as little as one of 16 B.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::ExitCode;
use std::thread;

use highwater_recorder::{Alloc, Mode, scope, set_mode, visit_sites};

/// Bytes that the recorder puts in front of a sampled block.
const MARK: usize = 8;

/// The address of all blocks that are never accessed.
#[repr(align(16))]
struct Nowhere {
    _bytes: [u8; 16],
}

static NOWHERE: Nowhere = Nowhere { _bytes: [0; 16] };

/// Returns memory only for blocks with space for a mark: sizes here are multiples of 16, so blocks with a
/// mark are those with other sizes.
struct Hollow;

impl Hollow {
    /// The layout of the block that is really allocated; `None` if the block needs no memory.
    fn real(layout: Layout) -> Option<Layout> {
        (layout.size() % 16 == MARK).then_some(Layout::new::<Nowhere>())
    }
}

// SAFETY: the blocks are too small for what they say, which is sound only because nobody in this program
// writes to a block: the recorder writes its mark into the first 8 bytes of those that are real.
unsafe impl GlobalAlloc for Hollow {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match Self::real(layout) {
            // SAFETY: the size is 16.
            Some(real) => unsafe { System.alloc(real) },
            None => std::ptr::from_ref(&NOWHERE).cast_mut().cast(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(real) = Self::real(layout) {
            // SAFETY: this is how `alloc` asked for it.
            unsafe { System.dealloc(block, real) };
        }
    }
}

static ALLOC: Alloc<Hollow> = Alloc::wrapping(Hollow);

struct Plan {
    repetitions: usize,
    threads: usize,
    intervals: Vec<u64>,
    /// Sizes of one repetition's blocks, in order.
    sizes: Vec<usize>,
}

impl Plan {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let repetitions = arguments.next()?.parse().ok()?;
        let threads = arguments.next()?.parse().ok()?;
        let intervals =
            arguments.next()?.split(',').map(|it| it.parse().ok()).collect::<Option<Vec<u64>>>()?;
        let mut sizes = Vec::new();
        for part in arguments {
            let (size, blocks) = part.split_once(':')?;
            let (size, blocks): (usize, usize) = (size.parse().ok()?, blocks.parse().ok()?);
            if size == 0 || size % 16 != 0 {
                return None;
            }
            // An even number, so that half of each size is freed.
            sizes.extend(std::iter::repeat_n([size; 2], blocks / 2));
        }
        shuffle(&mut sizes);
        Some(Self { repetitions, threads, intervals, sizes: sizes.concat() })
    }

    fn set_interval(&self, number: usize) {
        assert!(set_mode(Mode::with_interval(self.intervals[number % self.intervals.len()])));
    }
}

fn shuffle<T>(items: &mut [T]) {
    let mut random = 1_u64;
    for last in (1..items.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (random >> 33) as usize % (last + 1));
    }
}

/// Allocates blocks of these sizes and frees every second one, in a scope with the repetition's name.
#[inline(never)]
fn repeat(plan: &Plan, sizes: &[usize], repetition: usize) {
    let _scope = scope::enter(&repetition.to_string());
    allocate(plan, sizes, repetition);
}

fn allocate(plan: &Plan, sizes: &[usize], repetition: usize) {
    // A prime number, so that the changes fall at varying places.
    const BETWEEN_CHANGES: usize = 53;
    for (index, &size) in sizes.iter().enumerate() {
        if plan.intervals.len() > 1 && (index + 1) % BETWEEN_CHANGES == 0 {
            plan.set_interval(repetition + index / BETWEEN_CHANGES);
        }
        let layout = Layout::from_size_align(size, 8).expect("a valid layout");
        // SAFETY: the size is not 0.
        let block = black_box(unsafe { ALLOC.alloc(layout) });
        assert!(!block.is_null());
        if index % 2 == 0 {
            // SAFETY: the block was allocated with this layout.
            unsafe { ALLOC.dealloc(block, layout) };
        }
    }
}

fn run(plan: &Plan) {
    for repetition in 0..plan.repetitions {
        if plan.threads == 0 {
            repeat(plan, &plan.sizes, repetition);
            continue;
        }
        let share = plan.sizes.len().div_ceil(plan.threads).next_multiple_of(2);
        thread::scope(|scope| {
            for sizes in plan.sizes.chunks(share) {
                scope.spawn(move || repeat(plan, sizes, repetition));
            }
        });
    }
}

fn main() -> ExitCode {
    let Some(plan) = Plan::parse(std::env::args().skip(1)) else {
        eprintln!("usage: prove_statistics REPETITIONS THREADS INTERVAL,… SIZE:BLOCKS …");
        return ExitCode::from(2);
    };
    // The first block initialises the recorder. During that, other threads cannot change the interval.
    allocate(&plan, &[16], 0);
    run(&plan);
    visit_sites(|site| {
        let (all, live) = (site.allocated, site.live);
        if !site.scope.is_empty() {
            println!(
                "{} {} {} {} {} {} {} {}",
                site.scope,
                site.block_bytes,
                site.interval_bytes,
                site.samples,
                all.blocks,
                all.bytes,
                live.blocks,
                live.bytes
            );
        }
    });
    ExitCode::SUCCESS
}
