//! What glibc's allocator keeps: its heaps are walked, chunk by chunk, in a forked child.
//!
//! The child is a copy of the process at one moment. It has no other threads, so its memory stands still. It
//! is made without handlers of forks and without a signal at its end, so the program does not notice it. It
//! reads, writes its answer to memory that it shares with its parent, and ends.

mod chunk;
mod table;
mod walk;

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::child;
use crate::kernel::Region;
use crate::pages::Pages;
use walk::{Answer, Asked, Range, Totals, Walk};

/// After this time a child is ended.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is known of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub held_bytes: u64,
}

/// What glibc's heaps hold.
#[derive(Debug, Default)]
pub(crate) struct Heaps {
    pub totals: Totals,
    /// For each region: resident bytes of glibc's.
    pub of_regions: Vec<u64>,
    /// For each block that was asked about.
    pub blocks: Vec<Option<Found>>,
    /// How long the process stood still.
    pub pause: Duration,
}

/// Whether the process has glibc, and so possibly its heaps.
pub(crate) fn is_there() -> bool {
    crate::symbol::find(c"gnu_get_libc_version").is_some()
}

/// Walks the heaps in these regions. `blocks` are the starts of the allocator's blocks.
///
/// # Errors
/// When no child can be made, or it does not come to an end.
pub(crate) fn walk(regions: &[Region], blocks: &[usize], pages: &Pages) -> io::Result<Heaps> {
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|&it| blocks[it]);
    let ranges_at = size_of::<Answer>().next_multiple_of(64);
    let asked_at = (ranges_at + regions.len() * size_of::<Range>()).next_multiple_of(64);
    let shared = child::Shared::new(asked_at + blocks.len() * size_of::<Asked>())?;
    // SAFETY: the shared memory is zeroed, aligned to a page, fits the three parts, and until the child is
    // there this function alone has it.
    let mut walk = unsafe {
        Walk {
            answer: shared.at::<Answer>(0).as_mut(),
            ranges: std::slice::from_raw_parts_mut(shared.at::<Range>(ranges_at).as_ptr(), regions.len()),
            asked: std::slice::from_raw_parts_mut(shared.at::<Asked>(asked_at).as_ptr(), blocks.len()),
            cache_key: cache_key().unwrap_or(0),
            page_bytes: pages.page_bytes,
            pages: pages.descriptor(),
        }
    };
    for (range, region) in walk.ranges.iter_mut().zip(regions) {
        let is_main = region.name == "[heap]";
        *range = Range { start: region.range.start, end: region.range.end, is_main, resident_bytes: 0 };
    }
    for (asked, &index) in walk.asked.iter_mut().zip(&order) {
        asked.block = blocks[index];
    }
    let begin = Instant::now();
    // SAFETY: the child reads ranges that were mapped a moment ago; if one is gone, the child is ended by the
    // kernel, and its parent sees that. It writes to the shared memory alone.
    let child = child::Child::run(|| unsafe { walk.run() })?;
    let pause = begin.elapsed();
    child.wait(PATIENCE)?;
    if walk.answer.is_done.load(Ordering::Acquire) != 1 {
        return Err(io::Error::other("the copy of the process that looked at the heap ended too early"));
    }
    let mut found = vec![None; blocks.len()];
    for (asked, &index) in walk.asked.iter().zip(&order) {
        found[index] = asked.is_found.then_some(Found { held_bytes: asked.held_bytes });
    }
    Ok(Heaps {
        totals: walk.answer.totals,
        of_regions: walk.ranges.iter().map(|it| it.resident_bytes).collect(),
        blocks: found,
        pause,
    })
}

/// The word that glibc writes behind the first one of a block in a thread's cache: the same in the whole
/// process. It is read from a block that was just given back, through the kernel: the program may not read it
/// any more.
fn cache_key() -> Option<usize> {
    const BYTES: usize = 200;
    // SAFETY: a fresh block is given back, and not used after that.
    let address = unsafe {
        let block = libc::malloc(BYTES);
        libc::free(block);
        block.addr()
    };
    let memory = std::fs::File::open("/proc/self/mem").ok()?;
    let mut word = [0; 8];
    memory.read_exact_at(&mut word, address as u64 + 8).ok()?;
    Some(usize::from_ne_bytes(word)).filter(|it| *it != 0)
}
