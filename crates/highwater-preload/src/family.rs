//! The malloc family: functions with the names of the C library's, which the program calls in their place.
//!
//! All that goes through `malloc` is seen here too: `strdup` and its like, C++'s `new` and `delete`.

use core::ffi::{c_int, c_void};

use highwater_recorder::{Family, Inner as _};

use crate::real::{Glibc, Next, is_glibc, is_inside};

type Recorded = Family<Next>;

/// The same where the allocator is known to be glibc's, which is nearly always.
type RecordedGlibc = Family<Glibc>;

/// The functions in front of an allocator that is not glibc's, or was not looked up yet; and where a signal
/// handler is at work.
mod elsewhere {
    use super::*;
    use crate::real::{bootstrap, is_in_handler};

    /// # Safety
    /// As the C library's.
    #[inline(never)]
    pub(super) unsafe fn malloc(bytes: usize) -> *mut c_void {
        if is_in_handler() {
            return bootstrap::allocate(16, bytes).cast();
        }
        // SAFETY: the caller's promise.
        unsafe { if is_inside() { Next::malloc(bytes) } else { Recorded::malloc(bytes) }.cast() }
    }

    /// # Safety
    /// As the C library's.
    #[inline(never)]
    pub(super) unsafe fn free(block: *mut c_void) {
        // What the interrupted code's thread frees here would wait for its allocator.
        if is_in_handler() {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { if is_inside() { Next::free(block.cast()) } else { Recorded::free(block.cast()) } }
    }

    /// # Safety
    /// As the C library's.
    #[inline(never)]
    pub(super) unsafe fn calloc(count: usize, bytes: usize) -> *mut c_void {
        if is_in_handler() {
            return bootstrap::allocate(16, count.saturating_mul(bytes)).cast();
        }
        // SAFETY: the caller's promise.
        unsafe {
            if is_inside() { Next::calloc(count, bytes) } else { Recorded::calloc(count, bytes) }.cast()
        }
    }

    /// # Safety
    /// As the C library's.
    #[inline(never)]
    pub(super) unsafe fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
        let block = block.cast::<u8>();
        if is_in_handler() {
            let before = bootstrap::bytes_of(block).unwrap_or(0);
            let moved = bootstrap::allocate(16, bytes);
            if !moved.is_null() {
                // SAFETY: both are blocks of the reserve, neither is smaller than what is copied, and a
                // fresh one overlaps no other.
                unsafe { moved.copy_from_nonoverlapping(block, before.min(bytes)) };
            }
            return moved.cast();
        }
        // SAFETY: the caller's promise.
        unsafe {
            if is_inside() { Next::realloc(block, bytes) } else { Recorded::realloc(block, bytes) }.cast()
        }
    }
}

/// C's `malloc`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn malloc(bytes: usize) -> *mut c_void {
    if is_glibc() {
        // SAFETY: the caller's promise.
        return unsafe { RecordedGlibc::malloc(bytes).cast() };
    }
    // SAFETY: the caller's promise.
    unsafe { elsewhere::malloc(bytes) }
}

/// C's `free`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if is_glibc() {
        // SAFETY: the caller's promise.
        return unsafe { RecordedGlibc::free(block.cast()) };
    }
    // SAFETY: the caller's promise.
    unsafe { elsewhere::free(block) }
}

/// C's `calloc`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn calloc(count: usize, bytes: usize) -> *mut c_void {
    if is_glibc() {
        // SAFETY: the caller's promise.
        return unsafe { RecordedGlibc::calloc(count, bytes).cast() };
    }
    // SAFETY: the caller's promise.
    unsafe { elsewhere::calloc(count, bytes) }
}

/// C's `realloc`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    if is_glibc() {
        // SAFETY: the caller's promise.
        return unsafe { RecordedGlibc::realloc(block.cast(), bytes).cast() };
    }
    // SAFETY: the caller's promise.
    unsafe { elsewhere::realloc(block, bytes) }
}

/// glibc's `reallocarray`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, bytes: usize) -> *mut c_void {
    match count.checked_mul(bytes) {
        // SAFETY: the caller's promise.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => {
            set_errno(libc::ENOMEM);
            core::ptr::null_mut()
        }
    }
}

/// `cfree`, which old programs call.
///
/// # Safety
/// As for [`free`].
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { free(block) }
}

/// C23's `free_sized`.
///
/// # Safety
/// As for [`free`].
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn free_sized(block: *mut c_void, _bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { free(block) }
}

/// C23's `free_aligned_sized`.
///
/// # Safety
/// As for [`free`].
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _align: usize, _bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { free(block) }
}

/// `memalign`. As in glibc, an alignment that is no power of two is rounded up to one.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memalign(align: usize, bytes: usize) -> *mut c_void {
    match align.checked_next_power_of_two() {
        // SAFETY: the caller's promise.
        Some(align) if is_inside() => unsafe { Next::memalign(align, bytes).cast() },
        // SAFETY: the caller's promise.
        Some(align) => unsafe { Recorded::memalign(align, bytes).cast() },
        None => {
            set_errno(libc::EINVAL);
            core::ptr::null_mut()
        }
    }
}

/// C11's `aligned_alloc`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn aligned_alloc(align: usize, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { memalign(align, bytes) }
}

/// POSIX's `posix_memalign`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn posix_memalign(result: *mut *mut c_void, align: usize, bytes: usize) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
        return libc::EINVAL;
    }
    let before = errno();
    // SAFETY: the caller's promise.
    let block = unsafe { memalign(align, bytes) };
    if block.is_null() {
        set_errno(before);
        return libc::ENOMEM;
    }
    // SAFETY: the caller promises a place for the result.
    unsafe { result.write(block) };
    0
}

/// `valloc`: aligned to a page.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn valloc(bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { memalign(page(), bytes) }
}

/// `pvalloc`: whole pages.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn pvalloc(bytes: usize) -> *mut c_void {
    // What is too large is refused by the C library.
    let bytes = bytes.checked_next_multiple_of(page()).unwrap_or(usize::MAX);
    // SAFETY: the caller's promise.
    unsafe { memalign(page(), bytes) }
}

/// glibc's `malloc_usable_size`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    if is_inside() {
        // SAFETY: the caller's promise.
        return unsafe { if block.is_null() { 0 } else { Next::usable_bytes(block.cast()) } };
    }
    // SAFETY: the caller's promise.
    unsafe { Recorded::usable_bytes(block.cast()) }
}

fn page() -> usize {
    // SAFETY: sysconf has no preconditions.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

fn errno() -> c_int {
    // SAFETY: the C library has one for each thread.
    unsafe { *libc::__errno_location() }
}

fn set_errno(number: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = number };
}
