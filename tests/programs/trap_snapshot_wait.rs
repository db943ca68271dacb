//! The longest wait of an allocating thread during a snapshot of 100,000 live samples, each of a different
//! site.
//!
//! Prints the longest wait during each snapshot: of all allocations, and of allocations without a preemption,
//! which say more on a busy machine. A recorder that stops allocations does so each time, so the best of
//! several snapshots counts.

#[macro_use]
mod trap;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use highwater::Snapshot;
use trap::planted::{Planted, around_snapshot};
use trap::{Block, Outcome};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc> = Planted::around(highwater::Alloc::new().interval(16));

const SAMPLES: usize = 100_000;
const SNAPSHOTS: usize = 8;

/// Far above the recorder's own part, and far below the time for copying the sites in this build.
const LONGEST_OWN_WAIT: Duration = Duration::from_millis(5);

/// Largest share of a snapshot's time that an allocation may take, for any reason.
const LARGEST_SHARE: f64 = 0.5;

site!(site_live, LIVE);
site!(site_busy, BUSY);

/// Waits until the current allocation has ended, so that its wait is known.
fn next_allocation() {
    let steps = STEPS.load(Relaxed);
    while STEPS.load(Relaxed) < steps + 2 {
        thread::yield_now();
    }
}

/// One of 1024 stacks: each bit of `path` chooses a function.
fn descend(path: usize, depth: usize, bytes: usize) -> Block {
    #[inline(never)]
    fn left(path: usize, depth: usize, bytes: usize) -> Block {
        std::hint::black_box(descend(path, depth, bytes))
    }
    #[inline(never)]
    fn right(path: usize, depth: usize, bytes: usize) -> Block {
        std::hint::black_box(descend(path, depth, bytes))
    }
    match depth {
        0 => site_live(bytes, 8),
        _ if path >> depth & 1 == 0 => left(path, depth - 1, bytes),
        _ => right(path, depth - 1, bytes),
    }
}

static STOP: AtomicBool = AtomicBool::new(false);
static STEPS: AtomicU64 = AtomicU64::new(0);
static LONGEST_NS: AtomicU64 = AtomicU64::new(0);
static LONGEST_OWN_NS: AtomicU64 = AtomicU64::new(0);

/// The number of preemptions of the calling thread.
fn preemptions() -> i64 {
    // SAFETY: the result is valid when zeroed, and there is space for it.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &mut usage);
        usage.ru_nivcsw
    }
}

fn allocate() {
    let mut before = preemptions();
    for step in 0_usize.. {
        let begin = Instant::now();
        drop(site_busy(1 + step % 100, [8, 64][step % 2]));
        let wait = begin.elapsed().as_nanos() as u64;
        let after = preemptions();
        LONGEST_NS.fetch_max(wait, Relaxed);
        if before == after {
            LONGEST_OWN_NS.fetch_max(wait, Relaxed);
        }
        before = after;
        STEPS.fetch_add(1, Relaxed);
        if STOP.load(Relaxed) {
            return;
        }
    }
}

fn run(path: &str) -> Outcome {
    let mut live = Vec::new();
    for step in 0.. {
        live.push(descend((step % 1024) << 1, 10, 64 + step / 1024));
        if step >= SAMPLES + SAMPLES / 50 {
            break;
        }
    }
    let busy = thread::spawn(allocate);
    let (mut least_own, mut least_share) = (Duration::MAX, f64::MAX);
    for _ in 0..SNAPSHOTS {
        next_allocation();
        [&LONGEST_NS, &LONGEST_OWN_NS].iter().for_each(|it| it.store(0, Relaxed));
        let begin = Instant::now();
        let snapshot = around_snapshot(Snapshot::capture).map_err(|it| it.to_string())?;
        let took = begin.elapsed();
        next_allocation();
        let [longest, own] = [&LONGEST_NS, &LONGEST_OWN_NS].map(|it| Duration::from_nanos(it.load(Relaxed)));
        println!(
            "a snapshot took {took:?}; the longest allocation meanwhile {longest:?}, not preempted {own:?}"
        );
        least_own = least_own.min(own);
        least_share = least_share.min(longest.as_secs_f64() / took.as_secs_f64());
        drop(snapshot);
    }
    STOP.store(true, Relaxed);
    busy.join().map_err(|_| "the allocating thread panicked")?;
    trap::snapshot(path)?;
    drop(live);
    if least_own < LONGEST_OWN_WAIT && least_share < LARGEST_SHARE {
        return Ok(());
    }
    Err(format!(
        "allocations wait for snapshots: at the best {least_own:?}, and {least_share:.2} of the time"
    ))
}

fn main() -> ExitCode {
    trap::report(run)
}
