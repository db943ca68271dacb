//! Call sites: the stacks that allocate, and the totals of each.
//!
//! A site is a stack together with a block size, a sampling interval, a thread name and a scope: everything in a site was
//! sampled with one probability, so counting samples is enough and each is unbiased by itself when the totals
//! are read. (In exact mode, where the probability is 1 whatever the size, sizes share a site by classes, or
//! programs with many sizes would fill the table.)

use core::sync::atomic::{AtomicU64, Ordering};

use crate::capture::Stack;
use crate::chain::{ChainTable, hash};
use crate::scope::Scope;
use crate::{arena, sys, totals};

/// Stacks by their frames. 2^15 buckets are 256 KiB, of which only pages in use cost memory.
static STACKS: ChainTable<&'static [usize], { 1 << 15 }> = ChainTable::new();
static SITES: ChainTable<Site, { 1 << 15 }> = ChainTable::new();
static NAMES: ChainTable<ThreadName, { 1 << 8 }> = ChainTable::new();

/// The name of one or more threads.
pub(crate) struct ThreadName {
    text: [u8; 16],
    length: usize,
}

impl ThreadName {
    fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

/// Blocks and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Number of blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Values {
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            blocks: self.blocks.saturating_sub(other.blocks),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// Counts blocks of one size class: their number, and the bytes by which they exceed the class's size. Most sizes are a
/// class of their own, so most events are one atomic operation.
struct Counter {
    blocks: AtomicU64,
    excess_bytes: AtomicU64,
}

impl Counter {
    const fn new() -> Self {
        Self { blocks: AtomicU64::new(0), excess_bytes: AtomicU64::new(0) }
    }

    fn add(&self, excess_bytes: u64) {
        if excess_bytes != 0 {
            self.excess_bytes.fetch_add(excess_bytes, Ordering::Relaxed);
        }
        // The blocks last, and read first: whoever sees the block sees its bytes.
        self.blocks.fetch_add(1, Ordering::Release);
    }

    fn get(&self, size_class: u64) -> Values {
        let blocks = self.blocks.load(Ordering::Acquire);
        Values { blocks, bytes: blocks * size_class + self.excess_bytes.load(Ordering::Relaxed) }
    }

    fn set(&self, values: Values, size_class: u64) {
        let excess_bytes = values.bytes.saturating_sub(values.blocks * size_class);
        self.excess_bytes.store(excess_bytes, Ordering::Relaxed);
        self.blocks.store(values.blocks, Ordering::Release);
    }
}

/// Who allocates, besides the stack.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub thread: Option<&'static ThreadName>,
    pub scope: Option<&'static Scope>,
}

impl Origin {
    /// Names and scopes are stored once, so their addresses tell them apart.
    fn identity(self) -> [u64; 2] {
        fn address<T>(it: Option<&T>) -> u64 {
            it.map_or(0, |it| core::ptr::from_ref(it).addr() as u64)
        }
        [address(self.thread), address(self.scope)]
    }
}

/// One call site with the **samples** taken there (not yet scaled up).
pub(crate) struct Site {
    stack: &'static [usize],
    size_class: u64,
    interval_bytes: u64,
    origin: Origin,
    allocated: Counter,
    freed: Counter,
    /// Live values when `peak_epoch` began.
    at_peak: Counter,
    peak_epoch: AtomicU64,
}

/// A stack that is stored, and so told from others by its address.
#[derive(Clone, Copy)]
pub(crate) struct KnownStack {
    frames: &'static [usize],
    hash: u64,
    is_truncated: bool,
}

impl KnownStack {
    /// The stored copy of a stack. `None` when the tables' memory is used up.
    pub(crate) fn of(stack: &Stack) -> Option<Self> {
        let frames = stack.addresses();
        let hash = hash(frames.iter().map(|&it| it as u64));
        let frames = *STACKS.get_or_add(hash, |it| *it == frames, || arena::place_slice(frames))?;
        Some(Self { frames, hash, is_truncated: stack.is_truncated() })
    }

    pub(crate) fn is_truncated(self) -> bool {
        self.is_truncated
    }

    /// Its call-site addresses, leaf first.
    #[cfg(test)]
    pub(crate) fn frames(self) -> &'static [usize] {
        self.frames
    }
}

/// The size that stands for `size` in a site's key.
fn size_class(size: u64, interval_bytes: u64) -> u64 {
    /// Up to here every size has a site of its own.
    const OWN: u64 = 512;
    /// Beyond, sizes that share their four leading binary digits share a site: at most 12.5 % apart.
    const DIGITS: u32 = 4;
    if interval_bytes > 1 || size <= OWN {
        return size;
    }
    let dropped = (u64::BITS - size.leading_zeros()).saturating_sub(DIGITS);
    size >> dropped << dropped
}

