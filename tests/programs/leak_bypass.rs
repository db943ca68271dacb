//! A shared library that is loaded in front of a test program, for the leak harness to meet what it cannot follow.
//!
//! As it is, it starts a thread past the harness when it is loaded. With `--cfg sanitizer` it only has the name of a sanitizer's
//! beginning. With `--cfg interposer` it has a `pthread_create` of its own, which passes calls on, or with `--cfg broken` fails.

#[cfg(interposer)]
mod interposer {
    use core::ffi::{c_char, c_int, c_void};
    use core::mem;
    use core::ptr;

    type Routine = extern "C" fn(*mut c_void) -> *mut c_void;
    type Create = unsafe extern "C" fn(*mut usize, *const c_void, Routine, *mut c_void) -> c_int;

    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    /// `RTLD_NEXT`: what is behind this library.
    const NEXT: *mut c_void = ptr::without_provenance_mut(usize::MAX);

    /// In front of the C library's.
    ///
    /// # Safety
    /// As for that function.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn pthread_create(
        thread: *mut usize,
        attributes: *const c_void,
        routine: Routine,
        argument: *mut c_void,
    ) -> c_int {
        eprintln!("the other pthread_create");
        if cfg!(broken) {
            // `EAGAIN`, as when there are too many threads.
            return 11;
        }
        // SAFETY: the name ends with a zero.
        let create = unsafe { dlsym(NEXT, c"pthread_create".as_ptr()) };
        assert!(!create.is_null());
        // SAFETY: the function of that name is of this type.
        let create = unsafe { mem::transmute::<*mut c_void, Create>(create) };
        // SAFETY: the caller promises what the function asks for.
        unsafe { create(thread, attributes, routine, argument) }
    }
}

#[cfg(not(any(sanitizer, interposer)))]
mod bypass {
    use core::ffi::{c_char, c_int, c_void};
    use core::mem;
    use core::ptr;
    use std::thread;
    use std::time::Duration;

    type Create = unsafe extern "C" fn(
        *mut usize,
        *const c_void,
        extern "C" fn(*mut c_void) -> *mut c_void,
        *mut c_void,
    ) -> c_int;

    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    /// `RTLD_NEXT`: what is behind this library, which the program is not.
    const NEXT: *mut c_void = ptr::without_provenance_mut(usize::MAX);

    extern "C" fn stay(_: *mut c_void) -> *mut c_void {
        thread::sleep(Duration::from_secs(3600));
        ptr::null_mut()
    }

    extern "C" fn begin() {
        // SAFETY: the name ends with a zero.
        let create = unsafe { dlsym(NEXT, c"pthread_create".as_ptr()) };
        assert!(!create.is_null());
        // SAFETY: the function of that name is of this type.
        let create = unsafe { mem::transmute::<*mut c_void, Create>(create) };
        let mut thread = 0;
        // SAFETY: the routine takes no notice of its argument, and there are no attributes.
        unsafe { create(&raw mut thread, ptr::null(), stay, ptr::null_mut()) };
    }

    #[used]
    // SAFETY: the section holds pointers to functions of this type, which the C library calls once.
    #[unsafe(link_section = ".init_array")]
    static BEGIN: extern "C" fn() = begin;
}

/// What the address sanitizer calls its own beginning.
#[cfg(sanitizer)]
#[unsafe(no_mangle)]
pub extern "C" fn __asan_init() {}
