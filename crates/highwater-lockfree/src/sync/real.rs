//! The processor's atomics, and constants.

pub(crate) use core::hint;
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU64, AtomicUsize};

/// Sizes are made small for models.
pub(crate) const IS_MODEL: bool = false;

/// A function that makes a value in a constant.
macro_rules! constant {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        $(#[$attribute])* $visibility const fn $($rest)*
    };
}

/// An array of equal values. Its length is stated: the oldest compiler infers none.
macro_rules! filled {
    ($value:expr; $length:expr) => {
        [const { $value }; $length]
    };
}

/// A static that is made in a constant.
macro_rules! global {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$attribute])* static $name: $type = $value;
    };
}

/// A number that tells the calling thread from all others that are running, and is not 0.
#[inline]
pub(crate) fn this_thread() -> usize {
    thread_local! {
        // Nothing but an address. Without a destructor, so it is there to the thread's last instruction.
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| core::ptr::from_ref(here).addr())
}
