//! Call sites: the stacks that allocate, and what is known of each.
//!
//! A site is a stack together with a block size, a sampling interval, a thread name and a scope: everything in a site was
//! sampled with one probability, so counting samples is enough and each is unbiased by itself when the totals
//! are read. (In exact mode, where the probability is 1 whatever the size, sizes share a site by classes, or
//! programs with many sizes would fill the table; and each thread has sites of its own, which it counts in without
//! locked instructions.)

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::capture::Stack;
use crate::chain::{ChainTable, hash};
use crate::cohort::{Cohort, Owner, Values};
use crate::ends::{Ends, Timed};
use crate::lifetime::{Birth, Lifetimes};
use crate::scope::{self, Scope};
use crate::{arena, sys, unwind};

/// Stacks by their frames. 2^15 buckets are 256 KiB, of which only pages in use cost memory.
static STACKS: ChainTable<Stored, { 1 << 15 }> = ChainTable::new();
static SITES: ChainTable<Site, { 1 << 15 }> = ChainTable::new();
static NAMES: ChainTable<ThreadName, { 1 << 8 }> = ChainTable::new();

/// A stack in certain modules. Another library that comes to lie where one was has stacks of its own.
struct Stored {
    frames: &'static [usize],
    /// See [`unwind::modules_of`]; `None` where that cannot be known.
    modules: Option<u64>,
}

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

/// Who allocates, besides the stack.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub thread: Option<&'static ThreadName>,
    pub scope: Option<&'static Scope>,
}

impl Origin {
    /// A thread that has no slot, whose name is not asked for: it is ending.
    pub(crate) fn of_no_slot() -> Self {
        Self { thread: None, scope: scope::current() }
    }

    /// Names and scopes are stored once, so their addresses tell them apart.
    #[inline(always)]
    pub(crate) fn identity(self) -> [u64; 2] {
        fn address<T>(it: Option<&T>) -> u64 {
            it.map_or(0, |it| core::ptr::from_ref(it).addr() as u64)
        }
        [address(self.thread), address(self.scope)]
    }
}

/// One call site with the **samples** taken there (not yet scaled up).
pub(crate) struct Site {
    stack: &'static [usize],
    modules: Option<u64>,
    size_class: u64,
    interval_bytes: u64,
    origin: Origin,
    /// The only thread that allocates here; nobody's in particular when sampling.
    owner: Owner,
    /// Where blocks are counted that are allocated now; null before the first.
    current: AtomicPtr<Cohort>,
    /// The first of all cohorts.
    cohorts: AtomicPtr<Cohort>,
    growth: Growth,
    /// Blocks that were resized, and so are no longer this site's though nobody freed them.
    resized_blocks: AtomicU64,
    resized_bytes: AtomicU64,
    lifetimes: Lifetimes,
    first: ShortLived,
    drawn: ShortLived,
}

/// What is counted of timed blocks besides their lifetimes; see [`Timed`].
struct ShortLived {
    immediate: AtomicU64,
    short: AtomicU64,
}

impl ShortLived {
    const fn new() -> Self {
        Self { immediate: AtomicU64::new(0), short: AtomicU64::new(0) }
    }
}

/// How a site's blocks came to be by reallocation. Counts samples.
struct Growth {
    reallocations: AtomicU64,
    copied_bytes: AtomicU64,
    doublings: AtomicU64,
}

/// A reallocation.
#[derive(Clone, Copy)]
pub(crate) struct Resized {
    pub old_size: usize,
    pub new_size: usize,
    /// The block is at another address, so what was in it was copied.
    pub has_moved: bool,
}

/// A stack that is stored, and so told from others by its address.
#[derive(Clone, Copy)]
pub(crate) struct KnownStack {
    frames: &'static [usize],
    modules: Option<u64>,
    hash: u64,
    is_truncated: bool,
}

impl KnownStack {
    /// The stored copy of a stack. `None` when the tables' memory is used up.
    pub(crate) fn of(stack: &Stack) -> Option<Self> {
        Self::of_any(stack)
    }

