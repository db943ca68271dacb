//! The attribute of [`highwater-leaktest`](https://docs.rs/highwater-leaktest), where it is documented and
//! exported.
//!
//! [`expand`] has the rewriting of a function, [`options`] what stands in the attribute's brackets.
#![forbid(unsafe_code)]

mod expand;
mod options;

use proc_macro::TokenStream;

/// Makes a function a test, as the built-in attribute of this name does, that also fails when threads or
/// tasks it started are still alive at its end, when descriptors that it opened are open, and when child
/// processes that it started are there.
///
/// `grace = "2s"` is how long they are waited for, instead of 500 ms. `allow(threads = "name-*")` passes over
/// threads by their names. The kernel keeps 15 bytes of a name. The option may be given more than once.
///
/// `allow(descriptors = "pattern")` passes over descriptors by what they lead to (`/var/log/*`, `socket*`),
/// and `allow(children = "pattern")` over child processes by their commands. `deny(descriptors)` and
/// `deny(children)` judge them also where `highwater.toml` says `"asked"`.
///
/// `deny(blocks)` has blocks of memory fail, too, that the test allocated and that are alive after it;
/// `allow(blocks = "pattern")` passes over those that a call of this function, or in this file, allocated.
/// `max_blocks = 10` and `max_bytes = "4KiB"` limit what may be allocated, `max_peak = "1MiB"` what may be
/// live at once. What belongs to the process, the thread or the test runner is in no limit.
///
/// `block_on = "smol::block_on"` makes a test of an async function, run by the function that is named.
///
/// In front of or behind another attribute that makes a test (`#[tokio::test]`, `#[rstest]`, …) it leaves
/// that to the other one and adds the check.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::test(arguments.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Adds the check to a function that another attribute has made a test.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn __around(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::around(arguments.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
