//! The functions in front of the C library's that start child processes.
//!
//! Each passes its call on and writes down the child that came of it, in the process that called. A child of
//! `fork` comes back from the same call, and there nothing is done: a thread that held a lock does not exist
//! in it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;

use crate::children;
use crate::next::{Next, error_number, missing, set_error_number};

/// Stands in front of the C library's function of this name.
///
/// # Safety
/// As for that function.
#[unsafe(no_mangle)]
unsafe extern "C" fn fork() -> libc::pid_t {
    static NEXT: Next = Next::new(c"fork");
    let next = NEXT.address();
    if next.is_null() {
        return missing();
    }
    // SAFETY: this is the address of the function of that name, which is of this type.
    let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn() -> libc::pid_t>(next) };
    let begun = children::now();
    // SAFETY: the caller promises what the function asks for.
    let child = unsafe { next() };
    if child > 0 {
        let error = error_number();
        children::started(child, begun, || Box::from("a copy of this process"));
        set_error_number(error);
    }
    child
}

// SAFETY: who calls it promises what the C library's manual asks of a call of `posix_spawn`.
type Spawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const c_char,
    *const c_void,
    *const c_void,
    *const *const c_char,
    *const *const c_char,
) -> c_int;

/// The words of a command, as text.
///
/// # Safety
/// `words` is null or a row of texts that ends with a null.
// SAFETY: the function below is the only caller, and passes on what its own caller promises.
unsafe fn command(words: *const *const c_char) -> Box<str> {
    /// More is cut off.
    const MOST_BYTES: usize = 256;
    let mut text = String::new();
    if words.is_null() {
        return text.into();
    }
    let mut word = words;
    // SAFETY: the row ends with a null, behind which nothing is read.
    while let Some(each) = unsafe { (*word).as_ref() } {
        if text.len() > MOST_BYTES {
            text.push_str(" …");
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        // SAFETY: each of the texts ends with a zero.
        text.push_str(&unsafe { CStr::from_ptr(each) }.to_string_lossy());
        // SAFETY: the last one was no null, so another one follows.
        word = unsafe { word.add(1) };
    }
    text.into()
}

macro_rules! spawning {
    ($($name:ident as $text:literal;)*) => {$(
        /// Stands in front of the C library's function of this name.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            child: *mut libc::pid_t,
            path: *const c_char,
            actions: *const c_void,
            attributes: *const c_void,
            arguments: *const *const c_char,
            environment: *const *const c_char,
        ) -> c_int {
            static NEXT: Next = Next::new($text);
            let next = NEXT.address();
            if next.is_null() {
                return libc::ENOSYS;
            }
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, Spawn>(next) };
            let begun = children::now();
            // It may be that the caller does not ask for the number.
            let mut number: libc::pid_t = 0;
            // SAFETY: the caller promises what the function asks for; there is space for the number.
            let result = unsafe { next(&raw mut number, path, actions, attributes, arguments, environment) };
            if result == 0 {
                // SAFETY: the caller has space for the number, or has said that it has none.
                if let Some(child) = unsafe { child.as_mut() } {
                    *child = number;
                }
                let error = error_number();
                // SAFETY: the caller promises that these are the words of a command.
                children::started(number, begun, || unsafe { command(arguments) });
                set_error_number(error);
            }
            result
        }
    )*};
}

spawning! {
    posix_spawn as c"posix_spawn";
    posix_spawnp as c"posix_spawnp";
}
