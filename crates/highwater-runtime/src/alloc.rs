//! The allocator: every call passes through here to the inner one, and nowhere else.
//!
//! **How a free tells a sampled block from others without reading memory.** The inner allocator is asked for an
//! alignment of at least 16, so the address of an unsampled block is a multiple of 16. A sampled block with an
//! alignment of up to 8 is asked for with 8 bytes more; the pointer to its site is put in front of it, and the
//! program gets the address behind that, which has bit 3 set:
//!
//! ```text
//!     unsampled   ┌───────────────┐            sampled   ┌────────┬───────────────┐
//!                 │ the program's │                      │ &Site  │ the program's │
//!                 └───────────────┘                      └────────┴───────────────┘
//!                 ↑ …0 (16-aligned)                      ↑ …0     ↑ …8
//! ```
//!
//! Nothing is over-aligned and nothing is looked up, zeroed pages stay untouched, and growing a sampled block in
//! place stays possible. Blocks with an alignment of 16 or more keep their address; see [`crate::aligned`].
//!
//! **Ordering rules.**
//! 1. A sample is recorded, and its mark written, before the block is returned.
//! 2. A sample is taken out of its site before the inner allocator gets the block back, or another thread could
//!    be handed the same address while it still counts.
//! 3. A block goes back with the layout it was really asked for with.
//! 4. When the inner allocator returns null, nothing is counted and nothing changes: a block that could not be
//!    resized is still there, with its sample.
//! 5. No lock is held and nothing is borrowed from the recorder while the inner allocator runs: it may call back.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};
use std::alloc::System;

use crate::config::{Mode, Settings};
use crate::recorder::{self, Verdict};
use crate::site::Site;
use crate::{aligned, thread};

/// The least alignment that is asked of the inner allocator; larger ones are left as they are.
const UNIT: usize = 16;

/// Bytes in front of a marked block, and the bit that is set in its address.
const MARK: usize = 8;

const _: () = assert!(size_of::<*const Site>() <= MARK);

/// A global allocator that records what it passes on to an inner one.
///
/// ```
/// #[global_allocator]
/// static ALLOC: highwater_runtime::Alloc = highwater_runtime::Alloc::new();
/// ```
///
/// All `Alloc`s of a process feed one recorder; the setting of the one that is used first holds.
#[derive(Debug)]
pub struct Alloc<A = System> {
    inner: A,
    settings: Settings,
}

impl Alloc {
    /// Records what is asked of the system's allocator, one sample every 512 KiB in the mean.
    pub const fn new() -> Self {
        Self::wrapping(System)
    }
}

impl Default for Alloc {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> Alloc<A> {
    /// Records what is asked of `inner`, one sample every 512 KiB in the mean.
    pub const fn wrapping(inner: A) -> Self {
        Self { inner, settings: Settings::DEFAULT }
    }

    /// Sets the sampling interval: the mean number of allocated bytes between two samples. A longer one costs
    /// less, a shorter one errs less. 1 is [`Self::exact`]; 0 is taken for 1. The environment variable
    /// `HIGHWATER=interval:64KiB` overrides it.
    pub const fn interval(mut self, bytes: u64) -> Self {
        self.settings.mode = Mode::with_interval(bytes);
        self
    }

    /// Records every allocation: no sampling error, at the price of a stack for each. The environment variable
    /// `HIGHWATER=exact` does the same.
    pub const fn exact(mut self) -> Self {
        self.settings.mode = Mode::Exact;
        self
    }

