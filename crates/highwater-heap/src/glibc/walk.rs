//! The walk through glibc's heaps. It runs in a forked child: nothing here allocates, locks or panics.

use std::sync::atomic::{AtomicU32, Ordering};

use super::table::Table;
use super::chunk::{self, HEAD, IN_USE_BEFORE, Look, is_chain, look, next_chain, word};
use crate::pages::is_present;

/// A heap of an arena begins at a multiple of this.
const HEAP_ALIGN: usize = 64 << 20;

/// Where the first chunk of a heap may be, behind the arena's own data.
const ARENA_BYTES: std::ops::Range<usize> = 0x800..0xc00;

/// Where it may be in a heap without such data.
const HEAP_HEAD: std::ops::Range<usize> = 0x20..0x80;

/// Blocks in a cache of a thread are not larger.
const LARGEST_CACHED: usize = 0x420;

/// A range that may have a heap, as the parent knows it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub start: usize,
    pub end: usize,
    /// Whether it is the kernel's `[heap]`.
    pub is_main: bool,
    /// Resident bytes that belong to glibc, which the child fills in.
    pub resident_bytes: u64,
}

/// A block that the parent asks about.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Where the allocator's block begins.
    pub block: usize,
    /// Whether it lies in one of glibc's heaps, which the child fills in, as all that follows.
    pub is_found: bool,
    /// Its share of the empty space on its pages.
    pub held_bytes: u64,
}

/// What the heaps have, added up, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub in_use_bytes: u64,
    pub in_use_resident: u64,
    pub cached_resident: u64,
    pub held_resident: u64,
    pub free_resident: u64,
    pub tables_resident: u64,
    /// Bytes that could not be walked.
    pub skipped_resident: u64,
}

/// What the child answers beside ranges and blocks.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub totals: Totals,
    pub is_done: AtomicU32,
}

/// All that the walk knows.
pub(super) struct Walk<'a> {
    pub ranges: &'a mut [Range],
    /// By rising addresses.
    pub asked: &'a mut [Asked],
    pub answer: &'a mut Answer,
    /// The word that a cached block has behind its first one; 0 where it is not known.
    pub cache_key: usize,
    pub page_bytes: usize,
    /// The kernel's list of pages.
    pub pages: i32,
}

