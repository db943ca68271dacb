//! Points in the program where a tracer outside of it can see sampled blocks: OpenTelemetry's probes
//! `otel_memory:alloc(ptr, size, weight)` and `otel_memory:free(ptr)`. OpenTelemetry's eBPF profiler makes
//! profiles of them with no help from the program.
//!
//! Such a probe is an instruction that does nothing, and a note in the file that says where it is, in which
//! registers its arguments are, and where its **semaphore** is: two bytes that the tracer makes other than
//! zero while it listens. The layout of the note is SystemTap's (`.note.stapsdt`), which gdb, perf, bpftrace
//! and others read as well. While nobody listens a probe costs a load and a jump that is not taken.
//!
//! That profiler takes the arguments from where a C function would have its own (rdi, rsi, rdx; x0 to x2) and
//! reads no descriptions of them, and it wants semaphores that have a place in the file. So the registers are
//! fixed, and the section `.probes` is one with contents.

/// Tells of a sampled block that the program is about to be given. `weight_bytes` says how many allocated
/// bytes the sample stands for, and is asked only when a tracer listens: the block's size divided by the
/// probability of its being sampled.
#[inline(always)]
pub(crate) fn alloc(block: *mut u8, size: usize, weight_bytes: impl FnOnce() -> u64) {
    if site::is_heard(&site::ALLOC) {
        site::fire_alloc(block, size as u64, weight_bytes());
    }
}

/// Tells that a sampled block is about to be given back. To be called while nobody else can have its address
/// yet.
#[inline(always)]
pub(crate) fn free(block: *mut u8) {
    if site::is_heard(&site::FREE) {
        site::fire_free(block);
    }
}

#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod site {
    //! The probes as the linker and a tracer see them.

    use core::arch::asm;
    use core::sync::atomic::{AtomicU16, Ordering};

    /// The semaphores. Not in `.bss`, which has no place in the file.
    #[unsafe(link_section = ".probes")]
    pub(super) static ALLOC: AtomicU16 = AtomicU16::new(0);
    #[unsafe(link_section = ".probes")]
    pub(super) static FREE: AtomicU16 = AtomicU16::new(0);

    /// Whether a tracer listens.
    #[inline(always)]
    pub(super) fn is_heard(semaphore: &AtomicU16) -> bool {
        semaphore.load(Ordering::Relaxed) != 0
    }

    /// The instruction and its note. A note is the sizes of its name and of its content, its type, and both,
    /// each padded to four bytes; the content is the addresses of the instruction, of `.stapsdt.base` and of
    /// the semaphore, and three strings. The base is one byte that all probes of a file share; tools tell by
    /// it whether the file was moved after it was linked. Nothing refers to it that the linker takes for a
    /// reason to keep it, hence its flag `R`.
    macro_rules! probe {
        ($name:literal, $arguments:literal, $semaphore:ident, $($operands:tt)*) => {
            asm!(
                "990: nop",
                ".pushsection .note.stapsdt,\"\",%note",
                ".balign 4",
                ".4byte 992f-991f, 994f-993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b",
                ".8byte _.stapsdt.base",
                ".8byte {semaphore}",
                ".asciz \"otel_memory\"",
                concat!(".asciz \"", $name, "\""),
                concat!(".asciz \"", $arguments, "\""),
                "994: .balign 4",
                ".popsection",
                ".ifndef _.stapsdt.base",
                ".pushsection .stapsdt.base,\"aGR\",%progbits,.stapsdt.base,comdat",
                ".weak _.stapsdt.base",
                ".hidden _.stapsdt.base",
                "_.stapsdt.base: .space 1",
                ".size _.stapsdt.base, 1",
                ".popsection",
                ".endif",
                semaphore = sym $semaphore,
                $($operands)*
                options(readonly, nostack, preserves_flags),
            )
        };
    }

    #[cold]
    #[inline(never)]
    #[cfg(target_arch = "x86_64")]
    pub(super) fn fire_alloc(block: *mut u8, size: u64, weight_bytes: u64) {
        // SAFETY: an instruction that does nothing.
        unsafe {
            probe!("alloc", "8@%rdi 8@%rsi 8@%rdx", ALLOC,
                in("rdi") block, in("rsi") size, in("rdx") weight_bytes,);
        }
    }

    #[cold]
    #[inline(never)]
    #[cfg(target_arch = "x86_64")]
    pub(super) fn fire_free(block: *mut u8) {
        // SAFETY: an instruction that does nothing.
        unsafe { probe!("free", "8@%rdi", FREE, in("rdi") block,) };
    }

    #[cold]
    #[inline(never)]
    #[cfg(target_arch = "aarch64")]
    pub(super) fn fire_alloc(block: *mut u8, size: u64, weight_bytes: u64) {
        // SAFETY: an instruction that does nothing.
        unsafe {
            probe!("alloc", "8@x0 8@x1 8@x2", ALLOC, in("x0") block, in("x1") size, in("x2") weight_bytes,);
        }
    }

    #[cold]
    #[inline(never)]
    #[cfg(target_arch = "aarch64")]
    pub(super) fn fire_free(block: *mut u8) {
        // SAFETY: an instruction that does nothing.
        unsafe { probe!("free", "8@x0", FREE, in("x0") block,) };
    }
}

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
mod site {
    //! Elsewhere nobody could listen.

    pub(super) struct Nobody;

    pub(super) static ALLOC: Nobody = Nobody;
    pub(super) static FREE: Nobody = Nobody;

    #[inline(always)]
    pub(super) fn is_heard(_semaphore: &Nobody) -> bool {
        false
    }

    pub(super) fn fire_alloc(_block: *mut u8, _size: u64, _weight_bytes: u64) {}

    pub(super) fn fire_free(_block: *mut u8) {}
}
