//! The functions in front of the C library's that open and close descriptors.
//!
//! Each passes its call on first and writes down what came of it; a descriptor that is closed is forgotten
//! first, since the kernel may give its number to another thread at once. Nothing here takes a lock or
//! allocates: these functions may be called in a handler of signals.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::mem;

use crate::descriptors::{closes, opened};
use crate::next::{Next, missing};

/// A name as C has it.
macro_rules! name {
    ($name:ident) => {
        const {
            match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a name of a function has no zero in it"),
            }
        }
    };
}

/// Puts functions in front of the C library's functions of the same name that return a descriptor, or a
/// negative number.
macro_rules! opening {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        /// Stands in front of the C library's function of this name.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> c_int {
            static NEXT: Next = Next::new(name!($name));
            let next = NEXT.address();
            if next.is_null() {
                return missing();
            }
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> c_int>(next) };
            // SAFETY: the caller promises what the function asks for.
            let number = unsafe { next($($argument),*) };
            opened(number);
            number
        }
    )*};
}

/// The same for functions that take one more argument where their flags say so. It is passed on in any case,
/// as it came.
macro_rules! opening_with_mode {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        /// Stands in front of the C library's function of this name.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind,)* mode: c_uint) -> c_int {
            static NEXT: Next = Next::new(name!($name));
            let next = NEXT.address();
            if next.is_null() {
                return missing();
            }
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind,)* ...) -> c_int>(next) };
            // SAFETY: the caller promises what the function asks for.
            let number = unsafe { next($($argument,)* mode) };
            opened(number);
            number
        }
    )*};
}

/// The same for functions that write two descriptors to where `$two` points and return 0.
macro_rules! opening_two {
    ($($name:ident($($argument:ident: $kind:ty),*) to $two:ident;)*) => {$(
        /// Stands in front of the C library's function of this name.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> c_int {
            static NEXT: Next = Next::new(name!($name));
            let next = NEXT.address();
            if next.is_null() {
                return missing();
            }
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> c_int>(next) };
            // SAFETY: the caller promises what the function asks for.
            let result = unsafe { next($($argument),*) };
            if result == 0 {
                // SAFETY: there is space for two, and the function has written both.
                let [first, second] = unsafe { *$two.cast::<[c_int; 2]>() };
                opened(first);
                opened(second);
            }
            result
        }
    )*};
}

/// The same for functions that may return a descriptor that was open before: what they return is new unless
/// `$old` is that.
macro_rules! opening_if_new {
    ($($name:ident($($argument:ident: $kind:ty),*) unless $old:ident;)*) => {$(
        /// Stands in front of the C library's function of this name.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> c_int {
            static NEXT: Next = Next::new(name!($name));
            let next = NEXT.address();
            if next.is_null() {
                return missing();
            }
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> c_int>(next) };
            // SAFETY: the caller promises what the function asks for.
            let number = unsafe { next($($argument),*) };
            if number != $old {
                opened(number);
            }
            number
        }
    )*};
}

/// Puts functions in front of the C library's functions of the same name that take or return a stream or a
/// directory. A second function yields the descriptor of either.
macro_rules! opening_stream {
    ($($name:ident($($argument:ident: $kind:ty),*) by $number_of:path;)*) => {$(
        /// Stands in front of the C library's function of this name.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> *mut c_void {
            static NEXT: Next = Next::new(name!($name));
            let next = NEXT.address();
            if next.is_null() {
                missing();
                return std::ptr::null_mut();
            }
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> *mut c_void>(next) };
            // SAFETY: the caller promises what the function asks for.
            let stream = unsafe { next($($argument),*) };
            if !stream.is_null() {
                // SAFETY: the stream was just opened.
                opened(unsafe { $number_of(stream.cast()) });
            }
            stream
        }
    )*};
}

macro_rules! closing_stream {
    ($($name:ident by $number_of:path;)*) => {$(
        /// Stands in front of the C library's function of this name.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(stream: *mut c_void) -> c_int {
            static NEXT: Next = Next::new(name!($name));
            let next = NEXT.address();
            if next.is_null() {
                return missing();
            }
            // SAFETY: the caller promises that the stream is open.
            closes(unsafe { $number_of(stream.cast()) });
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void) -> c_int>(next) };
            // SAFETY: the caller promises what the function asks for.
            unsafe { next(stream) }
        }
    )*};
}

