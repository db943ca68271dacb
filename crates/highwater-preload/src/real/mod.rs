//! The functions that this library stands in front of, found by their names in the libraries behind it.
//!
//! The loader may itself ask for memory while it looks a name up. That comes from a small reserve
//! ([`bootstrap`]).

pub(crate) mod bootstrap;
mod glibc;

mod handler;

pub(crate) use glibc::Glibc;
pub(crate) use handler::{Handler, is_in_handler};

use core::cell::Cell;
use core::ffi::{CStr, c_void};
use core::mem;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};
use core::{hint, ptr};

use highwater_recorder::Inner;

/// A function of another library, by its address; null until it was looked up.
pub(crate) struct Real(AtomicPtr<c_void>);

impl Real {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The address of the next function of that name behind this library; null if there is none.
    pub(crate) fn find(&self, name: &CStr) -> *mut c_void {
        let known = self.0.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name is a C string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        self.0.store(found, Ordering::Relaxed);
        found
    }
}

static MALLOC: Real = Real::new();
static CALLOC: Real = Real::new();
static REALLOC: Real = Real::new();
static MEMALIGN: Real = Real::new();
static FREE: Real = Real::new();
static USABLE: Real = Real::new();

/// Whether the functions are glibc's, whose blocks tell their size in front of them, and no signal handler
/// is at work.
static HAS_HEADERS: AtomicBool = AtomicBool::new(false);

const UNKNOWN: u8 = 0;
const SEARCHING: u8 = 1;
const KNOWN: u8 = 2;
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Looks all of them up. False while that is going on, in this thread or in another.
#[cold]
fn find_all() -> bool {
    if let Err(state) = STATE.compare_exchange(UNKNOWN, SEARCHING, Ordering::Acquire, Ordering::Acquire) {
        return state == KNOWN;
    }
    let names = [
        (&CALLOC, c"calloc"),
        (&REALLOC, c"realloc"),
        (&MEMALIGN, c"memalign"),
        (&USABLE, c"malloc_usable_size"),
        (&FREE, c"free"),
        // The last, because it is the one that is asked for.
        (&MALLOC, c"malloc"),
    ];
    for (function, name) in names {
        if function.find(name).is_null() {
            complain(name);
        }
    }
    // The functions are there for all who see this.
    HAS_HEADERS.store(has_headers(), Ordering::Release);
    STATE.store(KNOWN, Ordering::Release);
    true
}

/// Ends a process that has no such function, and so cannot go on with this library.
fn complain(name: &CStr) -> ! {
    for part in [b"highwater: no function of the C library is called ".as_slice(), name.to_bytes(), b"\n"] {
        // SAFETY: the pointer and the length are from a slice.
        unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
    }
    // SAFETY: the process ends.
    unsafe { libc::syscall(libc::SYS_exit_group, 127) };
    loop {
        hint::spin_loop();
    }
}

/// Whether the next `malloc` is glibc's, and what stands in front of its blocks is what it is known to be.
fn has_headers() -> bool {
    // SAFETY: the name is a C string.
    let own = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_malloc".as_ptr()) };
    let malloc = MALLOC.0.load(Ordering::Relaxed);
    // A small block, a large one, and one that is mapped by itself.
    own == malloc
        && [1, 24, 25, 5000, 1 << 20, 64 << 20].into_iter().all(|bytes| {
            // SAFETY: the functions are glibc's; the block is given back at once.
            unsafe {
                let block = raw_malloc(bytes);
                if block.is_null() {
                    return true;
                }
                let is_known = by_header(block) == raw_usable(block);
                raw_free(block);
                is_known
            }
        })
}

/// Usable bytes of one of glibc's blocks.
///
/// # Safety
/// The block is one of glibc's.
#[inline(always)]
unsafe fn by_header(block: *mut u8) -> usize {
    const IS_MAPPED: usize = 2;
    // SAFETY: the word in front of a block is its size with flags, with which free begins as well.
    let word = unsafe { block.cast::<usize>().sub(1).read() };
    (word & !FLAGS) - if word & IS_MAPPED == 0 { 8 } else { 16 }
}

/// The lowest bits of a block's size are flags.
const FLAGS: usize = 7;

/// The size in front of one of glibc's blocks: bytes from there to the next block.
///
/// # Safety
/// The block is one of glibc's.
#[inline(always)]
unsafe fn header(block: *mut u8) -> usize {
    // SAFETY: the caller's promise.
    unsafe { block.cast::<usize>().sub(1).read() & !FLAGS }
}

/// # Safety
/// As the C library's. The functions were looked up.
#[inline(always)]
unsafe fn raw_malloc(bytes: usize) -> *mut u8 {
    // SAFETY: the function of this name has this type; the caller's promise.
    unsafe {
        let function = MALLOC.0.load(Ordering::Relaxed);
        mem::transmute::<*mut c_void, unsafe extern "C" fn(usize) -> *mut u8>(function)(bytes)
    }
}

