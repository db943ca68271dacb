//! What runs before `main`: the harness takes its place, in every program that links this crate.

/// Called by the C library in the order of the linker, before `main`.
#[cfg(target_os = "linux")]
#[used]
// SAFETY: the section holds pointers to functions of this type, which the C library calls once, on the main thread.
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

#[cfg(target_os = "linux")]
extern "C" fn begin() {
    // Nothing may unwind into the C library; what is not in place is found missing by the self-test.
    let _ = std::panic::catch_unwind(crate::process::begin);
}