    /// Records nothing unless the environment variable `HIGHWATER` says so. Process totals are counted all the
    /// same.
    pub const fn off(mut self) -> Self {
        self.settings.mode = Mode::Off;
        self
    }
}

/// The layout in which the inner allocator is asked for an unsampled block.
#[inline(always)]
fn plain(layout: Layout) -> Layout {
    if layout.align() >= UNIT {
        return layout;
    }
    // At least as large as aligned: allocators treat that as an ordinary request.
    // SAFETY: 16 is a power of two. Rounded up to it the size fits isize, because a size near isize::MAX is
    // beyond every countdown and so never allocated without `marked` or `checked_plain` having refused it.
    unsafe {
        Layout::from_size_align_unchecked(if layout.size() < UNIT { UNIT } else { layout.size() }, UNIT)
    }
}

/// [`plain`] for a layout that may be too large for it; `None` when it is.
fn checked_plain(layout: Layout) -> Option<Layout> {
    if layout.align() >= UNIT {
        return Some(layout);
    }
    Layout::from_size_align(layout.size().max(UNIT), UNIT).ok()
}

/// The layout in which the inner allocator is asked for a marked block; `None` when it would be too large.
fn marked(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(MARK)?.max(UNIT), UNIT).ok()
}

/// Whether the block is a sampled one with the pointer to its site in front of it.
#[inline(always)]
fn is_marked(block: *mut u8, layout: Layout) -> bool {
    layout.align() < UNIT && block.addr() & MARK != 0
}

/// Writes the mark at the start of a block from the inner allocator and returns the program's part of it.
///
/// # Safety
/// `base` is the start of a block of at least [`MARK`] bytes that is aligned to [`UNIT`] and in use by nobody.
unsafe fn mark(base: *mut u8, site: Option<&'static Site>) -> *mut u8 {
    // SAFETY: the caller promises room and alignment for a pointer, and MARK bytes within the block.
    unsafe {
        base.cast::<Option<&'static Site>>().write(site);
        base.add(MARK)
    }
}

