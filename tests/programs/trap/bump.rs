//! An arena that hands out memory sequentially and never takes any back: the simplest inner allocator, and
//! one that may be called in a signal handler.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// Reserved address space in bytes; memory is used only as far as it is handed out.
const ROOM: usize = 32 << 30;

pub struct Bump {
    start: AtomicPtr<u8>,
    used: AtomicUsize,
}

impl Bump {
    pub const fn new() -> Self {
        Self { start: AtomicPtr::new(ptr::null_mut()), used: AtomicUsize::new(0) }
    }

    fn start(&self) -> *mut u8 {
        let start = self.start.load(Relaxed);
        if !start.is_null() {
            return start;
        }
        // SAFETY: a fresh private mapping at an address of the kernel's choice touches no memory in use.
        let mapped = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
            libc::mmap(ptr::null_mut(), ROOM, protection, flags, -1, 0)
        };
        if mapped == libc::MAP_FAILED {
            return ptr::null_mut();
        }
        match self.start.compare_exchange(ptr::null_mut(), mapped.cast(), Relaxed, Relaxed) {
            Ok(_) => mapped.cast(),
            Err(first) => first,
        }
    }
}

// SAFETY: every block is a piece of the mapping of its own, aligned by the extra space, and stays for ever.
// The memory is zero, because the kernel gives it so and nobody has had it before.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.start();
        let Some(bytes) = layout.size().checked_add(layout.align()) else { return ptr::null_mut() };
        if start.is_null() || bytes > ROOM {
            return ptr::null_mut();
        }
        let used = self.used.fetch_add(bytes, Relaxed);
        if used > ROOM - bytes {
            return ptr::null_mut();
        }
        // SAFETY: the piece from `used` to `used + bytes` lies within the mapping, and leaves space for the
        // alignment.
        unsafe {
            let piece = start.add(used);
            piece.add(piece.align_offset(layout.align()))
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.alloc(layout) }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