/// # Safety
/// As for [`raw_malloc`].
#[inline(always)]
unsafe fn raw_calloc(count: usize, bytes: usize) -> *mut u8 {
    // SAFETY: as above.
    unsafe {
        let function = CALLOC.0.load(Ordering::Relaxed);
        mem::transmute::<*mut c_void, unsafe extern "C" fn(usize, usize) -> *mut u8>(function)(count, bytes)
    }
}

/// # Safety
/// As for [`raw_malloc`].
#[inline(always)]
unsafe fn raw_realloc(block: *mut u8, bytes: usize) -> *mut u8 {
    // SAFETY: as above.
    unsafe {
        let function = REALLOC.0.load(Ordering::Relaxed);
        mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut u8, usize) -> *mut u8>(function)(block, bytes)
    }
}

/// # Safety
/// As for [`raw_malloc`].
#[inline(always)]
unsafe fn raw_memalign(align: usize, bytes: usize) -> *mut u8 {
    // SAFETY: as above.
    unsafe {
        let function = MEMALIGN.0.load(Ordering::Relaxed);
        mem::transmute::<*mut c_void, unsafe extern "C" fn(usize, usize) -> *mut u8>(function)(align, bytes)
    }
}

/// # Safety
/// As for [`raw_malloc`].
#[inline(always)]
unsafe fn raw_free(block: *mut u8) {
    // SAFETY: as above.
    unsafe {
        let function = FREE.0.load(Ordering::Relaxed);
        mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut u8)>(function)(block);
    }
}

/// # Safety
/// As for [`raw_malloc`].
#[inline(always)]
unsafe fn raw_usable(block: *mut u8) -> usize {
    // SAFETY: as above.
    unsafe {
        let function = USABLE.0.load(Ordering::Relaxed);
        mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut u8) -> usize>(function)(block)
    }
}

thread_local! {
    /// The calling thread is in one of the functions.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Calls one of the functions. In other libraries than glibc they may call each other by their names, and so
/// come here again.
#[inline(always)]
fn inside<R>(call: impl FnOnce() -> R) -> R {
    if HAS_HEADERS.load(Ordering::Relaxed) {
        return call();
    }
    let before = IS_INSIDE.replace(true);
    let result = call();
    IS_INSIDE.set(before);
    result
}

/// Whether the functions are glibc's and were looked up: [`Glibc`] may be used.
#[inline(always)]
pub(crate) fn is_glibc() -> bool {
    HAS_HEADERS.load(Ordering::Acquire)
}

/// Whether one of the functions calls another one, which is a part of what it does and no call of the
/// program.
#[inline(always)]
pub(crate) fn is_inside() -> bool {
    !HAS_HEADERS.load(Ordering::Relaxed) && IS_INSIDE.get()
}

#[inline(always)]
fn is_known() -> bool {
    STATE.load(Ordering::Acquire) == KNOWN || find_all()
}

/// The allocator behind this library.
#[derive(Debug)]
pub(crate) struct Next;

// SAFETY: the loader finds the functions behind this library, where one allocator has them all. What the
// loader itself asks for meanwhile comes from the reserve, and goes back there. Neither unwinds.
unsafe impl Inner for Next {
    fn start() {
        crate::start::start();
    }

    #[inline(always)]
    unsafe fn malloc(bytes: usize) -> *mut u8 {
        if !is_known() {
            return bootstrap::allocate(16, bytes);
        }
        // SAFETY: the caller's promise.
        inside(|| unsafe { raw_malloc(bytes) })
    }

    #[inline(always)]
    unsafe fn calloc(count: usize, bytes: usize) -> *mut u8 {
        if !is_known() {
            return bootstrap::allocate(16, count.saturating_mul(bytes));
        }
        // SAFETY: the caller's promise.
        inside(|| unsafe { raw_calloc(count, bytes) })
    }

    #[inline(always)]
    unsafe fn realloc(block: *mut u8, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise. A block of the reserve stays there, and its bytes are copied.
        unsafe {
            if let Some(before) = bootstrap::bytes_of(block) {
                let moved = Self::malloc(bytes);
                if !moved.is_null() {
                    moved.copy_from_nonoverlapping(block, before.min(bytes));
                }
                return moved;
            }
            inside(|| raw_realloc(block, bytes))
        }
    }

    #[inline(always)]
    unsafe fn memalign(align: usize, bytes: usize) -> *mut u8 {
        if !is_known() {
            return bootstrap::allocate(align, bytes);
        }
        // SAFETY: the caller's promise.
        inside(|| unsafe { raw_memalign(align, bytes) })
    }

    #[inline(always)]
    unsafe fn free(block: *mut u8) {
        if bootstrap::bytes_of(block).is_some() || !is_known() {
            return;
        }
        // SAFETY: the caller's promise.
        inside(|| unsafe { raw_free(block) })
    }

    #[inline(always)]
    unsafe fn usable_bytes(block: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe {
            if HAS_HEADERS.load(Ordering::Relaxed) {
                // Blocks of the reserve have such a header as well.
                return by_header(block);
            }
            if let Some(bytes) = bootstrap::bytes_of(block) {
                return bytes;
            }
            if is_known() { inside(|| raw_usable(block)) } else { 0 }
        }
    }
}
