//! A shared library that is preloaded into a test program, to confront the leak harness with situations that
//! it cannot follow.
//!
//! By default, it starts a thread that bypasses the harness when it is loaded. With `--cfg sanitizer` it only
//! defines the start function of a sanitizer. With `--cfg interposer` it has its own `pthread_create`, which
//! passes calls on, or with `--cfg broken` fails.

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

    /// `RTLD_NEXT`: the definition after this library's.
    const NEXT: *mut c_void = ptr::without_provenance_mut(usize::MAX);

    /// Replaces the C library's function.
    ///
    /// # Safety
    /// The requirements of that function.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn pthread_create(
        thread: *mut usize,
        attributes: *const c_void,
        routine: Routine,
        argument: *mut c_void,
    ) -> c_int {
        eprintln!("the other pthread_create");
        if cfg!(broken) {
            // `EAGAIN`, like with too many threads.
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

    /// `RTLD_NEXT`: the definition after this library's, which skips the program.
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

/// The name of the address sanitizer's start function.
#[cfg(sanitizer)]
#[unsafe(no_mangle)]
pub extern "C" fn __asan_init() {}
