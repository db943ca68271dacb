//! Threads that take turns, so that it is known at every moment what is live: for the peak, which must be
//! right within what threads hold back, whatever the sizes, the mode, and whether a thread goes on, waits for
//! ever or ends.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope};

use highwater_recorder::{Counts, Mode, counts, set_mode};
use proptest::prelude::*;

use super::sites::{self, Call, PEDESTAL, Reader, Rows, SITES};

const SLOTS: usize = 12;

/// What a thread does when it is its turn.
#[derive(Clone, Debug)]
enum Turn {
    /// Allocates into a slot; what was there is freed first.
    Put { slot: usize, site: usize, size: usize, align: usize },
    /// Resizes what is in a slot.
    Resize { slot: usize, site: usize, size: usize },
    /// Frees what is in a slot, allocated by any thread.
    Free { slot: usize },
    /// Ends. Another thread takes its place.
    End,
    /// Changes what is recorded.
    Switch(Mode),
}

/// A sequence: whose turn it is, and what for. A thread whose turns are over waits until the end.
#[derive(Clone, Debug)]
pub struct Game {
    mode: Mode,
    threads: usize,
    turns: Vec<(usize, Turn)>,
    /// Lifts the live bytes to this many below the highest ever first.
    below_peak: u64,
}

/// Everything, one in 64 bytes to 64 MiB, or nothing.
fn modes() -> impl Strategy<Value = Mode> {
    let modes = [0, 1, 64, 4096, 512 << 10, 64 << 20].map(|interval| match interval {
        0 => Mode::Off,
        interval => Mode::with_interval(interval),
    });
    prop::sample::select(modes.to_vec())
}

/// Any sequence with blocks of 1 B to 512 MiB, equally many of every order of magnitude.
pub fn games() -> impl Strategy<Value = Game> {
    let size = || (0.0..=29.0_f64).prop_map(|exponent| exponent.exp2() as usize);
    let (slot, site) = (0..SLOTS, 0..PEDESTAL);
    let align = prop_oneof![5 => Just(8_usize), 1 => Just(64_usize)];
    let turn = prop_oneof![
        40 => (slot.clone(), site.clone(), size(), align)
            .prop_map(|(slot, site, size, align)| Turn::Put { slot, site, size, align }),
        12 => (slot.clone(), site, size()).prop_map(|(slot, site, size)| Turn::Resize { slot, site, size }),
        40 => slot.prop_map(|slot| Turn::Free { slot }),
        6 => Just(Turn::End),
        2 => modes().prop_map(Turn::Switch),
    ];
    let turns = prop::collection::vec((0..4_usize, turn), 1..80);
    // Only where everything is recorded can rows be compared.
    let mode = prop_oneof![1 => Just(Mode::Exact), 2 => modes()];
    (mode, 1..=4_usize, turns, prop_oneof![Just(0), 0..1_u64 << 28])
        .prop_map(|(mode, threads, turns, below_peak)| Game { mode, threads, turns, below_peak })
}

/// A block, which any thread may free.
#[derive(Clone, Copy)]
struct Block {
    start: *mut u8,
    layout: Layout,
    site: usize,
}

enum Job {
    Call(usize, Call),
    Free(Block),
}

/// What goes from thread to thread.
struct Sent<T>(T);

// SAFETY: one thread at a time has a turn, and nobody reads or writes the blocks.
unsafe impl<T> Send for Sent<T> {}

/// A thread that does what it is asked for, and otherwise waits.
struct Worker<'scope> {
    jobs: Sender<Sent<Job>>,
    done: Receiver<Sent<*mut u8>>,
    thread: thread::ScopedJoinHandle<'scope, ()>,
}

impl<'scope> Worker<'scope> {
    fn start<A: GlobalAlloc + Sync>(scope: &'scope Scope<'scope, '_>, alloc: &'scope A) -> Self {
        let (jobs, todo) = channel::<Sent<Job>>();
        let (results, done) = channel();
        let thread = scope.spawn(move || {
            for Sent(job) in todo {
                let result = match job {
                    // SAFETY: no size is 0, and a block that is resized is live and has this layout.
                    Job::Call(site, call) => unsafe { sites::call(site, alloc, call) },
                    Job::Free(block) => {
                        // SAFETY: the block is live and has this layout.
                        unsafe { alloc.dealloc(block.start, block.layout) };
                        block.start
                    }
                };
                results.send(Sent(result)).expect("somebody waits for it");
            }
        });
        Self { jobs, done, thread }
    }

    fn take_turn(&self, job: Job) -> *mut u8 {
        self.jobs.send(Sent(job)).expect("it waits for a job");
        self.done.recv().expect("it does the job").0
    }

    fn end(self) {
        drop(self.jobs);
        self.thread.join().expect("it does not panic");
    }
}

/// What was live, after each step.
struct History {
    live: [Rows; SITES],
    /// Live bytes, and the live bytes of each site.
    moments: Vec<(u64, [Rows; SITES])>,
}

impl History {
    fn note(&mut self) {
        let bytes = self.live.iter().map(|it| it.live.bytes).sum();
        self.moments.push((bytes, self.live));
    }

    fn allocated(&mut self, site: usize, size: usize) {
        self.live[site].live.blocks += 1;
        self.live[site].live.bytes += size as u64;
        self.note();
    }

