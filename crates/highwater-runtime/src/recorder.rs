//! The recorder as a whole: set up by the first allocation, asked by every one that takes the slow path.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use core::time::Duration;

use crate::capture::Stack;
use crate::config::{Mode, Settings};
use crate::scope;
use crate::site::{self, KnownStack, Origin, Site, Values};
use crate::thread::{self, Slot};
use crate::{aligned, sampler, sys, totals, unwind};

/// No allocation has been seen yet.
const FRESH: u8 = 0;
/// One thread is setting the recorder up; whatever else is allocated meanwhile is counted, but not recorded.
const STARTING: u8 = 1;
const READY: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(FRESH);

/// The sampling interval in force, in bytes: 0 when nothing is recorded, 1 when everything is.
static INTERVAL: AtomicU64 = AtomicU64::new(0);

/// The interval in force when something was last recorded: `INTERVAL`, unless that is 0.
static LAST_INTERVAL: AtomicU64 = AtomicU64::new(0);

/// Every block since the start was recorded.
static IS_COMPLETE: AtomicBool = AtomicBool::new(false);

/// When the recorder was set up, on the system's monotonic clock.
static STARTED_NS: AtomicU64 = AtomicU64::new(0);

/// Sets the recorder up if that has not been done.
fn start(settings: Settings) {
    if !sys::SUPPORTED
        || STATE.load(Ordering::Acquire) != FRESH
        || STATE.compare_exchange(FRESH, STARTING, Ordering::Acquire, Ordering::Relaxed).is_err()
    {
        return;
    }
    let settings = match sys::environment(c"HIGHWATER").map_or(Ok(settings), |it| settings.overridden(it)) {
        Ok(settings) => settings,
        Err(part) => {
            complain(part);
            settings
        }
    };
    IS_COMPLETE.store(settings.mode == Mode::Exact, Ordering::Relaxed);
    put_in_force(settings.mode);
    STARTED_NS.store(sys::monotonic_ns(), Ordering::Relaxed);
    thread::EXIT_HOOK.install(thread::detach);
    unwind::start();
    sys::at_fork(aligned::before_fork, aligned::after_fork);
    STATE.store(READY, Ordering::Release);
}

fn put_in_force(mode: Mode) {
    let interval_bytes = mode.interval_bytes().unwrap_or(0);
    if interval_bytes != 0 {
        LAST_INTERVAL.store(interval_bytes, Ordering::Relaxed);
    }
    INTERVAL.store(interval_bytes, Ordering::Relaxed);
}

/// The sampling interval in force, in bytes: 0 when nothing is recorded, 1 when everything is.
pub(crate) fn interval_bytes() -> u64 {
    INTERVAL.load(Ordering::Relaxed)
}

/// Says on standard error, in one write, that a part of the environment's setting is not understood.
fn complain(part: &[u8]) {
    let mut line = [0; 256];
    let mut length = 0;
    let pieces: [&[u8]; 3] = [
        b"highwater: ignoring HIGHWATER, because '",
        &part[..part.len().min(80)],
        b"' is not understood (use interval:64KiB, exact or off); the built-in setting stays\n",
    ];
    for byte in pieces.into_iter().flatten() {
        line[length] = *byte;
        length += 1;
    }
    sys::write_to_stderr(&line[..length]);
}

/// What the slow path found about one allocation.
pub(crate) struct Verdict {
    slot: Option<&'static Slot>,
    /// The sampling interval that hit the block; 0 when it is not sampled.
    interval_bytes: u64,
}

/// Decides whether a block of `size` bytes is sampled. Counts nothing: the allocation may still fail.
pub(crate) fn decide(size: usize, settings: Settings) -> Verdict {
    start(settings);
    if STATE.load(Ordering::Acquire) != READY {
        return Verdict { slot: None, interval_bytes: 0 };
    }
    let in_force = interval_bytes();
    let slot = thread::attached(in_force);
    let interval_bytes = match slot {
        Some(slot) => slot.decide(size, in_force),
        // A thread that is ending has no countdown any more, but exact mode leaves nothing out.
        None => u64::from(in_force == 1),
    };
    Verdict { slot, interval_bytes }
}

impl Verdict {
    pub(crate) fn is_sampled(&self) -> bool {
        self.interval_bytes != 0
    }

    /// The site of the calling stack for a block of `size` bytes. `None` when the sample is lost.
    pub(crate) fn site(&self, size: usize) -> Option<&'static Site> {
        let find = || {
            let stack = self.stack()?;
            let origin = Origin { thread: self.slot.and_then(Slot::name), scope: scope::current() };
            let site = Site::of(stack, size as u64, self.interval_bytes, origin)?;
            if stack.is_truncated() {
                totals::TRUNCATED.fetch_add(1, Ordering::Relaxed);
            }
            Some(site)
        };
        let site = match self.slot {
            Some(slot) => slot.guarded(find),
            None => find(),
        };
        if site.is_none() {
            count_dropped();
        }
        site
    }

    /// The calling stack. To be called in [`Slot::guarded`], which the thread's memory of stacks relies on.
    #[inline(always)]
    fn stack(&self) -> Option<KnownStack> {
        // Sampled stacks hardly ever repeat soon enough to be worth remembering.
        if self.interval_bytes == 1
            && let Some(memo) = self.slot.and_then(Slot::memo)
        {
            return memo.stack();
        }
        let mut stack = Stack::new();
        stack.capture();
        KnownStack::of(&stack)
    }

    /// Counts the block, which has now been allocated.
    pub(crate) fn count(&self, size: usize) {
        match self.slot {
            Some(slot) => slot.count_decided(size),
            None => thread::count_orphan_alloc(size),
        }
    }
}