opening! {
    creat(path: *const c_char, mode: c_uint);
    creat64(path: *const c_char, mode: c_uint);
    dup(old: c_int);
    socket(domain: c_int, kind: c_int, protocol: c_int);
    accept(socket: c_int, address: *mut c_void, length: *mut c_void);
    accept4(socket: c_int, address: *mut c_void, length: *mut c_void, flags: c_int);
    epoll_create(size: c_int);
    epoll_create1(flags: c_int);
    eventfd(count: c_uint, flags: c_int);
    timerfd_create(clock: c_int, flags: c_int);
    inotify_init();
    inotify_init1(flags: c_int);
    memfd_create(name: *const c_char, flags: c_uint);
    shm_open(name: *const c_char, flags: c_int, mode: c_uint);
    posix_openpt(flags: c_int);
    pidfd_open(process: c_int, flags: c_uint);
    mkstemp(path: *mut c_char);
    mkstemp64(path: *mut c_char);
    mkostemp(path: *mut c_char, flags: c_int);
    mkostemp64(path: *mut c_char, flags: c_int);
}

opening_with_mode! {
    open(path: *const c_char, flags: c_int);
    open64(path: *const c_char, flags: c_int);
    openat(directory: c_int, path: *const c_char, flags: c_int);
    openat64(directory: c_int, path: *const c_char, flags: c_int);
}

opening_if_new! {
    dup2(old: c_int, new: c_int) unless old;
    dup3(old: c_int, new: c_int, flags: c_int) unless old;
    signalfd(old: c_int, mask: *const c_void, flags: c_int) unless old;
}

opening_two! {
    pipe(two: *mut c_int) to two;
    pipe2(two: *mut c_int, flags: c_int) to two;
    socketpair(domain: c_int, kind: c_int, protocol: c_int, two: *mut c_int) to two;
}

opening_stream! {
    opendir(path: *const c_char) by libc::dirfd;
    fopen(path: *const c_char, mode: *const c_char) by libc::fileno;
    fopen64(path: *const c_char, mode: *const c_char) by libc::fileno;
}

closing_stream! {
    closedir by libc::dirfd;
    fclose by libc::fileno;
}

/// Stands in front of the C library's function of this name.
///
/// # Safety
/// As for that function.
#[unsafe(no_mangle)]
unsafe extern "C" fn close(number: c_int) -> c_int {
    static NEXT: Next = Next::new(c"close");
    let next = NEXT.address();
    if next.is_null() {
        return missing();
    }
    closes(number);
    // SAFETY: this is the address of the function of that name, which is of this type.
    let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> c_int>(next) };
    // SAFETY: the caller promises what the function asks for.
    unsafe { next(number) }
}

/// Passes a call on, and writes down a descriptor that is a copy.
///
/// # Safety
/// As for the function that `next` finds, which is `fcntl`.
// SAFETY: the functions below, which are called as that function is, are the only callers.
unsafe fn control(next: &Next, number: c_int, command: c_int, argument: *mut c_void) -> c_int {
    let next = next.address();
    if next.is_null() {
        return missing();
    }
    // SAFETY: this is the address of the function of that name, which is of this type.
    let next =
        unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int, c_int, ...) -> c_int>(next) };
    // SAFETY: the caller promises what the function asks for. It looks at no argument that its command does
    // not have.
    let result = unsafe { next(number, command, argument) };
    if command == libc::F_DUPFD || command == libc::F_DUPFD_CLOEXEC {
        opened(result);
    }
    result
}

/// Stands in front of the C library's function of this name.
///
/// # Safety
/// As for that function.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl(number: c_int, command: c_int, argument: *mut c_void) -> c_int {
    static NEXT: Next = Next::new(c"fcntl");
    // SAFETY: the caller promises what the function asks for.
    unsafe { control(&NEXT, number, command, argument) }
}

/// Stands in front of the C library's function of this name.
///
/// # Safety
/// As for that function.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl64(number: c_int, command: c_int, argument: *mut c_void) -> c_int {
    static NEXT: Next = Next::new(c"fcntl64");
    // SAFETY: the caller promises what the function asks for.
    unsafe { control(&NEXT, number, command, argument) }
}