impl Site {
    /// The site of this stack, block size and thread. `None` when the tables' memory is used up.
    pub(crate) fn of(
        stack: KnownStack,
        size: u64,
        interval_bytes: u64,
        origin: Origin,
    ) -> Option<&'static Self> {
        let size_class = size_class(size, interval_bytes);
        let [thread, scope] = origin.identity();
        SITES.get_or_add(
            hash([stack.hash, size_class, interval_bytes, thread, scope]),
            |site| {
                core::ptr::eq(site.stack, stack.frames)
                    && site.size_class == size_class
                    && site.interval_bytes == interval_bytes
                    && site.origin.identity() == [thread, scope]
            },
            || {
                Some(Self {
                    stack: stack.frames,
                    size_class,
                    interval_bytes,
                    origin,
                    allocated: Counter::new(),
                    freed: Counter::new(),
                    at_peak: Counter::new(),
                    peak_epoch: AtomicU64::new(0),
                })
            },
        )
    }

    /// Counts a sampled block.
    pub(crate) fn add(&self, size: u64) {
        self.remember_peak();
        self.allocated.add(size - self.size_class);
    }

    /// Counts a sampled block as freed.
    pub(crate) fn remove(&self, size: u64) {
        self.remember_peak();
        self.freed.add(size - self.size_class);
    }

    /// Saves the live values if the process reached a peak since this site last changed; see [`totals`]. When
    /// several threads change one site at the moment of a peak, the saved values may or may not include the
    /// blocks they are just changing.
    fn remember_peak(&self) {
        let epoch = totals::epoch();
        let seen = self.peak_epoch.load(Ordering::Relaxed);
        if seen != epoch {
            let live = self.live();
            if self.peak_epoch.compare_exchange(seen, epoch, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                self.at_peak.set(live, self.size_class);
            }
        }
    }

    fn live(&self) -> Values {
        // Freed first: what is freed after that was counted as allocated before.
        let freed = self.freed();
        self.allocated().less(freed)
    }

    /// Samples taken so far.
    pub(crate) fn allocated(&self) -> Values {
        self.allocated.get(self.size_class)
    }

    /// Samples freed so far.
    pub(crate) fn freed(&self) -> Values {
        self.freed.get(self.size_class)
    }

    /// Samples that were live when the process was at its peak.
    pub(crate) fn at_peak(&self) -> Values {
        if self.peak_epoch.load(Ordering::Acquire) == totals::epoch() {
            self.at_peak.get(self.size_class)
        } else {
            self.live()
        }
    }

    /// Call-site addresses, leaf first.
    pub(crate) fn stack(&self) -> &'static [usize] {
        self.stack
    }

    /// The sampling interval that drew the samples, in bytes; 1 when all blocks were recorded.
    pub(crate) fn interval_bytes(&self) -> u64 {
        self.interval_bytes
    }

    /// Name of the allocating thread; empty when it has none.
    pub(crate) fn thread(&self) -> &'static [u8] {
        self.origin.thread.map_or(b"", ThreadName::as_bytes)
    }

    /// Path of the scopes that the allocating thread was in; empty outside of any.
    pub(crate) fn scope(&self) -> &'static str {
        self.origin.scope.map_or("", Scope::path)
    }
}

/// All sites there are.
pub(crate) fn all() -> impl Iterator<Item = &'static Site> {
    SITES.iter()
}

/// The calling thread's name, stored once. `None` when it has none.
pub(crate) fn current_thread_name() -> Option<&'static ThreadName> {
    let mut text = [0; 16];
    let length = sys::thread_name(&mut text);
    if length == 0 {
        return None;
    }
    let halves = [0, 8].map(|at| u64::from_ne_bytes(core::array::from_fn(|i| text[at + i])));
    NAMES.get_or_add(
        hash(halves),
        |name| name.as_bytes() == &text[..length],
        || Some(ThreadName { text, length }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_sizes_share_a_site_only_when_they_are_close() {
        assert_eq!([1, 7, 17, 511, 512].map(|size| size_class(size, 1)), [1, 7, 17, 511, 512]);
        assert_eq!([513, 576, 639, 640].map(|size| size_class(size, 1)), [512, 576, 576, 640]);
        assert_eq!(size_class(1_000_003, 2), 1_000_003);
        for size in (1..5_000).chain([u64::MAX, 1 << 63, (1 << 40) + 12_345]) {
            let class = size_class(size, 1);
            assert!(class <= size && (size - class) as f64 <= size as f64 / 8.0, "{size}: {class}");
        }
    }
}