    fn freed(&mut self, block: &Block) {
        self.live[block.site].live.blocks -= 1;
        self.live[block.site].live.bytes -= block.layout.size() as u64;
        self.note();
    }
}

/// What was recorded, and what was true.
pub struct Result {
    bound: u64,
    recorded_peak: u64,
    true_peak: u64,
    /// The rows of the peak, if everything was recorded and the peak is this game's: blocks and bytes of each
    /// site.
    rows: Option<[Rows; SITES]>,
    moments: Vec<(u64, [Rows; SITES])>,
    /// Nothing was left when everything was freed.
    is_emptied: bool,
}

impl Result {
    /// Whether the game made a peak whose rows can be compared.
    pub fn has_rows(&self) -> bool {
        self.rows.is_some()
    }

    /// What is wrong, if anything is.
    pub fn check(&self) -> std::result::Result<(), String> {
        let Self { bound, recorded_peak, true_peak, .. } = *self;
        if recorded_peak.abs_diff(true_peak) > bound {
            return Err(format!(
                "a peak of {recorded_peak} is recorded, {true_peak} is true; {bound} are allowed"
            ));
        }
        if !self.is_emptied {
            return Err("bytes are live though everything was freed".to_owned());
        }
        let Some(rows) = &self.rows else { return Ok(()) };
        // All rows belong to one moment. Its live bytes are at most what threads held back below the peak.
        let is_it = |&(bytes, live): &(u64, [Rows; SITES])| {
            bytes + bound >= true_peak && live.iter().zip(rows).all(|(live, row)| live.live == row.at_peak)
        };
        if self.moments.iter().any(is_it) {
            return Ok(());
        }
        Err(format!("at the peak of {true_peak} were {:?}", rows.map(|it| it.at_peak)))
    }
}

/// Plays a game. Everything is freed at the end.
pub fn play<A: GlobalAlloc + Sync>(alloc: &'static A, reader: &mut Reader, game: &Game) -> Result {
    assert!(set_mode(game.mode));
    let before = counts();
    let mut history = History { live: [Rows::default(); SITES], moments: Vec::new() };
    let mut slots = [None::<Block>; SLOTS];
    let mut is_exact = game.mode == Mode::Exact;
    let (recorded, rows) = thread::scope(|scope| {
        let mut workers: Vec<_> = (0..game.threads).map(|_| Worker::start(scope, alloc)).collect();
        let put = |worker: &Worker<'_>, history: &mut History, site: usize, layout: Layout| {
            let start = worker.take_turn(Job::Call(site, Call::Alloc(layout)));
            assert!(!start.is_null(), "no memory for {layout:?}");
            history.allocated(site, layout.size());
            Block { start, layout, site }
        };
        let free = |worker: &Worker<'_>, history: &mut History, block: Block| {
            worker.take_turn(Job::Free(block));
            history.freed(&block);
        };
        let missing = (before.peak_bytes - before.live_bytes()).saturating_sub(game.below_peak);
        let pedestal = (missing > 0).then(|| {
            let layout = Layout::from_size_align(missing as usize, 8).expect("a valid layout");
            put(&workers[0], &mut history, PEDESTAL, layout)
        });
        for (thread, turn) in &game.turns {
            let thread = thread % game.threads;
            let worker = &workers[thread];
            match *turn {
                Turn::Put { slot, site, size, align } => {
                    slots[slot].take().into_iter().for_each(|it| free(worker, &mut history, it));
                    let layout = Layout::from_size_align(size, align).expect("a valid layout");
                    slots[slot] = Some(put(worker, &mut history, site, layout));
                }
                Turn::Resize { slot, site, size } => {
                    // What gets a mark or loses it is copied, which needs memory.
                    const MOST_COPIED: usize = 4 << 20;
                    let Some(old) = slots[slot] else { continue };
                    if !is_exact && old.layout.size().min(size) > MOST_COPIED {
                        continue;
                    }
                    let start = worker.take_turn(Job::Call(site, Call::Realloc(old.start, old.layout, size)));
                    assert!(!start.is_null(), "no memory for {size} bytes");
                    history.freed(&old);
                    history.allocated(site, size);
                    let layout = Layout::from_size_align(size, old.layout.align()).expect("a valid layout");
                    slots[slot] = Some(Block { start, layout, site });
                }
                Turn::Free { slot } => {
                    slots[slot].take().into_iter().for_each(|it| free(worker, &mut history, it));
                }
                Turn::End => {
                    std::mem::replace(&mut workers[thread], Worker::start(scope, alloc)).end();
                }
                Turn::Switch(mode) => {
                    is_exact &= mode == Mode::Exact;
                    assert!(set_mode(mode));
                }
            }
        }
        let recorded = counts();
        let rows = is_exact.then(|| reader.read());
        for block in slots.into_iter().flatten().chain(pedestal) {
            free(&workers[0], &mut history, block);
        }
        workers.into_iter().for_each(Worker::end);
        (recorded, rows)
    });
    let bound = Counts::HELD_BACK_BYTES * game.threads as u64;
    let highest = history.moments.iter().map(|it| it.0).max().unwrap_or(0) + before.live_bytes();
    Result {
        bound,
        recorded_peak: recorded.peak_bytes,
        true_peak: highest.max(before.peak_bytes),
        rows: rows.filter(|_| highest > before.peak_bytes + bound),
        moments: history.moments,
        is_emptied: counts().live_bytes() == before.live_bytes(),
    }
}
