//! What runs before `main`: the harness takes its place, in every program that links this crate. Where
//! threads cannot be followed it says so.

/// Called by the system's loader or the C library, before `main`.
#[used]
// SAFETY: the section holds pointers to functions of this type, which are called once, on the main thread.
#[cfg_attr(
    any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "netbsd"),
    unsafe(link_section = ".init_array")
)]
// SAFETY: as above, on Apple's systems.
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs"))]
// SAFETY: as above, on Windows.
#[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    // Nothing may unwind into the C library; what is not in place is found missing by the self-test.
    let _ = std::panic::catch_unwind(crate::entry::process::begin);
}
