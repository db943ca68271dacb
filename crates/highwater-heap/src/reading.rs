//! What is asked of the heap, and the answer.

use std::ops::Range;
use std::time::Duration;

use crate::line::Line;

/// What the caller knows of the process.
#[derive(Debug, Default)]
pub struct Known {
    /// Sampled live blocks.
    pub blocks: Vec<Block>,
    /// A block of the program's allocator, which shows whose it is; 0 if there is none.
    pub probe: usize,
    /// Ranges of Highwater's tables.
    pub own: Vec<Range<usize>>,
    /// Highwater's own blocks in the heap, in bytes.
    pub own_bytes: u64,
    /// The program's live bytes, exactly.
    pub live_bytes: u64,
    /// Bytes that may be used until a limit is reached; `None` without one.
    pub headroom_bytes: Option<u64>,
}

/// A sampled live block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Where the allocator's block begins.
    pub start: usize,
    /// Bytes in front of the program's part.
    pub lead: usize,
    /// Bytes that the program requested.
    pub size: usize,
    /// The probability with which it was sampled.
    pub probability: f64,
}

/// What is known of a sampled block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its share of the empty space on its pages, in bytes; `None` where the allocator does not tell.
    pub held_bytes: Option<u64>,
    /// Bytes of it that are on pages that are neither resident nor swapped: never touched, or given back.
    pub untouched_bytes: u64,
}

/// The ledger, and what is known of the blocks.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// All lines.
    pub lines: Vec<Line>,
    /// For each block that was given, in the same order.
    pub blocks: Vec<Seen>,
    /// The resident set, the sum of all lines.
    pub resident_bytes: u64,
    /// The kernel's counter of the resident set before the reading and after it.
    pub counter_bytes: [u64; 2],
    /// Resident bytes in huge pages, which are part of the lines.
    pub huge_bytes: u64,
    /// How long the process stood still while it was copied; `None` if it was not.
    pub pause: Option<Duration>,
    /// What is not known, and why.
    pub notes: Vec<String>,
}
