//! The environment of the process, where the C library keeps it: read before there is a lock or memory for
//! copies, and changed in place.

use core::ffi::{CStr, c_char};
use core::ptr;

// SAFETY: the C library declares its list with this type.
unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// What the loader reads its preloaded libraries from, with its `=`.
pub(crate) const PRELOAD: &[u8] = b"LD_PRELOAD=";

/// The list: pointers to C strings up to a null. Null while the C library has none yet.
pub(crate) fn list() -> *mut *mut c_char {
    // SAFETY: a pointer is read; the C library changes it under a lock that no caller of this holds in
    // another thread.
    unsafe { environ }
}

/// Makes another list the environment.
///
/// # Safety
/// It is one, and stays so. No other thread uses the environment.
pub(crate) unsafe fn set_list(list: *mut *mut c_char) {
    // SAFETY: the caller's promise.
    unsafe { environ = list };
}

/// The strings of a list. None for null.
///
/// # Safety
/// It is null or a list as [`list`] says, and nobody changes it meanwhile.
pub(crate) unsafe fn strings(list: *const *mut c_char) -> impl Iterator<Item = *mut c_char> {
    let mut next = list;
    core::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: the caller promises a list, which ends with a null.
        unsafe {
            let string = next.read();
            if string.is_null() {
                return None;
            }
            next = next.add(1);
            Some(string)
        }
    })
}

/// The value in the environment's string `string`, if it is the variable `name`, which has its `=`.
///
/// # Safety
/// It is a C string that nobody changes meanwhile.
pub(crate) unsafe fn value<'a>(string: *const c_char, name: &[u8]) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(string) }.to_bytes().strip_prefix(name)
}

/// The value of a variable, whose name has its `=`.
///
/// # Safety
/// No other thread changes the environment.
pub(crate) unsafe fn get<'a>(name: &[u8]) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { strings(list()).find_map(|it| value(it, name)) }
}

/// Takes a variable out of the environment.
///
/// # Safety
/// No other thread uses the environment.
pub(crate) unsafe fn remove(name: &[u8]) {
    let list = list();
    if list.is_null() {
        return;
    }
    // SAFETY: the caller's promise. What is written is never beyond what is read, and the null moves up.
    unsafe {
        let mut kept = list;
        for string in strings(list) {
            if value(string, name).is_none() {
                kept.write(string);
                kept = kept.add(1);
            }
        }
        kept.write(ptr::null_mut());
    }
}

/// Overwrites the beginning of a variable's value.
///
/// # Safety
/// No other thread uses the environment, and the program has no constant string there.
pub(crate) unsafe fn overwrite(name: &[u8], start: &[u8]) {
    // SAFETY: the caller's promise. No more bytes are written than the string has.
    unsafe {
        for string in strings(list()) {
            if value(string, name).is_some_and(|it| it.len() >= start.len()) {
                string.add(name.len()).cast::<u8>().copy_from_nonoverlapping(start.as_ptr(), start.len());
            }
        }
    }
}

/// Takes a library out of the list of those to be preloaded.
///
/// # Safety
/// As for [`overwrite`].
pub(crate) unsafe fn remove_preloaded(library: &[u8]) {
    // SAFETY: the caller's promise. The rest of the string moves up within it, with its 0.
    unsafe {
        for string in strings(list()) {
            let Some(preloaded) = value(string, PRELOAD) else { continue };
            let Some(rest) = preloaded.strip_prefix(library) else { continue };
            let behind = rest.strip_prefix(b":").unwrap_or(rest);
            let to = string.add(PRELOAD.len()).cast::<u8>();
            to.copy_from(behind.as_ptr(), behind.len() + 1);
        }
        if get(PRELOAD).is_some_and(<[u8]>::is_empty) {
            remove(PRELOAD);
        }
    }
}
