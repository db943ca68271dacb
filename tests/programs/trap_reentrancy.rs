//! An inner allocator that allocates through the global one during a call: a recorder that holds a lock would
//! then wait for itself.
//!
//! It also counts the calls. The recorder makes one additional call for a block that is first sampled when it
//! is resized, and no others.

#[macro_use]
mod trap;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use trap::planted::Planted;
use trap::{Mark, Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc<CallsBack>> =
    Planted::around(highwater::Alloc::wrapping(CallsBack).exact());

const THREADS: usize = 3;
const BLOCKS: usize = 5_000;

static CALLS: AtomicU64 = AtomicU64::new(0);
static REALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static CALLED_BACK: AtomicU64 = AtomicU64::new(0);

site!(site_direct, DIRECT);
site!(site_within, WITHIN);

struct CallsBack;

impl CallsBack {
    fn call_back() {
        thread_local! {
            static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
        }
        if CALLS.fetch_add(1, Relaxed).is_multiple_of(7) && !IS_INSIDE.replace(true) {
            CALLED_BACK.fetch_add(1, Relaxed);
            drop(site_within(40, 8));
            drop(site_within(40, 64));
            IS_INSIDE.set(false);
        }
    }
}

// SAFETY: every call goes to the system's allocator.
unsafe impl GlobalAlloc for CallsBack {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::call_back();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Self::call_back();
        REALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

fn run(path: &str) -> Outcome {
    let mark = Mark::now();
    let calls = CALLS.load(Relaxed);
    let work = || {
        let mut kept = Vec::new();
        for step in 0..BLOCKS {
            let block = site_direct(1 + step % 300, [8, 1, 32, 4096][step % 4]);
            // Every third block stays live and the vector grows, so that realloc is called.
            if step % 3 == 0 {
                kept.push(block);
            }
        }
    };
    let threads: Vec<_> = (0..THREADS).map(|_| thread::spawn(work)).collect();
    work();
    threads.into_iter().for_each(|it| it.join().expect("no panic"));
    let calls = CALLS.load(Relaxed) - calls;
    let counted = mark.since()[0];
    // In exact mode, every block is sampled from the start.
    let reallocations = REALLOCATIONS.load(Relaxed);
    let more = if highwater_recorder::is_complete() { 0 } else { reallocations };
    expect("blocks by calls of the inner allocator", counted, counted.clamp(calls - more, calls))?;
    expect("blocks of the inner allocator's own", WITHIN.totals()[0], 2 * CALLED_BACK.load(Relaxed))?;
    trap::snapshot(path)?;
    DIRECT.print();
    Ok(())
}

fn main() -> ExitCode {
    trap::report(run)
}
