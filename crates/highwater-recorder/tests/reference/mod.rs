//! Random sequences of allocations by one to four threads, given to the recorder and to a tracker that is
//! obviously correct. The allocator is a value here, not the program's own, so the recorder sees what the
//! steps do and nothing else, and everything it counted can be compared.
#![allow(dead_code, reason = "each of the tests uses a part")]

pub mod growth;
pub mod sites;
mod tracker;
pub mod turns;

use std::alloc::{GlobalAlloc, Layout};
use std::sync::Mutex;
use std::thread;

use highwater_recorder::{Counts, Mode, counts, set_mode};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, RngSeed};

use sites::{Call, PEDESTAL, Reader, Rows, SITES};
use tracker::Tracker;

const SLOTS: usize = 48;

/// Bytes at both ends of a block that are written and looked at again.
const CHECKED: usize = 512;

/// The largest block that a step may allocate to reach the peak.
const MAX_LEVEL: u64 = 256 << 20;

/// One step of a thread.
#[derive(Clone, Debug)]
enum Step {
    /// Allocates into a slot; what was there before is freed, allocated by any thread.
    Put { slot: usize, site: usize, size: usize, align: usize, zeroed: bool },
    /// Resizes what is in a slot.
    Resize { slot: usize, site: usize, size: usize },
    /// Allocates into a slot what is missing to the highest number of bytes ever live, but not more.
    Level { slot: usize, site: usize },
    /// Frees what is in a slot.
    Free { slot: usize },
    /// Changes what is recorded.
    Switch(Mode),
}

/// A sequence: which thread takes which step.
#[derive(Clone, Debug)]
pub struct Case {
    threads: usize,
    steps: Vec<(usize, Step)>,
    /// Lifts the live bytes before the first step to this many below the highest ever, so that the steps make
    /// a peak.
    below_peak: Option<u64>,
}

/// Sizes from 1 B to 1 MiB, equally many of every order of magnitude.
fn sizes() -> impl Strategy<Value = usize> {
    (0.0..=20.0_f64).prop_map(|exponent| exponent.exp2() as usize)
}

fn steps() -> impl Strategy<Value = Step> {
    let (slot, site) = (0..SLOTS, 0..PEDESTAL);
    // Most programs ask for 1 to 8.
    let align = prop_oneof![3 => 0..=3_u32, 2 => 4..=13_u32].prop_map(|exponent| 1_usize << exponent);
    prop_oneof![
        5 => (slot.clone(), site.clone(), sizes(), align, any::<bool>())
            .prop_map(|(slot, site, size, align, zeroed)| Step::Put { slot, site, size, align, zeroed }),
        3 => (slot.clone(), site.clone(), sizes()).prop_map(|(slot, site, size)| Step::Resize { slot, site, size }),
        1 => (slot.clone(), site).prop_map(|(slot, site)| Step::Level { slot, site }),
        2 => slot.prop_map(|slot| Step::Free { slot }),
    ]
}

/// Changes of what is recorded, a few in a hundred steps.
fn switches() -> impl Strategy<Value = Step> {
    let modes = [0, 1, 64, 4096, 512 * 1024].map(|interval| match interval {
        0 => Mode::Off,
        interval => Mode::with_interval(interval),
    });
    prop::sample::select(modes.to_vec()).prop_map(Step::Switch)
}

/// Any sequence in one mode.
pub fn cases() -> impl Strategy<Value = Case> {
    cases_of(steps())
}

/// Any sequence with changes of mode in between.
pub fn switching_cases() -> impl Strategy<Value = Case> {
    cases_of(prop_oneof![1 => switches(), 20 => steps()])
}

fn cases_of(steps: impl Strategy<Value = Step>) -> impl Strategy<Value = Case> {
    let below_peak = prop_oneof![
        2 => (0..1_u64 << 20).prop_map(Some),
        1 => Just(Some(0)),
        1 => Just(None),
    ];
    let threads = prop_oneof![2 => Just(1_usize), 3 => 2..=4_usize];
    (threads, prop::collection::vec((0..4_usize, steps), 1..160), below_peak)
        .prop_map(|(threads, steps, below_peak)| Case { threads, steps, below_peak })
}

/// A live block, and what it was filled with.
struct Block {
    start: *mut u8,
    layout: Layout,
    fill: u8,
}

// SAFETY: a Block is the only owner of its memory.
unsafe impl Send for Block {}

