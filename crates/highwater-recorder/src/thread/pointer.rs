//! Where the calling thread keeps the pointer to its slot: a thread-local of one word.
//!
//! It is constant at first and has no destructor, so it can be used from the first instruction of a thread to
//! the last.
//!
//! In a shared library the compiler reaches a thread-local by a call of the loader (`__tls_get_addr`),
//! because the library may be loaded later than a thread begins. That call costs as much as all else that is
//! done for an unsampled block. With the feature `preloaded` the word is reached by two loads instead (the
//! initial-exec model): the loader writes the word's offset from the thread pointer into the library when it
//! loads that.

use super::slot::{Kind, Slot};

pub(super) use place::{get, set};

/// What a thread that has not allocated yet points to.
pub(super) static UNATTACHED: Slot = Slot::new(Kind::None);

#[cfg(all(
    feature = "preloaded",
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(miri)
))]
mod place {
    use core::arch::{asm, global_asm};

    use super::{Slot, UNATTACHED};

    // One word in the part of the file from which each thread's memory is copied. Other objects of the
    // library see the name, other libraries do not.
    global_asm!(
        ".pushsection .tdata.highwater_current_slot, \"awT\", @progbits",
        ".p2align 3",
        ".globl highwater_current_slot",
        ".hidden highwater_current_slot",
        ".type highwater_current_slot, @object",
        ".size highwater_current_slot, 8",
        "highwater_current_slot:",
        ".quad {unattached}",
        ".popsection",
        unattached = sym UNATTACHED,
    );

    #[inline(always)]
    pub(in crate::thread) fn get() -> *const Slot {
        let pointer: *const Slot;
        // SAFETY: the ABI for thread-local storage of x86-64 (the initial-exec model) says that the linker
        // makes a word with the symbol's offset from the thread pointer, that the loader fills it in before
        // code of this library runs, and that `fs` has the thread pointer. The loader refuses a library for
        // whose thread-locals it has no space in every thread. So the second load reads the word above, of
        // the calling thread. It changes nothing, and depends on nothing but memory.
        unsafe {
            asm!(
                "mov {pointer}, qword ptr [rip + highwater_current_slot@GOTTPOFF]",
                "mov {pointer}, qword ptr fs:[{pointer}]",
                pointer = out(reg) pointer,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        pointer
    }

    #[inline(always)]
    pub(in crate::thread) fn set(pointer: *const Slot) {
        // SAFETY: as for `get`; the word is the calling thread's, which alone reads and writes it.
        unsafe {
            asm!(
                "mov {offset}, qword ptr [rip + highwater_current_slot@GOTTPOFF]",
                "mov qword ptr fs:[{offset}], {pointer}",
                offset = out(reg) _,
                pointer = in(reg) pointer,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(
    feature = "preloaded",
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(miri)
)))]
mod place {
    use core::cell::Cell;

    use super::{Slot, UNATTACHED};

    thread_local! {
        // A pointer, since older compilers let no constant refer to what can change.
        static CURRENT: Cell<*const Slot> = const { Cell::new(&raw const UNATTACHED) };
    }

    #[inline(always)]
    pub(in crate::thread) fn get() -> *const Slot {
        CURRENT.get()
    }

    #[inline(always)]
    pub(in crate::thread) fn set(pointer: *const Slot) {
        CURRENT.set(pointer);
    }
}