/// Counts a sample that is lost.
pub(crate) fn count_dropped() {
    totals::DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// Counts a freed block and reports the process's live bytes.
#[cold]
pub(crate) fn count_free_slowly(size: usize) {
    thread::count_free_slowly(size, interval_bytes());
}

/// Whether this platform can be recorded on.
pub fn is_supported() -> bool {
    sys::SUPPORTED
}

/// How long recording has been going on: since the first allocation of the process, which comes before `main`.
pub fn running() -> Duration {
    Duration::from_nanos(sys::monotonic_ns().saturating_sub(STARTED_NS.load(Ordering::Relaxed)))
}

/// What is being recorded; `None` as long as no allocation has come through an [`Alloc`](crate::Alloc).
pub fn mode() -> Option<Mode> {
    (STATE.load(Ordering::Acquire) == READY).then(|| match interval_bytes() {
        0 => Mode::Off,
        interval_bytes => Mode::with_interval(interval_bytes),
    })
}

/// Changes what is recorded from now on. A thread takes the change up when its current wait for a sample ends, when it
/// has freed 64 KiB more than it allocated, or, if recording was off, when it has allocated 1 MiB; whichever
/// is first. A sample keeps the interval that drew it. False, with nothing changed, as long as no allocation has come
/// through an [`Alloc`](crate::Alloc).
pub fn set_mode(mode: Mode) -> bool {
    if STATE.load(Ordering::Acquire) != READY {
        return false;
    }
    if mode != Mode::Exact {
        IS_COMPLETE.store(false, Ordering::Relaxed);
    }
    put_in_force(mode);
    true
}

/// The sampling interval of what was recorded last, in bytes: that in force, or when recording is off, the one before.
/// 0 when nothing was ever recorded.
pub fn last_interval_bytes() -> u64 {
    LAST_INTERVAL.load(Ordering::Relaxed)
}

/// Whether every block was recorded since the process started.
pub fn is_complete() -> bool {
    IS_COMPLETE.load(Ordering::Relaxed)
}

/// One call site, scaled up from its samples.
#[derive(Clone, Copy, Debug)]
pub struct SiteTotals {
    /// Call-site addresses, leaf first. They begin inside the recorder itself.
    pub stack: &'static [usize],
    /// Name of the thread that allocated, as the system gives it; empty when it has none.
    pub thread: &'static [u8],
    /// Scopes that the allocating thread was in, outermost first, separated by `/`; empty outside of any.
    pub scope: &'static str,
    /// The sampling interval that drew the samples, in bytes; 1 where all blocks were recorded.
    pub interval_bytes: u64,
    /// Size of the blocks; in exact mode their mean.
    pub block_bytes: u64,
    /// Samples taken, not scaled.
    pub samples: u64,
    /// All blocks allocated so far.
    pub allocated: Values,
    /// Blocks not yet freed.
    pub live: Values,
    /// Blocks that were live when the process had most bytes live.
    pub at_peak: Values,
}

/// Calls `visit` for every site. Blocks no allocating thread; what is allocated meanwhile may or may not be seen.
pub fn visit_sites(mut visit: impl FnMut(SiteTotals)) {
    for site in site::all() {
        let at_peak = site.at_peak();
        let freed = site.freed();
        let allocated = site.allocated();
        if allocated.blocks == 0 {
            continue;
        }
        let live = allocated.less(freed);
        let block_bytes = (allocated.bytes + allocated.blocks / 2) / allocated.blocks;
        let scale = 1.0 / sampler::probability(block_bytes, site.interval_bytes());
        visit(SiteTotals {
            stack: site.stack(),
            thread: site.thread(),
            scope: site.scope(),
            interval_bytes: site.interval_bytes(),
            block_bytes,
            samples: allocated.blocks,
            allocated: scaled(allocated, scale),
            live: scaled(live, scale),
            at_peak: scaled(at_peak, scale),
        });
    }
}

/// Every sample of a site has the same weight, so scaling the sums is scaling each sample by itself.
fn scaled(values: Values, scale: f64) -> Values {
    if scale == 1.0 {
        // Not through f64, which holds 53 bits: exact mode is exact.
        return values;
    }
    Values {
        blocks: (values.blocks as f64 * scale).round() as u64,
        bytes: (values.bytes as f64 * scale).round() as u64,
    }
}

/// Calls `visit` for every executable mapping of the program and its libraries, the program first.
pub fn visit_modules(mut visit: impl FnMut(sys::Module<'_>)) {
    sys::visit_modules(&mut visit);
}