impl Block {
    /// The parts of the block that are written and looked at again.
    fn ends(&self, size: usize) -> [&'static mut [u8]; 2] {
        let length = size.min(CHECKED);
        // SAFETY: both lie within the block, which is initialised there and exists until its next step; the
        // two are not used at once.
        [0, size - length].map(|at| unsafe { std::slice::from_raw_parts_mut(self.start.add(at), length) })
    }

    fn fill(&self) {
        self.ends(self.layout.size()).into_iter().for_each(|end| end.fill(self.fill));
    }

    /// That the first `size` bytes are still what they were filled with.
    fn check_start(&self, size: usize) {
        let length = size.min(CHECKED);
        assert!(self.ends(size)[0][..length].iter().all(|&byte| byte == self.fill), "content is lost");
    }

    fn check(&self) {
        let size = self.layout.size();
        assert!(
            self.ends(size).iter().all(|end| end.iter().all(|&byte| byte == self.fill)),
            "content is lost"
        );
    }
}

/// What the threads of a case share.
struct Shared<'a, A> {
    alloc: &'a A,
    tracker: Mutex<Tracker>,
    slots: [Mutex<Option<Block>>; SLOTS],
}

impl<A: GlobalAlloc> Shared<'_, A> {
    fn tracker(&self) -> std::sync::MutexGuard<'_, Tracker> {
        self.tracker.lock().expect("no thread panics with the tracker in its hands")
    }

    fn take(&self, slot: usize) -> Option<Block> {
        self.slots[slot].lock().expect("nothing panics in there").take()
    }

    /// Leaves a block in a slot, and frees what another thread has left there.
    fn put(&self, slot: usize, block: Block) {
        let previous = self.slots[slot].lock().expect("nothing panics in there").replace(block);
        previous.into_iter().for_each(|it| self.free(it));
    }

    fn allocate(&self, site: usize, layout: Layout, zeroed: bool) -> *mut u8 {
        let call = if zeroed { Call::Zeroed(layout) } else { Call::Alloc(layout) };
        // SAFETY: no size is 0.
        let start = unsafe { sites::call(site, self.alloc, call) };
        assert!(!start.is_null() && start.addr().is_multiple_of(layout.align()), "{layout:?}: {start:?}");
        self.tracker().allocated(start, site, layout.size());
        start
    }

    fn free(&self, block: Block) {
        block.check();
        // The address may be another's as soon as the allocator has it back.
        self.tracker().freed(block.start);
        // SAFETY: the block is live, and has this layout.
        unsafe { self.alloc.dealloc(block.start, block.layout) };
    }

    fn run(&self, step: &Step, fill: u8) {
        match *step {
            Step::Switch(mode) => {
                set_mode(mode);
            }
            Step::Free { slot } => self.take(slot).into_iter().for_each(|it| self.free(it)),
            Step::Level { slot, site } => {
                self.take(slot).into_iter().for_each(|it| self.free(it));
                let missing = self.tracker().counts;
                let missing = missing.peak_bytes.saturating_sub(missing.live_bytes());
                if (1..MAX_LEVEL).contains(&missing) {
                    self.run(
                        &Step::Put { slot, site, size: missing as usize, align: 8, zeroed: false },
                        fill,
                    );
                }
            }
            Step::Put { slot, site, size, align, zeroed } => {
                self.take(slot).into_iter().for_each(|it| self.free(it));
                let layout = Layout::from_size_align(size, align).expect("a valid layout");
                let block = Block { start: self.allocate(site, layout, zeroed), layout, fill };
                if zeroed {
                    assert!(
                        block.ends(size).iter().all(|end| end.iter().all(|&byte| byte == 0)),
                        "not zeroed"
                    );
                }
                block.fill();
                self.put(slot, block);
            }
            Step::Resize { slot, site, size } => {
                let Some(old) = self.take(slot) else { return };
                old.check();
                self.tracker().freed(old.start);
                // SAFETY: the block is live, has this layout, and the size is not 0 and far from isize::MAX.
                let start =
                    unsafe { sites::call(site, self.alloc, Call::Realloc(old.start, old.layout, size)) };
                assert!(!start.is_null() && start.addr().is_multiple_of(old.layout.align()));
                self.tracker().allocated(start, site, size);
                let kept = size.min(old.layout.size()).min(CHECKED);
                let layout = Layout::from_size_align(size, old.layout.align()).expect("a valid layout");
                let block = Block { start, layout, fill: old.fill };
                block.check_start(kept);
                let block = Block { fill, ..block };
                block.fill();
                self.put(slot, block);
            }
        }
    }
}

/// How much of a peak one thread may miss unless everything is recorded, in bytes.
const ROOM: u64 = Counts::HELD_BACK_BYTES;

