//! The next function with the name of a function of this crate: the C library's own, or another that stands
//! in between.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function behind ours.
pub(crate) struct Next {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Next {
    /// The function of this name, which is looked up when it is asked for.
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Its address; null where there is none.
    #[inline]
    pub(crate) fn address(&self) -> *mut c_void {
        let found = self.found.load(Ordering::Relaxed);
        if !found.is_null() {
            return found;
        }
        self.find()
    }

    /// Its address; null if it has not been looked up.
    #[inline]
    pub(crate) fn found(&self) -> *mut c_void {
        self.found.load(Ordering::Relaxed)
    }

    #[cold]
    fn find(&self) -> *mut c_void {
        // SAFETY: the name ends with a zero.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.found.store(found, Ordering::Relaxed);
        found
    }
}

/// The value of `errno`, which callers of the C library may look at after a call.
pub(crate) fn error_number() -> c_int {
    // SAFETY: the C library has one for every thread.
    unsafe { *libc::__errno_location() }
}

/// Sets `errno`.
pub(crate) fn set_error_number(number: c_int) {
    // SAFETY: the C library has one for every thread.
    unsafe { *libc::__errno_location() = number };
}

/// What a function of this crate returns where there is none behind it.
pub(crate) fn missing() -> c_int {
    set_error_number(libc::ENOSYS);
    -1
}
