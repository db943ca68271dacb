//! Call sites: the stacks that allocate, and what is known of each.
//!
//! A site is a stack together with a block size, a sampling interval, a thread name and a scope: everything
//! in a site was sampled with one probability, so counting samples is enough and each is unbiased by itself
//! when the totals are read. (In exact mode, where the probability is 1 whatever the size, sizes share a site
//! by classes, or programs with many sizes would fill the table; and each thread has sites of its own, which
//! it counts in without locked instructions.)

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use highwater_lockfree::arena;
use highwater_lockfree::chain::{ChainTable, hash};
use highwater_unwind::KnownStack;

use crate::cohort::Cohort;
use crate::ends::Ends;
use crate::history::History;
use crate::origin::{Origin, ThreadName};
use crate::owner::Owner;
use crate::scope::ScopePath;
use crate::values::Values;

/// 2^15 buckets are 256 KiB, and only pages in use cost memory.
static SITES: ChainTable<Site, { 1 << 15 }> = ChainTable::new();

/// One call site with the **samples** taken there (not yet scaled up).
pub(crate) struct Site {
    stack: &'static [usize],
    modules: Option<u64>,
    size_class: u64,
    origin: Origin,
    /// Where blocks are counted that are allocated now; null before the first.
    current: AtomicPtr<Cohort>,
    /// The first of all cohorts.
    cohorts: AtomicPtr<Cohort>,
    history: History,
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
            hash([stack.hash(), size_class, interval_bytes, thread, scope, owner.identity()]),
            |site| {
                ptr::eq(site.stack, stack.frames())
                    && site.size_class == size_class
                    && site.history.interval_bytes() == interval_bytes
                    && site.origin.identity() == [thread, scope]
                    && site.history.owner() == owner
            },
            || {
                Some(Self {
                    stack: stack.frames(),
                    modules: stack.modules(),
                    size_class,
                    origin,
                    current: AtomicPtr::new(ptr::null_mut()),
                    cohorts: AtomicPtr::new(ptr::null_mut()),
                    history: History::new(interval_bytes, owner),
                })
            },
        )
    }

    /// Where a block is to be counted that is allocated now. `None` when there is no memory for it.
    #[inline(always)]
    pub(crate) fn cohort(&'static self) -> Option<&'static Cohort> {
        // SAFETY: the pointer is null or a cohort's. The cohort stays in the arena for ever.
        match unsafe { self.current.load(Ordering::Acquire).as_ref() } {
            Some(cohort) if cohort.is_current() => Some(cohort),
            _ => self.next_cohort(),
        }
    }

    /// A cohort for what is allocated from now on: one in which nothing is alive, or a new one. Two threads
    /// that come here at once may make one each, and both will do.
    #[cold]
    fn next_cohort(&'static self) -> Option<&'static Cohort> {
        let cohort = match self.cohorts().find(|cohort| cohort.is_dead()) {
            Some(dead) => {
                dead.begin_again();
                dead
            }
            None => {
                let fresh = arena::place(Cohort::new(&self.history, self.size_class, self.history.owner()))?;
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

    /// What is known of the blocks that were freed.
    pub(crate) fn ends(&self) -> Ends {
        // What is a part of something is read before it.
        let [first, drawn] = self.history.timed();
        let resized = self.history.resized();
        let sum =
            |of: fn(&Cohort) -> Values| self.cohorts().fold(Values::default(), |sum, it| sum.plus(of(it)));
        let immediate = sum(Cohort::immediate);
        Ends { freed: sum(Cohort::freed).less(resized), immediate, first, drawn }
    }

    /// All samples of this site.
    pub(crate) fn allocated(&self) -> Values {
        self.cohorts().fold(Values::default(), |sum, cohort| sum.plus(cohort.allocated()))
    }

    /// Call-site addresses, leaf first.
    pub(crate) fn stack(&self) -> &'static [usize] {
        self.stack
    }

    /// The modules that the stack was in when it was first met; see [`highwater_unwind::modules_of`].
    pub(crate) fn modules(&self) -> Option<u64> {
        self.modules
    }

    /// What happened to its blocks besides being allocated and freed.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Name of the allocating thread; empty when it has none.
    pub(crate) fn thread(&self) -> &'static [u8] {
        self.origin.thread.map_or(b"", ThreadName::as_bytes)
    }

    /// Path of the scopes that the allocating thread was in; empty outside of any.
    pub(crate) fn scope(&self) -> &'static str {
        self.origin.scope.map_or("", ScopePath::path)
    }
}

/// All sites there are.
pub(crate) fn all() -> impl Iterator<Item = &'static Site> {
    SITES.iter()
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