/// Runs cases, and compares after each.
pub struct Runner<A: 'static> {
    alloc: &'static A,
    reader: Reader,
}

/// What was recorded and what should have been.
pub struct Outcome {
    pub single_thread: bool,
    pub recorded: [Rows; SITES],
    pub expected: [Rows; SITES],
    /// What was recorded before the case.
    pub before: [Rows; SITES],
    /// What is recorded when the case has freed everything.
    pub emptied: [Rows; SITES],
    /// The process's own counts were right, before and after everything was freed. They are exact in every
    /// mode.
    pub is_counted: bool,
}

impl Outcome {
    /// Whether the case went higher than the process ever had.
    pub fn has_new_peak(&self) -> bool {
        self.expected.iter().zip(&self.before).any(|(it, before)| it.at_peak != before.at_peak)
    }
}

impl Case {
    pub fn length(&self) -> usize {
        self.steps.len()
    }
}

impl<A: GlobalAlloc + Sync> Runner<A> {
    pub fn new(alloc: &'static A) -> Self {
        // The first allocation of a process sets the recorder up, and comes before there are other threads:
        // what those allocated meanwhile would not be recorded.
        let layout = Layout::new::<u64>();
        // SAFETY: the size is not 0, and the block is given back as it was asked for.
        unsafe { alloc.dealloc(sites::call(PEDESTAL, alloc, sites::Call::Alloc(layout)), layout) };
        Self { alloc, reader: Reader::default() }
    }

    /// Runs a case.
    pub fn run(&mut self, case: &Case) -> Outcome {
        let before = self.reader.read();
        let counts_before = counts();
        let shared = Shared {
            alloc: self.alloc,
            tracker: Mutex::new(Tracker::new(before, counts_before)),
            slots: [const { Mutex::new(None) }; SLOTS],
        };
        let room = counts_before.peak_bytes - counts_before.live_bytes();
        let pedestal =
            case.below_peak.and_then(|below| room.checked_sub(below)).filter(|&it| it > 0).map(|it| {
                let layout = Layout::from_size_align(it as usize, 8).expect("a valid layout");
                (shared.allocate(PEDESTAL, layout, false), layout)
            });

        run_steps(case, &shared);

        let (recorded, counted) = (self.reader.read(), counts());
        let expected = shared.tracker().rows;
        let mut truth = shared.tracker().counts;
        // These say how the recorder fares, which the tracker does not know.
        truth.overhead_bytes = counted.overhead_bytes;
        if case.threads > 1 && counted.peak_bytes >= counts_before.peak_bytes.max(counted.live_bytes()) {
            // How high several threads came together nobody can tell.
            truth.peak_bytes = counted.peak_bytes;
        }
        let missed = truth.peak_bytes.saturating_sub(counted.peak_bytes);
        if !highwater_recorder::is_complete() && missed <= ROOM {
            truth.peak_bytes = counted.peak_bytes.min(truth.peak_bytes);
        }
        if counted != truth {
            eprintln!("counted {counted:?}, true {truth:?}");
        }

        (0..SLOTS).filter_map(|slot| shared.take(slot)).for_each(|it| shared.free(it));
        if let Some((start, layout)) = pedestal {
            shared.tracker().freed(start);
            // SAFETY: the block is live, and has this layout.
            unsafe { self.alloc.dealloc(start, layout) };
        }
        let is_counted = counted == truth && counts().live_bytes() == counts_before.live_bytes();
        let emptied = self.reader.read();
        Outcome { single_thread: case.threads == 1, recorded, expected, before, emptied, is_counted }
    }
}

fn run_steps<A: GlobalAlloc + Sync>(case: &Case, shared: &Shared<'_, A>) {
    let run = |thread: usize| {
        for (index, (_, step)) in
            case.steps.iter().enumerate().filter(|(_, (it, _))| it % case.threads == thread)
        {
            shared.run(step, index as u8 | 1);
        }
    };
    if case.threads == 1 {
        return run(0);
    }
    thread::scope(|scope| {
        let threads: Vec<_> = (0..case.threads).map(|thread| scope.spawn(move || run(thread))).collect();
        for each in threads {
            each.join().expect("no thread panics");
        }
    });
}

/// How the sequences are generated: many, the same in every run, and kept in no file, since a failure prints
/// the shortest one it finds.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 200,
        max_shrink_iters: 400,
        failure_persistence: None,
        // As quick as it is simple: what is built for tests is not optimised.
        rng_algorithm: RngAlgorithm::XorShift,
        rng_seed: RngSeed::Fixed(13),
        ..ProptestConfig::default()
    }
}