    /// The same of a stack with room for more or less.
    pub(crate) fn of_any<const N: usize>(stack: &Stack<N>) -> Option<Self> {
        let frames = stack.addresses();
        // SAFETY: stacks are stored by the thread that has just walked its own.
        let modules = unsafe { unwind::modules_of_own(frames) };
        let hash = hash(frames.iter().map(|&it| it as u64).chain(modules));
        let is_same = |it: &Stored| it.modules == modules && it.frames == frames;
        let make = || Some(Stored { frames: arena::place_slice(frames)?, modules });
        let frames = STACKS.get_or_add(hash, is_same, make)?.frames;
        Some(Self { frames, modules, hash, is_truncated: stack.is_truncated() })
    }

    #[inline(always)]
    pub(crate) fn is_truncated(self) -> bool {
        self.is_truncated
    }

    /// Whether its modules are still those that its frames lie in.
    ///
    /// # Safety
    /// It is the calling thread's stack now.
    pub(crate) unsafe fn is_in_its_modules(self) -> bool {
        // SAFETY: the caller's promise.
        self.modules == unsafe { unwind::modules_of_own(self.frames) }
    }

    /// Its call-site addresses, leaf first.
    #[inline(always)]
    pub(crate) fn frames(self) -> &'static [usize] {
        self.frames
    }
}

