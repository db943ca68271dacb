//! The common parts of the trap programs: call sites with their own counts, and the report of a wrong count.
#![allow(dead_code, unused_macros, reason = "each program uses a part of this")]

pub mod bump;
pub mod planted;

use std::alloc::Layout;
use std::fmt::Debug;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use highwater::{Snapshot, Stats};

/// The fault that a program found, as text for the failed test.
pub type Outcome = Result<(), String>;

/// A site's own counts, without the allocator's help.
pub struct Truth {
    name: &'static str,
    alloc_blocks: AtomicU64,
    alloc_bytes: AtomicU64,
    freed_blocks: AtomicU64,
    freed_bytes: AtomicU64,
}

impl Truth {
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            alloc_blocks: AtomicU64::new(0),
            alloc_bytes: AtomicU64::new(0),
            freed_blocks: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
        }
    }

    fn allocated(&self, bytes: usize) {
        self.alloc_blocks.fetch_add(1, Relaxed);
        self.alloc_bytes.fetch_add(bytes as u64, Relaxed);
    }

    fn freed(&self, bytes: usize) {
        self.freed_blocks.fetch_add(1, Relaxed);
        self.freed_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Prints for the test: `site NAME alloc_blocks alloc_bytes live_blocks live_bytes`.
    pub fn print(&self) {
        let [blocks, bytes] = [&self.alloc_blocks, &self.alloc_bytes].map(|it| it.load(Relaxed));
        let live_blocks = blocks - self.freed_blocks.load(Relaxed);
        let live_bytes = bytes - self.freed_bytes.load(Relaxed);
        println!("site {} {blocks} {bytes} {live_blocks} {live_bytes}", self.name);
    }

    /// `[alloc_blocks, alloc_bytes, freed_blocks, freed_bytes]`.
    pub fn totals(&self) -> [u64; 4] {
        [&self.alloc_blocks, &self.alloc_bytes, &self.freed_blocks, &self.freed_bytes]
            .map(|it| it.load(Relaxed))
    }
}

/// A block with a reference to its site.
pub struct Block {
    start: *mut u8,
    layout: Layout,
    truth: &'static Truth,
}

// SAFETY: a Block is the only owner of its memory.
unsafe impl Send for Block {}

impl Block {
    /// Takes ownership of a block that was just allocated with this layout; `None` if it is null.
    pub fn new(start: *mut u8, layout: Layout, truth: &'static Truth) -> Option<Self> {
        if start.is_null() {
            return None;
        }
        truth.allocated(layout.size());
        Some(Self { start, layout, truth })
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block was allocated with this layout, and is dropped once.
        unsafe { std::alloc::dealloc(self.start, self.layout) };
        self.truth.freed(self.layout.size());
    }
}

/// Defines a function that allocates, as a call site of its own: `site!(site_name, NAME)`.
macro_rules! site {
    ($function:ident, $truth:ident) => {
        static $truth: $crate::trap::Truth = $crate::trap::Truth::new(stringify!($function));

        #[inline(never)]
        fn $function(bytes: usize, align: usize) -> $crate::trap::Block {
            let layout = std::alloc::Layout::from_size_align(bytes.max(1), align).expect("a valid layout");
            // SAFETY: the size is not 0.
            let start = std::hint::black_box(unsafe { std::alloc::alloc(layout) });
            $crate::trap::Block::new(start, layout, &$truth).expect("there is memory")
        }
    };
}

/// The exact totals at one moment, for comparison with later ones.
pub struct Mark(Stats);

impl Mark {
    pub fn now() -> Self {
        Self(highwater::stats())
    }

    /// `[alloc_blocks, alloc_bytes, freed_blocks, freed_bytes]` since the mark. With a fault, totals may
    /// decrease, which must be reported as wrong and must not panic.
    pub fn since(&self) -> [u64; 4] {
        let now = highwater::stats();
        [
            now.alloc_blocks.wrapping_sub(self.0.alloc_blocks),
            now.alloc_bytes.wrapping_sub(self.0.alloc_bytes),
            now.freed_blocks.wrapping_sub(self.0.freed_blocks),
            now.freed_bytes.wrapping_sub(self.0.freed_bytes),
        ]
    }
}

pub fn expect<T: PartialEq + Debug>(what: &str, found: T, truth: T) -> Outcome {
    if found == truth { Ok(()) } else { Err(format!("{what}: {found:?} recorded, {truth:?} is true")) }
}

/// Takes a snapshot and writes it.
pub fn snapshot(path: &str) -> Outcome {
    Snapshot::capture().and_then(|it| it.write(path)).map_err(|it| it.to_string())
}

/// The program's arguments; the first one is always the path of the profile to write.
pub fn arguments() -> Vec<String> {
    std::env::args().skip(1).collect()
}

/// Runs the program's part and turns its outcome into an exit code.
pub fn report(run: impl FnOnce(&str) -> Outcome) -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("the path of the profile to write is missing");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
