//! A shared library for `trap_dlopen`. The test builds it twice: with small stack frames and, by `--cfg
//! wide`, with large ones. Otherwise both are equal to the byte, so that their code is at the same addresses.

#![no_std]

use core::ffi::{c_char, c_int, c_void};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[cfg(not(wide))]
const FRAME: usize = 264;
#[cfg(wide)]
const FRAME: usize = 1032;

/// With `--cfg blind`, the unwind tables lack the frame: the planted fault.
#[cfg(not(blind))]
const TOLD: usize = FRAME;
#[cfg(blind)]
const TOLD: usize = 0;

// Calls its argument from a frame of FRAME bytes filled with zeros, like a function with a large array. Only
// the directives describe this frame.
core::arch::global_asm!(
    ".hidden call_through",
    ".globl call_through",
    ".type call_through, @function",
    "call_through:",
    ".cfi_startproc",
    "sub rsp, {frame}",
    ".cfi_adjust_cfa_offset {told}",
    "mov rdx, rdi",
    "mov rdi, rsp",
    "mov ecx, {frame} / 8",
    "xor eax, eax",
    "rep stosq",
    "call rdx",
    "add rsp, {frame}",
    ".cfi_adjust_cfa_offset -{told}",
    "ret",
    ".cfi_endproc",
    ".size call_through, . - call_through",
    frame = const FRAME,
    told = const TOLD,
);

#[link(name = "c")]
unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn strtoull(text: *const c_char, end: *mut *mut c_char, base: c_int) -> u64;
}

unsafe extern "C" {
    fn call_through(callback: extern "C" fn());
}

/// Calls `callback` from a frame of this library.
#[unsafe(no_mangle)]
pub extern "C" fn through(callback: extern "C" fn()) {
    // SAFETY: calls its argument and nothing else.
    unsafe { call_through(callback) };
}

// SAFETY: the loader calls the functions of this section once, while it holds its lock.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = construct;

/// Calls the function whose address is in the environment.
extern "C" fn construct() {
    // SAFETY: the name is a C string, and the program states the address of a function of this type.
    unsafe {
        let address = getenv(c"TRAP_CONSTRUCTOR".as_ptr());
        if !address.is_null() {
            let address = strtoull(address, core::ptr::null_mut(), 10) as usize as *const c_void;
            core::mem::transmute::<*const c_void, extern "C" fn()>(address)();
        }
    }
}