/// The size that stands for `size` in a site's key.
#[inline(always)]
pub(crate) fn size_class(size: u64, interval_bytes: u64) -> u64 {
    /// Up to here every size has a site of its own.
    const OWN: u64 = 64;
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
        owner: Owner,
    ) -> Option<&'static Self> {
        let size_class = size_class(size, interval_bytes);
        let [thread, scope] = origin.identity();
        SITES.get_or_add(
            hash([stack.hash, size_class, interval_bytes, thread, scope, owner.identity()]),
            |site| {
                ptr::eq(site.stack, stack.frames)
                    && site.size_class == size_class
                    && site.interval_bytes == interval_bytes
                    && site.origin.identity() == [thread, scope]
                    && site.owner == owner
            },
            || {
                Some(Self {
                    stack: stack.frames,
                    modules: stack.modules,
                    size_class,
                    interval_bytes,
                    origin,
                    owner,
                    current: AtomicPtr::new(ptr::null_mut()),
                    cohorts: AtomicPtr::new(ptr::null_mut()),
                    growth: Growth {
                        reallocations: AtomicU64::new(0),
                        copied_bytes: AtomicU64::new(0),
                        doublings: AtomicU64::new(0),
                    },
                    resized_blocks: AtomicU64::new(0),
                    resized_bytes: AtomicU64::new(0),
                    lifetimes: Lifetimes::new(),
                    first: ShortLived::new(),
                    drawn: ShortLived::new(),
                })
            },
        )
    }

    /// Where a block is to be counted that is allocated now. `None` when there is no memory for it.
    #[inline(always)]
    pub(crate) fn cohort(&'static self) -> Option<&'static Cohort> {
        // SAFETY: the pointer is null or that of a cohort, which lives in the arena for ever.
        match unsafe { self.current.load(Ordering::Acquire).as_ref() } {
            Some(cohort) if cohort.is_current() => Some(cohort),
            _ => self.next_cohort(),
        }
    }

    /// A cohort for what is allocated from now on: one in which nothing is alive, or a new one. Two threads that come
    /// here at once may make one each, and both will do.
    #[cold]
    fn next_cohort(&'static self) -> Option<&'static Cohort> {
        let cohort = match self.cohorts().find(|cohort| cohort.is_dead()) {
            Some(dead) => {
                dead.begin_again();
                dead
            }
            None => {
                let fresh = arena::place(Cohort::new(self, self.size_class, self.owner))?;
                let mut first = self.cohorts.load(Ordering::Acquire);
                loop {
                    fresh.set_next(first);
                    let published = ptr::from_ref(fresh).cast_mut();
                    match self.cohorts.compare_exchange(first, published, Ordering::AcqRel, Ordering::Acquire)
                    {
                        Ok(_) => break fresh,
                        Err(now) => first = now,
                    }
                }
            }
        };
        self.current.store(ptr::from_ref(cohort).cast_mut(), Ordering::Release);
        Some(cohort)
    }

    /// All cohorts, the youngest first but for those that began again.
    pub(crate) fn cohorts(&self) -> impl Iterator<Item = &'static Cohort> {
        Cohort::list(self.cohorts.load(Ordering::Acquire))
    }

    /// Counts a block here that came to be by reallocation. To be called by the thread that allocates it.
    pub(crate) fn count_resized(&self, resized: Resized) {
        let Resized { old_size, new_size, has_moved } = resized;
        self.owner.raise(&self.growth.reallocations, 1);
        if has_moved {
            self.owner.raise(&self.growth.copied_bytes, old_size.min(new_size) as u64);
        }
        if new_size / 2 >= old_size {
            self.owner.raise(&self.growth.doublings, 1);
        }
    }

    /// Reallocations, the bytes they copied, and how many of them at least doubled the block.
    pub(crate) fn growth(&self) -> [u64; 3] {
        [&self.growth.reallocations, &self.growth.copied_bytes, &self.growth.doublings]
            .map(|it| it.load(Ordering::Relaxed))
    }

    /// Counts a block of this site that was resized: it goes on elsewhere, and no life has ended. Any thread may do that.
    pub(crate) fn count_resized_away(&self, size: u64) {
        self.resized_bytes.fetch_add(size, Ordering::Relaxed);
        self.resized_blocks.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a timed block. `is_immediate` says that it is counted as temporary already.
    #[cold]
    pub(crate) fn count_lifetime(&self, birth: Birth, is_immediate: bool) {
        let lived_ns = sys::monotonic_ns().saturating_sub(birth.at_ns);
        let others = if birth.is_drawn { &self.drawn } else { &self.first };
        if is_immediate {
            others.immediate.fetch_add(1, Ordering::Relaxed);
        } else if lived_ns < TEMPORARY_NS {
            others.short.fetch_add(1, Ordering::Relaxed);
        }
        self.lifetimes.count(lived_ns, birth.is_drawn);
    }

    /// What is known of the blocks that were freed.
    pub(crate) fn ends(&self) -> Ends {
        // What is a part of something is read before it.
        let [first, drawn] = self.lifetimes.get();
        let timed = |lived, others: &ShortLived| Timed {
            lived,
            immediate: others.immediate.load(Ordering::Relaxed),
            short: others.short.load(Ordering::Relaxed),
        };
        let resized = Values {
            blocks: self.resized_blocks.load(Ordering::Relaxed),
            bytes: self.resized_bytes.load(Ordering::Relaxed),
        };
        let sum =
            |of: fn(&Cohort) -> Values| self.cohorts().fold(Values::default(), |sum, it| sum.plus(of(it)));
        let immediate = sum(Cohort::immediate);
        Ends {
            freed: sum(Cohort::freed).less(resized),
            immediate,
            first: timed(first, &self.first),
            drawn: timed(drawn, &self.drawn),
        }
    }

    /// All samples of this site.
    pub(crate) fn allocated(&self) -> Values {
        self.cohorts().fold(Values::default(), |sum, cohort| sum.plus(cohort.allocated()))
    }

    /// Call-site addresses, leaf first.
    pub(crate) fn stack(&self) -> &'static [usize] {
        self.stack
    }

    /// The modules that the stack was in when it was first met; see [`unwind::modules_of`].
    pub(crate) fn modules(&self) -> Option<u64> {
        self.modules
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

/// A block that lives for less is temporary.
const TEMPORARY_NS: u64 = 1_000_000;

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
        assert_eq!([1, 7, 17, 63, 64].map(|size| size_class(size, 1)), [1, 7, 17, 63, 64]);
        assert_eq!([513, 576, 639, 640].map(|size| size_class(size, 1)), [512, 576, 576, 640]);
        assert_eq!(size_class(1_000_003, 2), 1_000_003);
        for size in (1..5_000).chain([u64::MAX, 1 << 63, (1 << 40) + 12_345]) {
            let class = size_class(size, 1);
            assert!(class <= size && (size - class) as f64 <= size as f64 / 8.0, "{size}: {class}");
        }
    }
}