impl Walk<'_> {
    /// Walks all.
    ///
    /// # Safety
    /// All ranges are mapped readable and nobody changes them.
    pub(super) unsafe fn run(&mut self) {
        for index in 0..self.ranges.len() {
            let Some(&range) = self.ranges.get(index) else { return };
            // SAFETY: the caller's promise.
            let resident = unsafe { if range.is_main { self.main_heap(range) } else { self.other(range) } };
            if let Some(range) = self.ranges.get_mut(index) {
                range.resident_bytes = resident;
            }
        }
        self.answer.is_done.store(1, Ordering::Release);
    }

    /// The heap that `sbrk` makes. Returns its resident bytes.
    ///
    /// # Safety
    /// As for [`Self::run`].
    unsafe fn main_heap(&mut self, range: Range) -> u64 {
        // The heap may have grown since its mapping was listed.
        // SAFETY: asks only where the heap ends; up to there it is readable.
        unsafe {
            let end = (libc::sbrk(0).addr()).max(range.end);
            let first =
                if is_chain(range.start, end) { Some(range.start) } else { next_chain(range.start, end) };
            first.map_or(0, |first| self.heap(range.start, first, end, range.end))
        }
    }

    /// A range that may have heaps of arenas and blocks with mappings of their own. Returns its resident
    /// bytes.
    ///
    /// # Safety
    /// As for [`Self::run`].
    unsafe fn other(&mut self, range: Range) -> u64 {
        let page = self.page_bytes;
        let mut resident = 0;
        let mut at = range.start;
        while at < range.end {
            // SAFETY: only resident pages are read.
            unsafe {
                if !self.is_resident(at) {
                    at = self.next_resident(at + page, range.end);
                    continue;
                }
                if at.is_multiple_of(HEAP_ALIGN)
                    && let Some((first, end)) = self.arena(at)
                {
                    resident += self.heap(at, first, end, range.end);
                    at = end;
                    continue;
                }
                match chunk::mapped(at, range.end, page) {
                    Some(bytes) => {
                        resident += self.mapped(at, bytes);
                        at += bytes;
                    }
                    None => at += page,
                }
            }
        }
        resident
    }

    /// The first chunk and the end of an arena's heap, if there is one at this address.
    ///
    /// # Safety
    /// The page at this address is resident, and readable as for [`Self::run`].
    unsafe fn arena(&self, at: usize) -> Option<(usize, usize)> {
        // SAFETY: the page is resident.
        let (arena, before, bytes) = unsafe { (word(at), word(at + 8), word(at + 16)) };
        // It may have grown since its mapping was listed.
        let is_heap = bytes != 0 && bytes <= HEAP_ALIGN && bytes.is_multiple_of(self.page_bytes);
        if !is_heap || arena == 0 || !arena.is_multiple_of(8) {
            return None;
        }
        let is_first = arena > at && arena - at < 0x80;
        if !is_first && (before == 0 || !before.is_multiple_of(HEAP_ALIGN)) {
            return None;
        }
        let end = at + bytes;
        let mut offsets = if is_first { ARENA_BYTES } else { HEAP_HEAD }.step_by(16);
        offsets.find_map(|offset| {
            let first = at + offset;
            // SAFETY: a heap is readable up to its end.
            let is_one = first + HEAD < end
                && unsafe { word(first + 8) } & IN_USE_BEFORE != 0
                && unsafe { is_chain(first, end) };
            is_one.then_some((first, end))
        })
    }

    /// A block with a mapping of its own. Reads the kernel's list alone, and none of its memory.
    fn mapped(&mut self, at: usize, bytes: usize) -> u64 {
        let resident = self.resident_in(at, at + bytes);
        self.answer.totals.in_use_bytes += bytes as u64;
        self.answer.totals.in_use_resident += resident;
        for one in of_range(self.asked, at, at + bytes) {
            one.is_found = true;
        }
        resident
    }

    /// Walks a heap: first all chunks, then all pages, then the blocks that were asked about. Pages up to
    /// `listed` are those that the parent knows of, and count.
    ///
    /// # Safety
    /// As for [`Self::run`], from `start` to `end`.
    unsafe fn heap(&mut self, start: usize, first: usize, end: usize, listed: usize) -> u64 {
        let count = (end - start).div_ceil(self.page_bytes);
        let Some(mut table) = Table::new(count) else { return 0 };
        let mut at = first;
        // SAFETY: the caller's promise, and chunks are followed up to the end only.
        unsafe {
            table.add(start, self.page_bytes, start, first, |it| &mut it.tables);
            loop {
                match look(at, end) {
                    Look::End => break,
                    Look::Chunk { bytes, is_in_use } => {
                        if is_in_use {
                            if self.is_cached(at, bytes) {
                                table.add(start, self.page_bytes, at, at + bytes, |it| &mut it.cached);
                            } else {
                                table.add(start, self.page_bytes, at, at + bytes, |it| &mut it.used);
                                self.answer.totals.in_use_bytes += bytes as u64;
                            }
                        }
                        at += bytes;
                    }
                    Look::Broken => {
                        let next = next_chain(at, end);
                        table.add(start, self.page_bytes, at, next.unwrap_or(end), |it| &mut it.skipped);
                        let Some(next) = next else { break };
                        at = next;
                    }
                }
            }
        }
        let resident = self.add_pages(&mut table, start, (listed - start) / self.page_bytes);
        self.answer(&table, start, first, end);
        resident
    }

    /// Whether a chunk lies in a thread's cache.
    ///
    /// # Safety
    /// The chunk is readable, and has at least 32 bytes.
    unsafe fn is_cached(&self, at: usize, bytes: usize) -> bool {
        // SAFETY: the caller's promise.
        self.cache_key != 0 && bytes <= LARGEST_CACHED && unsafe { word(at + HEAD + 8) } == self.cache_key
    }

    /// Adds the resident pages of a heap to the totals, and forgets all others.
    fn add_pages(&mut self, table: &mut Table, start: usize, listed: usize) -> u64 {
        let page_bytes = self.page_bytes as u64;
        let mut resident = 0;
        let totals = &mut self.answer.totals;
        each_entry(self.pages, start / self.page_bytes, table.count, |index, entry| {
            let Some(page) = table.page(index) else { return };
            if !is_present(entry) {
                page.used = 0;
                page.skipped = u32::MAX;
                return;
            }
            if index >= listed {
                return;
            }
            resident += page_bytes;
            let [used, cached, tables, skipped] =
                [page.used, page.cached, page.tables, page.skipped].map(u64::from);
            let free = page_bytes.saturating_sub(used + cached + tables + skipped);
            totals.in_use_resident += used;
            totals.cached_resident += cached;
            totals.tables_resident += tables;
            totals.skipped_resident += skipped;
            if used > 0 {
                totals.held_resident += free;
            } else {
                totals.free_resident += free;
            }
        });
        resident
    }

    /// Fills in the blocks of a heap that were asked about.
    fn answer(&mut self, table: &Table, start: usize, first: usize, end: usize) {
        let page_bytes = self.page_bytes;
        for one in of_range(self.asked, first + HEAD, end) {
            let at = one.block - HEAD;
            // SAFETY: the heap is readable up to its end.
            let Look::Chunk { bytes, is_in_use: true } = (unsafe { look(at, end) }) else { continue };
            let mut held = 0;
            let mut place = at;
            while place < at + bytes {
                let index = (place - start) / page_bytes;
                let next = (start + (index + 1) * page_bytes).min(at + bytes);
                let part = (next - place) as u64;
                if let Some(page) = table.get(index)
                    && page.used != 0
                {
                    let taken = u64::from(page.used) + u64::from(page.cached) + u64::from(page.tables);
                    let free = (page_bytes as u64).saturating_sub(taken + u64::from(page.skipped));
                    held += free * part / u64::from(page.used);
                }
                place = next;
            }
            one.is_found = true;
            one.held_bytes = held;
        }
    }

    fn is_resident(&self, at: usize) -> bool {
        let mut is_resident = false;
        each_entry(self.pages, at / self.page_bytes, 1, |_, entry| is_resident = is_present(entry));
        is_resident
    }

    fn resident_in(&self, start: usize, end: usize) -> u64 {
        let mut pages = 0;
        let (first, count) = (start / self.page_bytes, (end - start) / self.page_bytes);
        each_entry(self.pages, first, count, |_, entry| pages += u64::from(is_present(entry)));
        pages * self.page_bytes as u64
    }

    /// The next resident page, or `end`.
    fn next_resident(&self, start: usize, end: usize) -> usize {
        let mut at = start;
        while at < end {
            let count = ((end - at) / self.page_bytes).min(ENTRIES);
            if count == 0 {
                return end;
            }
            let mut found = None;
            each_entry(self.pages, at / self.page_bytes, count, |index, entry| {
                if found.is_none() && is_present(entry) {
                    found = Some(index);
                }
            });
            if let Some(index) = found {
                return at + index * self.page_bytes;
            }
            at += count * self.page_bytes;
        }
        end
    }
}

/// The blocks of a range among all that were asked about.
fn of_range(asked: &mut [Asked], start: usize, end: usize) -> impl Iterator<Item = &mut Asked> {
    let from = asked.partition_point(|it| it.block < start);
    asked.get_mut(from..).unwrap_or_default().iter_mut().take_while(move |it| it.block < end)
}

/// Entries of the list of pages that are read at a time.
const ENTRIES: usize = 1024;

/// Reads entries of the kernel's list of pages. Where it cannot be read, the pages count as not resident.
fn each_entry(pages: i32, first: usize, count: usize, mut see: impl FnMut(usize, u64)) {
    let mut buffer = [0_u64; ENTRIES];
    let mut done = 0;
    while done < count {
        let wanted = ENTRIES.min(count - done);
        // SAFETY: the buffer has space for as many entries.
        let read = unsafe {
            libc::pread(pages, buffer.as_mut_ptr().cast(), wanted * 8, ((first + done) * 8) as libc::off_t)
        };
        let entries = usize::try_from(read).unwrap_or(0) / 8;
        if entries == 0 {
            return;
        }
        for (index, &entry) in buffer.iter().take(entries).enumerate() {
            see(done + index, entry);
        }
        done += entries;
    }
}
