//! Functions that a program may have or not: an allocator's questions.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// A symbol that other objects of the process can see.
pub(crate) fn find(name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the name is a C string.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

/// The address of a symbol that the linker knows, which is null when there is none.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
macro_rules! weak {
    ($name:literal) => {{
        let address: *mut std::ffi::c_void;
        // SAFETY: reads the entry of the table of addresses that the linker makes for the symbol; a weak
        // symbol that is defined nowhere has a null there.
        unsafe {
            std::arch::asm!(
                concat!(".weak ", $name),
                concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
macro_rules! weak {
    ($name:literal) => {{
        let address: *mut std::ffi::c_void;
        // SAFETY: as on x86_64.
        unsafe {
            std::arch::asm!(
                concat!(".weak ", $name),
                concat!("adrp {0}, :got:", $name),
                concat!("ldr {0}, [{0}, :got_lo12:", $name, "]"),
                out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
macro_rules! weak {
    ($name:literal) => {
        std::ptr::null_mut::<std::ffi::c_void>()
    };
}

/// jemalloc's `mallctl`: tikv's, which is linked into the program under a name of its own, or a library's.
pub(crate) fn mallctl() -> Option<NonNull<c_void>> {
    let linked = [weak!("_rjem_mallctl"), weak!("mallctl")];
    let linked = linked.into_iter().find(|it| !it.is_null()).and_then(NonNull::new);
    linked.or_else(|| find(c"_rjem_mallctl")).or_else(|| find(c"mallctl"))
}
