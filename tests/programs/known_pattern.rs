//! Allocates a known pattern in four threads, with blocks that other threads free, writes a snapshot, and
//! prints the true counts of each call site:
//!
//! ```text
//! site alloc_blocks alloc_bytes live_blocks live_bytes peak_blocks peak_bytes
//! ```
//!
//! The sites count for themselves, independently of the allocator.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

const THREADS: usize = 4;
const ROUNDS: usize = 3_000;

/// A site's own counts.
struct Truth {
    name: &'static str,
    alloc_blocks: AtomicU64,
    alloc_bytes: AtomicU64,
    freed_blocks: AtomicU64,
    freed_bytes: AtomicU64,
}

impl Truth {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            alloc_blocks: AtomicU64::new(0),
            alloc_bytes: AtomicU64::new(0),
            freed_blocks: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
        }
    }

    fn allocated(&'static self, size: usize) {
        self.alloc_blocks.fetch_add(1, Relaxed);
        self.alloc_bytes.fetch_add(size as u64, Relaxed);
    }

    fn freed(&self, size: usize) {
        self.freed_blocks.fetch_add(1, Relaxed);
        self.freed_bytes.fetch_add(size as u64, Relaxed);
    }

    fn live(&self) -> (u64, u64) {
        (
            self.alloc_blocks.load(Relaxed) - self.freed_blocks.load(Relaxed),
            self.alloc_bytes.load(Relaxed) - self.freed_bytes.load(Relaxed),
        )
    }
}

/// A block with a reference to its site.
struct Block {
    start: *mut u8,
    layout: Layout,
    truth: &'static Truth,
}

// SAFETY: a Block is the only owner of its memory.
unsafe impl Send for Block {}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block was allocated with this layout, and is dropped once.
        unsafe { std::alloc::dealloc(self.start, self.layout) };
        self.truth.freed(self.layout.size());
    }
}

/// Defines a function that allocates, as a call site of its own.
macro_rules! site {
    ($function:ident, $truth:ident, $allocate:ident) => {
        static $truth: Truth = Truth::new(stringify!($function));

        #[inline(never)]
        fn $function(size: usize, align: usize) -> Block {
            assert!(size > 0);
            let layout = Layout::from_size_align(size, align).expect("a valid layout");
            // SAFETY: the size is not 0.
            let start = black_box(unsafe { std::alloc::$allocate(layout) });
            assert!(!start.is_null());
            $truth.allocated(size);
            Block { start, layout, truth: &$truth }
        }
    };
}

site!(site_small, SMALL, alloc);
site!(site_varied, VARIED, alloc);
site!(site_aligned, ALIGNED, alloc);
site!(site_zeroed, ZEROED, alloc_zeroed);
site!(site_large, LARGE, alloc);
site!(site_peak, PEAK, alloc);

static GROWN: Truth = Truth::new("site_grown");

/// Grows a block three times: each step is one block freed and one allocated.
#[inline(never)]
fn site_grown(size: usize) -> Block {
    let mut layout = Layout::from_size_align(size, 8).expect("a valid layout");
    // SAFETY: the size is greater than 0.
    let mut start = unsafe { std::alloc::alloc(layout) };
    GROWN.allocated(size);
    for factor in 2..5 {
        let larger = size * factor;
        // SAFETY: the block is ours with this layout, and the new size is greater than 0.
        start = black_box(unsafe { std::alloc::realloc(start, layout, larger) });
        GROWN.freed(layout.size());
        GROWN.allocated(larger);
        layout = Layout::from_size_align(larger, 8).expect("a valid layout");
    }
    Block { start, layout, truth: &GROWN }
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: known_pattern OUT.pb.gz");
    let kept = run_threads();

    // The peak of the process: nothing else changes while these blocks are live.
    let peak: Vec<Block> = (0..64).map(|_| site_peak(1 << 20, 8)).collect();
    drop(peak);

    highwater::Snapshot::capture().and_then(|snapshot| snapshot.write(path)).expect("a snapshot");
    for truth in [&SMALL, &VARIED, &ALIGNED, &ZEROED, &LARGE, &GROWN, &PEAK] {
        let (live_blocks, live_bytes) = truth.live();
        let (peak_blocks, peak_bytes) =
            if truth.name == "site_peak" { (64, 64 << 20) } else { (live_blocks, live_bytes) };
        println!(
            "{} {} {} {live_blocks} {live_bytes} {peak_blocks} {peak_bytes}",
            truth.name,
            truth.alloc_blocks.load(Relaxed),
            truth.alloc_bytes.load(Relaxed),
        );
    }
    drop(kept);
}

/// Each thread allocates, passes every other block to its neighbour, who frees the block, and keeps every
/// tenth.
fn run_threads() -> Vec<Block> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| sync_channel(64)).unzip();
    let threads: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(number, receiver)| {
            let neighbour = senders[(number + 1) % THREADS].clone();
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || work(number, &neighbour, &receiver))
                .expect("a thread")
        })
        .collect();
    drop(senders);
    threads.into_iter().flat_map(|it| it.join().expect("no panic")).collect()
}

fn work(number: usize, neighbour: &SyncSender<Block>, from_neighbour: &Receiver<Block>) -> Vec<Block> {
    let mut kept = Vec::new();
    for round in 0..ROUNDS {
        let blocks = [
            site_small(24, 8),
            site_small(24, 8),
            site_varied(1 + (round * 37 + number) % 700, 1 << (round % 4)),
            site_aligned(100 + round % 3, 16 << (round % 4)),
            site_zeroed(2_000 + round % 64, 8),
            site_grown(50 + round % 9),
            site_large(if round % 50 == 0 { 300_000 } else { 30_000 }, 8),
        ];
        for (index, block) in blocks.into_iter().enumerate() {
            match (round + index) % 10 {
                0 => kept.push(block),
                // If the channel is full, the block is freed here instead of waiting.
                1..6 => drop(neighbour.try_send(block)),
                _ => drop(block),
            }
        }
        from_neighbour.try_iter().for_each(drop);
    }
    kept
}

/// The allocator must also be usable as a value.
#[allow(dead_code, reason = "it is enough that this compiles")]
fn is_an_allocator() -> impl GlobalAlloc {
    highwater::Alloc::wrapping(std::alloc::System).interval(1 << 20)
}
