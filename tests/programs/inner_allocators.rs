//! The same work over any inner allocator: `inner_allocators PATH`, with the allocator's name in
//! `TRAP_INNER`.
//!
//! The work uses all alignments, moves blocks between threads, grows and shrinks them, and continues after a
//! refused allocation. The program compares its own count with the recorder's exact totals, and prints the
//! count so that the test can compare the profile with it.

#[macro_use]
mod trap;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::TryReserveError;
use std::ffi::CStr;
use std::hint::black_box;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread;

use mimalloc_pprof::MiMalloc;
use tikv_jemallocator::Jemalloc;
use trap::bump::Bump;
use trap::planted::Planted;
use trap::{Block, Mark, Outcome, expect};

#[global_allocator]
static ALLOC: Planted<highwater::Alloc<Inner>> = Planted::around(highwater::Alloc::wrapping(Inner).exact());

/// The allocators, by their names in the environment.
const NAMES: [&CStr; 6] = [c"system", c"mimalloc", c"jemalloc", c"bump", c"page", c"refusing"];

/// The chosen allocator: 0 before the environment is read, then its index in the names plus one.
static CHOSEN: AtomicU8 = AtomicU8::new(0);
static BUMP: Bump = Bump::new();
/// Calls of the refusing allocator, which starts to refuse in `work`.
static CALLS: AtomicU64 = AtomicU64::new(0);
const NOT_YET: u64 = 1 << 63;

site!(site_plain, PLAIN);
site!(site_passed_on, PASSED_ON);

/// The allocator that the environment names; without it, the first one.
struct Inner;

impl Inner {
    fn chosen() -> &'static CStr {
        let known = CHOSEN.load(Relaxed);
        if known != 0 {
            return NAMES[usize::from(known) - 1];
        }
        // SAFETY: the name is a C string, and nobody changes the environment.
        let index = unsafe {
            let value = libc::getenv(c"TRAP_INNER".as_ptr());
            (!value.is_null())
                .then(|| CStr::from_ptr(value))
                .and_then(|value| NAMES.iter().position(|name| *name == value))
        };
        let index = index.unwrap_or(0);
        CHOSEN.store(index as u8 + 1, Relaxed);
        NAMES[index]
    }

    fn allocator() -> &'static (dyn GlobalAlloc + Sync) {
        match Self::chosen().to_bytes() {
            b"mimalloc" => &MiMalloc,
            b"jemalloc" => &Jemalloc,
            b"bump" => &BUMP,
            b"page" => &UpToAPage,
            b"refusing" => &Refusing,
            _ => &System,
        }
    }
}

// SAFETY: every call of a process goes to one and the same allocator.
unsafe impl GlobalAlloc for Inner {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::allocator().alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::allocator().alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::allocator().dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::allocator().realloc(block, layout, new_size) }
    }
}

/// Ignores alignments above 4 KiB.
struct UpToAPage;

impl UpToAPage {
    fn heeded(layout: Layout) -> Layout {
        Layout::from_size_align(layout.size(), layout.align().min(4096)).unwrap_or(layout)
    }
}

// SAFETY: as the system's, but for larger alignments, which this program asks for only to see that the
// address is passed on; it does not rely on it.
unsafe impl GlobalAlloc for UpToAPage {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is the caller's.
        unsafe { System.alloc(Self::heeded(layout)) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block was asked for with this layout.
        unsafe { System.dealloc(block, Self::heeded(layout)) };
    }
}

/// Returns null for each hundredth call.
struct Refusing;

impl Refusing {
    fn refuses() -> bool {
        if CALLS.load(Relaxed) >= NOT_YET {
            return false;
        }
        CALLS.fetch_add(1, Relaxed) % 100 == 99
    }
}

// SAFETY: as the system's, which may return null as well; a block that was not resized is left as it is.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        if Self::refuses() { ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        if Self::refuses() { ptr::null_mut() } else { unsafe { System.realloc(block, layout, new_size) } }
    }
}

/// A vector of bytes that is grown and shrunk, in place or by moving, whether refused or not, with its own
/// count.
#[derive(Default)]
struct Grown {
    bytes: Vec<u8>,
    /// `[alloc_blocks, alloc_bytes, freed_blocks, freed_bytes]`; a resized block is one freed and one
    /// allocated.
    truth: [u64; 4],
    refused: u64,
}

impl Grown {
    fn count(&mut self, before: usize) {
        let after = self.bytes.capacity();
        if after != before {
            for (at, bytes) in [(0, after), (2, before)] {
                if bytes != 0 {
                    self.truth[at] += 1;
                    self.truth[at + 1] += bytes as u64;
                }
            }
        }
    }

    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let before = self.bytes.capacity();
        let kept = self.bytes.last().copied();
        match black_box(self.bytes.try_reserve_exact(bytes)) {
            Ok(()) => self.bytes.resize(self.bytes.len() + bytes, 7),
            Err(_refused @ TryReserveError { .. }) => self.refused += 1,
        }
        assert_eq!(kept.unwrap_or(7), self.bytes.last().copied().unwrap_or(7), "the content is kept");
        self.count(before);
    }

    fn free(&mut self) {
        let before = self.bytes.capacity();
        self.bytes = Vec::new();
        self.count(before);
    }
}

/// The count of the growing vectors, and how often they were refused.
fn grow_and_free() -> ([u64; 4], u64) {
    let mut grown = Grown::default();
    for step in 0..1_500_usize {
        grown.grow([3, 100, 5_000, 70_000][step % 4]);
        if step % 7 == 6 {
            grown.free();
        }
    }
    grown.free();
    (grown.truth, grown.refused)
}

/// Blocks of all alignments. Unless the allocator refuses, another thread frees them.
fn all_alignments() {
    let mut kept: Vec<Option<Block>> = (0..200).map(|_| None).collect();
    for step in 0..4_000_usize {
        kept[step * 7 % 200] = Some(site_plain(1 + step * 37 % 3_000, 1 << (step % 15)));
    }
    let (send, receive) = sync_channel::<Block>(50);
    let thread = thread::spawn(move || receive.into_iter().for_each(drop));
    for step in 0..2_000_usize {
        send.send(site_passed_on(1 + step % 5_000, 1 << (step % 8))).expect("the thread receives");
    }
    drop(send);
    thread.join().expect("no panic");
}

fn run(path: &str) -> Outcome {
    println!("inner {}", Inner::chosen().to_string_lossy());
    all_alignments();
    let mark = Mark::now();
    CALLS.store(0, Relaxed);
    let (truth, refused) = grow_and_free();
    // Taken before the profiler's own calls can be refused.
    CALLS.store(NOT_YET, Relaxed);
    expect("totals", mark.since(), truth)?;
    expect("whether blocks were refused", refused > 0, Inner::chosen() == c"refusing")?;
    trap::snapshot(path)?;
    [&PLAIN, &PASSED_ON].iter().for_each(|it| it.print());
    Ok(())
}

fn main() -> ExitCode {
    CALLS.store(NOT_YET, Relaxed);
    trap::report(run)
}