/// The inner block and the site of a marked block. The site is `None` when the sample was lost.
///
/// # Safety
/// `block` was returned by [`mark`], and is still allocated.
unsafe fn unmark(block: *mut u8) -> (*mut u8, Option<&'static Site>) {
    // SAFETY: `mark` put the pointer to the site MARK bytes in front of the block.
    unsafe {
        let base = block.sub(MARK);
        (base, base.cast::<Option<&'static Site>>().read())
    }
}

#[inline(always)]
fn count_free(size: usize) {
    if !thread::current().try_count_free(size) {
        recorder::count_free_slowly(size);
    }
}

/// Counts a freed block that was sampled.
fn count_recorded_free(site: Option<&'static Site>, size: usize) {
    if let Some(site) = site {
        site.remove(size as u64);
    }
    count_free(size);
}

// SAFETY: every block comes from the inner allocator, whose contract is upheld: each is asked for with a layout
// at least as large and as strictly aligned as the program's, resized and given back with that same layout
// (`plain` and `marked` are functions of the program's layout and of the block's mark, which the block keeps all
// its life), and handed out at an address that leaves the program its size and its alignment: 8 bytes into a
// 16-aligned block of 8 bytes more when the alignment is at most 8, and otherwise at its start. Nothing here
// panics or unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Alloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` (its size is not 0) holds for the larger layouts as well.
        self.allocate(layout, |layout| unsafe { self.inner.alloc(layout) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        self.allocate(layout, |layout| unsafe { self.inner.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // Three ways out instead of one: joined, the conditions cost more instructions than they save.
        if layout.align() >= UNIT {
            // SAFETY: the caller's promises are passed on.
            return unsafe { self.dealloc_unmarked(block, layout) };
        }
        if block.addr() & MARK != 0 {
            // SAFETY: the caller's promises are passed on, and the address shows the mark.
            return unsafe { self.dealloc_marked(block, layout.size()) };
        }
        if !thread::current().try_count_free(layout.size()) {
            // SAFETY: the caller's promises are passed on.
            return unsafe { self.dealloc_reporting(block, layout) };
        }
        // SAFETY: an unmarked block was asked for with this layout.
        unsafe { self.inner.dealloc(block, plain(layout)) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() < UNIT
            && !is_marked(block, layout)
            && thread::current().countdown_after(new_size) >= 0
        {
            // SAFETY: an unmarked block was asked for with this layout; the new size is not 0, as the
            // caller promises, and rounded up to 16 fits isize (see `plain`).
            let moved = unsafe { self.inner.realloc(block, plain(layout), new_size.max(UNIT)) };
            if !moved.is_null() {
                count_free(layout.size());
                thread::current().count_alloc(new_size);
            }
            return moved;
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { self.realloc_slowly(block, layout, new_size) }
    }
}

impl<A: GlobalAlloc> Alloc<A> {
    #[inline(always)]
    fn allocate(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        if layout.align() >= UNIT {
            return self.allocate_unmarked(layout, inner);
        }
        self.allocate_counted(layout, inner)
    }

    /// [`Self::allocate`] for an alignment that leaves the address as it is. Out of line, because there the inner
    /// allocator's handling of alignments cannot be decided at compile time.
    #[inline(never)]
    fn allocate_unmarked(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        self.allocate_counted(layout, inner)
    }

    /// Counts a block and asks for it, unless it is to be sampled.
    #[inline(always)]
    fn allocate_counted(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let slot = thread::current();
        if slot.countdown_after(layout.size()) < 0 {
            return self.allocate_slowly(layout, inner);
        }
        slot.count_alloc(layout.size());
        let block = inner(plain(layout));
        if block.is_null() {
            thread::uncount_alloc(layout.size());
        }
        block
    }

    #[cold]
    fn allocate_slowly(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let size = layout.size();
        let verdict = recorder::decide(size, self.settings);
        let with_mark = verdict.is_sampled() && layout.align() < UNIT;
        let Some(asked) = (if with_mark { marked(size) } else { checked_plain(layout) }) else {
            return ptr::null_mut();
        };
        let mut block = inner(asked);
        if block.is_null() {
            return block;
        }
        if with_mark {
            // SAFETY: a fresh block that was asked for with room for the mark.
            block = unsafe { record_marked(block, size, &verdict) };
        } else if verdict.is_sampled() {
            record_aligned(block, size, &verdict);
        }
        verdict.count(size);
        block
    }

    /// Frees a block with the pointer to its site in front of it.
    ///
    /// # Safety
    /// `block` is a marked block of this size from this allocator, and nobody uses it any more.
    #[cold]
    #[inline(never)]
    unsafe fn dealloc_marked(&self, block: *mut u8, size: usize) {
        // SAFETY: the caller promises a marked block.
        let (base, site) = unsafe { unmark(block) };
        count_recorded_free(site, size);
        if let Some(asked) = marked(size) {
            // SAFETY: this is how the block was asked for.
            unsafe { self.inner.dealloc(base, asked) };
        }
    }

    /// Frees an unmarked block with which a report is due.
    ///
    /// # Safety
    /// As for `GlobalAlloc::dealloc`.
    #[cold]
    #[inline(never)]
    unsafe fn dealloc_reporting(&self, block: *mut u8, layout: Layout) {
        recorder::count_free_slowly(layout.size());
        // SAFETY: an unmarked block was asked for with this layout.
        unsafe { self.inner.dealloc(block, plain(layout)) };
    }

    /// Frees a block that keeps its address, and whose sample, if any, is found by it.
    ///
    /// # Safety
    /// As for `GlobalAlloc::dealloc`; the alignment is at least [`UNIT`].
    #[inline(never)]
    unsafe fn dealloc_unmarked(&self, block: *mut u8, layout: Layout) {
        match NonNull::new(block).and_then(aligned::remove) {
            Some(site) => count_recorded_free(Some(site), layout.size()),
            None => count_free(layout.size()),
        }
        // SAFETY: such a block was asked for with this layout.
        unsafe { self.inner.dealloc(block, layout) };
    }

    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    #[cold]
    unsafe fn realloc_slowly(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let old_size = layout.size();
        let verdict = recorder::decide(new_size, self.settings);
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return ptr::null_mut();
        };
        match (is_marked(block, layout), verdict.is_sampled()) {
            _ if layout.align() >= UNIT => {
                // SAFETY: the caller promises a block of ours with its layout.
                unsafe { self.realloc_aligned(block, layout, new_size, &verdict) }
            }
            (true, true) => {
                let (Some(old), Some(new)) = (marked(old_size), marked(new_size)) else {
                    return ptr::null_mut();
                };
                // SAFETY: the block is marked, and was asked for as `old`.
                let (moved, site) = unsafe {
                    let (base, site) = unmark(block);
                    (self.inner.realloc(base, old, new.size()), site)
                };
                if moved.is_null() {
                    return moved;
                }
                count_recorded_free(site, old_size);
                // SAFETY: the moved block has room for the mark, as `marked` said.
                let moved = unsafe { record_marked(moved, new_size, &verdict) };
                verdict.count(new_size);
                moved
            }
            (false, false) => {
                let Some(new) = checked_plain(new_layout) else { return ptr::null_mut() };
                // SAFETY: an unmarked block was asked for as `plain` says.
                let moved = unsafe { self.inner.realloc(block, plain(layout), new.size()) };
                if !moved.is_null() {
                    count_free(old_size);
                    verdict.count(new_size);
                }
                moved
            }
            (_, becomes_marked) => {
                let asked = if becomes_marked { marked(new_size) } else { checked_plain(new_layout) };
                let Some(asked) = asked else { return ptr::null_mut() };
                // SAFETY: the size is not 0.
                let mut moved = unsafe { self.inner.alloc(asked) };
                if moved.is_null() {
                    return moved;
                }
                if becomes_marked {
                    // SAFETY: a fresh block that was asked for with room for the mark.
                    moved = unsafe { record_marked(moved, new_size, &verdict) };
                }
                // SAFETY: both blocks have at least that many bytes, and the new one is fresh. The old one is
                // given back as the program would have.
                unsafe {
                    moved.copy_from_nonoverlapping(block, old_size.min(new_size));
                    self.dealloc(block, layout);
                }
                verdict.count(new_size);
                moved
            }
        }
    }

    /// Resizes a block that keeps its address, and whose sample, if any, is found by it.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`; the alignment is at least [`UNIT`].
    unsafe fn realloc_aligned(
        &self,
        block: *mut u8,
        layout: Layout,
        new_size: usize,
        verdict: &Verdict,
    ) -> *mut u8 {
        // Out before the call: once the inner allocator has moved the block its address may be another's.
        let site = NonNull::new(block).and_then(aligned::remove);
        // SAFETY: the caller's promises are passed on.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if moved.is_null() {
            if let (Some(site), Some(block)) = (site, NonNull::new(block)) {
                aligned::insert(block, site);
            }
            return moved;
        }
        match site {
            Some(_) => count_recorded_free(site, layout.size()),
            None => count_free(layout.size()),
        }
        if verdict.is_sampled() {
            record_aligned(moved, new_size, verdict);
        }
        verdict.count(new_size);
        moved
    }
}

/// Records the caller's stack for a block of `size` bytes behind a mark, and returns the program's part.
///
/// # Safety
/// As for [`mark`].
unsafe fn record_marked(base: *mut u8, size: usize, verdict: &Verdict) -> *mut u8 {
    let site = verdict.site(size);
    // SAFETY: the caller's promise.
    let block = unsafe { mark(base, site) };
    if let Some(site) = site {
        site.add(size as u64);
    }
    block
}

/// Records the caller's stack for a block that is found again by its address.
fn record_aligned(block: *mut u8, size: usize, verdict: &Verdict) {
    if let Some(block) = NonNull::new(block)
        && let Some(site) = verdict.site(size)
    {
        if aligned::insert(block, site) {
            site.add(size as u64);
        } else {
            recorder::count_dropped();
        }
    }
}
