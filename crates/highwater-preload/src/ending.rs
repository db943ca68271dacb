//! The end of the process, by each function that ends one: the profile is written before.

use core::ffi::{c_int, c_void};
use core::hint;
use core::mem;

use crate::real::Real;
use crate::signals;
use crate::start::at_very_end;
use crate::{control, output};

/// Has the profile written when the program returns from `main` or calls `exit`.
pub(crate) fn start() {
    at_very_end(at_exit);
}

extern "C" fn at_exit(_: *mut c_void) {
    write();
}

/// Writes the profile, and takes back what stands for the process.
fn write() {
    let _ = output::write();
    control::end();
}

/// POSIX's `_exit`.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn _exit(code: c_int) -> ! {
    static REAL: Real = Real::new();
    write();
    let real = REAL.find(c"_exit");
    // SAFETY: the function of this name has this type.
    unsafe { mem::transmute::<*mut c_void, extern "C" fn(c_int) -> !>(real)(code) }
}

/// C's `_Exit`.
#[allow(non_snake_case, reason = "it is the name of the C library's function")]
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn _Exit(code: c_int) -> ! {
    _exit(code)
}

/// C's `quick_exit`: the profile comes before what the program does then, which is called by the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn quick_exit(code: c_int) -> ! {
    static REAL: Real = Real::new();
    let _ = output::write();
    let real = REAL.find(c"quick_exit");
    // SAFETY: the function of this name has this type.
    unsafe { mem::transmute::<*mut c_void, extern "C" fn(c_int) -> !>(real)(code) }
}

/// C's `abort`: where its signal is caught, the profile is written then.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn abort() -> ! {
    static REAL: Real = Real::new();
    if !signals::is_caught(libc::SIGABRT) {
        let _ = output::write();
    }
    let real = REAL.find(c"abort");
    // SAFETY: the function of this name has this type.
    unsafe { mem::transmute::<*mut c_void, extern "C" fn()>(real)() };
    loop {
        hint::spin_loop();
    }
}
