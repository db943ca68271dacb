//! The atomics of a model checker, which cannot be made in constants.

pub(crate) use loom::hint;
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU64, AtomicUsize};

/// Sizes are made small for models.
pub(crate) const IS_MODEL: bool = true;

/// A function that makes a value.
macro_rules! constant {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        $(#[$attribute])* $visibility fn $($rest)*
    };
}

/// An array of equal values.
macro_rules! filled {
    ($value:expr; $length:expr) => {
        core::array::from_fn::<_, { $length }, _>(|_| $value)
    };
}

/// A static that a model makes anew for each of its runs.
macro_rules! global {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        loom::lazy_static! {
            $(#[$attribute])* static ref $name: $type = $value;
        }
    };
}

/// A number that tells a thread of a model from the others, and is not 0.
pub(crate) fn this_thread() -> usize {
    loom::thread_local! {
        static HERE: Box<u8> = Box::new(0);
    }
    HERE.with(|here| core::ptr::from_ref(&**here).addr())
}
