//! What the lock-free parts are made of: the processor's atomics, or under `--cfg loom` those of a model checker.
//!
//! Tests on real threads see the few interleavings, and the one memory order, that the machine happens to show. Loom
//! runs a small model through all of them. `cargo xtask test` does it; the models are in `models.rs`, and only what
//! they need is built then, because loom's atomics cannot be made in constants.

#[cfg(not(loom))]
pub(crate) use {
    crate::sys as system,
    core::{
        hint,
        sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize},
    },
};

#[cfg(loom)]
pub(crate) use loom::{
    hint,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize},
};

/// A number that tells the calling thread from all others that are running, and is not 0.
#[cfg(not(loom))]
pub(crate) fn this_thread() -> usize {
    thread_local! {
        // Nothing but an address. Without a destructor, so it is there to the thread's last instruction.
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| core::ptr::from_ref(here).addr())
}

/// A number that tells a thread of a model from the others, and is not 0.
#[cfg(loom)]
pub(crate) fn this_thread() -> usize {
    loom::thread_local! {
        static HERE: Box<u8> = Box::new(0);
    }
    HERE.with(|here| core::ptr::from_ref(&**here).addr())
}

/// The operating system's part in a model.
#[cfg(loom)]
pub(crate) mod system {
    use core::ptr::NonNull;
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    pub(crate) use loom::thread::yield_now;

    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes, 128).ok()
    }

    /// Stands for `sys::map`. Models map little, and what they do not give back is lost.
    pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: nobody maps 0 bytes.
        NonNull::new(unsafe { alloc_zeroed(layout(bytes)?) })
    }

    /// Stands for `sys::unmap`.
    ///
    /// # Safety
    /// As for `sys::unmap`.
    pub(crate) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
        if let Some(layout) = layout(bytes) {
            // SAFETY: the caller promises that this is a whole mapping of `map`.
            unsafe { dealloc(start.as_ptr(), layout) };
        }
    }
}
