//! A normal program with a plain map behind a mutex between itself and the recorder: `prove_reference
//! [forget]`.
//!
//! Every block of the process passes through both: from the first one before `main` to blocks of ending
//! threads. Prints the counts of both:
//!
//! ```text
//! name true counted recorded
//! ```
//!
//! `true` is the count of the map, `counted` the process's exact counts, and `recorded` the sum over all call
//! sites. With `forget`, one block is hidden from the map, which must be noticed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::thread;

use highwater_recorder::{Alloc, counts, visit_sites};

static RECORDER: Alloc = Alloc::new().exact();

#[global_allocator]
static CHECKED: Checked = Checked;

static TRACKER: Mutex<Tracker> =
    Mutex::new(Tracker { live: BTreeMap::new(), alloc_blocks: 0, alloc_bytes: 0, freed_blocks: 0 });

thread_local! {
    /// Whether this thread is allocating for the tracker itself; such blocks are not tracked.
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Sizes of live blocks, and totals.
struct Tracker {
    live: BTreeMap<usize, usize>,
    alloc_blocks: u64,
    alloc_bytes: u64,
    freed_blocks: u64,
}

impl Tracker {
    fn allocated(&mut self, block: *mut u8, size: usize) {
        if !block.is_null() {
            let known = self.live.insert(block.addr(), size);
            assert!(known.is_none(), "an address was handed out twice");
            self.alloc_blocks += 1;
            self.alloc_bytes += size as u64;
        }
    }

    fn freed(&mut self, block: *mut u8, size: usize) {
        assert_eq!(self.live.remove(&block.addr()), Some(size), "a block is freed that is not live");
        self.freed_blocks += 1;
    }

    fn live_bytes(&self) -> u64 {
        self.live.values().map(|&size| size as u64).sum()
    }
}

/// Works with the tracker, whose own memory meanwhile comes from the system.
fn tracked<R>(work: impl FnOnce(&mut Tracker) -> R) -> R {
    IS_OWN.set(true);
    let result = work(&mut TRACKER.lock().expect("a tracker that panicked has ended the process"));
    IS_OWN.set(false);
    result
}

struct Checked;

// SAFETY: every call goes to the recorder, or from within the tracker to the system; what is allocated there
// is freed there. The tracker panics only when the program is to end.
unsafe impl GlobalAlloc for Checked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_OWN.get() {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc(layout) };
        }
        // SAFETY: the caller's promises are passed on.
        let block = unsafe { RECORDER.alloc(layout) };
        tracked(|it| it.allocated(block, layout.size()));
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if IS_OWN.get() {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promises are passed on.
        let block = unsafe { RECORDER.alloc_zeroed(layout) };
        tracked(|it| it.allocated(block, layout.size()));
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if IS_OWN.get() {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.dealloc(block, layout) };
        }
        // Before another thread can get the same address.
        tracked(|it| it.freed(block, layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { RECORDER.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if IS_OWN.get() {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.realloc(block, layout, size) };
        }
        tracked(|it| it.freed(block, layout.size()));
        // SAFETY: the caller's promises are passed on.
        let moved = unsafe { RECORDER.realloc(block, layout, size) };
        assert!(!moved.is_null(), "this program has no business with so much memory");
        tracked(|it| it.allocated(moved, size));
        moved
    }
}

thread_local! {
    /// Freed when its thread ends, after most of the thread's other state.
    static KEPT: Cell<Vec<String>> = const { Cell::new(Vec::new()) };
}

/// Typical allocations: maps, strings, zeroed buffers, aligned values, and blocks that go to other threads.
fn work(thread: usize, send: &std::sync::mpsc::SyncSender<Box<[u8]>>) -> HashMap<String, Vec<u64>> {
    #[repr(align(256))]
    struct Aligned(#[allow(dead_code, reason = "only its alignment counts")] [u8; 300]);
    let mut map = HashMap::new();
    for round in 0..600_usize {
        let values = map.entry(format!("key {}", round * (thread + 3) % 97)).or_insert_with(Vec::new);
        values.extend((0..round as u64 % 13).map(|it| it * 3));
        black_box(Box::new(Aligned([round as u8; 300])));
        // If the channel is full, the block is freed here instead of waiting.
        let _ = send.try_send(vec![0; 1 + round * 61 % 9_000].into_boxed_slice());
        if round % 50 == 0 {
            let mut kept = KEPT.take();
            kept.push(format!("{round} of {thread}"));
            KEPT.set(kept);
        }
    }
    map.retain(|_, values| values.len() % 2 == 0);
    map
}

fn run_threads() -> Vec<HashMap<String, Vec<u64>>> {
    let mut maps = Vec::new();
    for threads in 1..=4 {
        let (send, receive) = sync_channel(100);
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                let send = send.clone();
                thread::spawn(move || work(number, &send))
            })
            .collect();
        drop(send);
        receive.into_iter().for_each(drop);
        maps.extend(workers.into_iter().map(|it| it.join().expect("no thread panics")));
    }
    maps
}

fn main() {
    let kept = run_threads();
    if std::env::args().nth(1).as_deref() == Some("forget") {
        IS_OWN.set(true);
        let layout = Layout::new::<u64>();
        // SAFETY: the size is 8, and the block is used by nobody and never freed.
        black_box(unsafe { RECORDER.alloc(layout) });
        IS_OWN.set(false);
    }
    let rows = tracked(|truth| {
        let counted = counts();
        let mut recorded = [0; 4];
        visit_sites(|site| {
            let values = [site.allocated.blocks, site.allocated.bytes, site.live.blocks, site.live.bytes];
            recorded.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        });
        let freed_bytes = truth.alloc_bytes - truth.live_bytes();
        assert_eq!(truth.alloc_blocks - truth.freed_blocks, truth.live.len() as u64);
        [
            ("alloc_blocks", truth.alloc_blocks, counted.alloc_blocks, recorded[0]),
            ("alloc_bytes", truth.alloc_bytes, counted.alloc_bytes, recorded[1]),
            ("live_blocks", truth.live.len() as u64, counted.live_blocks(), recorded[2]),
            ("live_bytes", truth.live_bytes(), counted.live_bytes(), recorded[3]),
            ("freed_blocks", truth.freed_blocks, counted.freed_blocks, recorded[0] - recorded[2]),
            ("freed_bytes", freed_bytes, counted.freed_bytes, recorded[1] - recorded[3]),
        ]
    });
    for (name, truth, counted, recorded) in rows {
        println!("{name} {truth} {counted} {recorded}");
    }
    drop(kept);
}
