//! Which blocks are not the test's, though they were allocated while it ran. Their stacks tell.

use crate::evidence::classify;
use crate::finding::{Frame, Origin};

/// Parts of the names of functions that keep what they allocate for the thread or for the runner, for any
/// caller.
const KEEPERS: &[&str] = &[
    // The first use of a thread-local, and the list of those that have destructors.
    "std::sys::thread_local::",
    "std::thread::current::init_current",
    "std::thread::spawnhook::",
    // Names for a backtrace, kept by the standard library for the next one.
    "std::backtrace_rs::symbolize::",
    // A panic that the test expects.
    "std::panicking::default_hook",
    "std::panicking::begin_panic",
    "std::panicking::panic_with_hook",
    "std::panicking::rust_panic",
    "core::panicking::panic",
];

/// The same of functions that call code of the test, whose own blocks are the test's.
const INNER_KEEPERS: &[&str] = &["std::io::stdio::"];

/// Whether a block with this stack (innermost call first, up to libtest) is not the test's.
pub(crate) fn is_noise(frames: &[Frame]) -> bool {
    if classify::passes_through(frames).is_some()
        || frames.iter().any(|it| KEEPERS.iter().any(|part| it.function.contains(part)))
    {
        return true;
    }
    for frame in outside_of_the_allocator(frames) {
        match frame.origin {
            Origin::Own | Origin::Dependency => return false,
            // The harness's own, or libtest's.
            Origin::Highwater | Origin::TestHarness => return true,
            Origin::System if INNER_KEEPERS.iter().any(|part| frame.function.contains(part)) => return true,
            Origin::System => {}
        }
    }
    // What has no names at all is not excused.
    false
}

/// The calls behind those that every allocation begins with: the allocator, and what writes the stack down.
pub(crate) fn outside_of_the_allocator(frames: &[Frame]) -> &[Frame] {
    let is_allocator = |it: &Frame| {
        let own = ["highwater_ledger::", "highwater_hooks::malloc::", "GlobalAlloc>::"];
        ["__rust_alloc", "__rust_realloc", "__rg_", "__rdl_", "alloc::alloc::"]
            .iter()
            .chain(&own)
            .any(|part| it.function.contains(part))
    };
    let last = frames.iter().take(40).rposition(is_allocator);
    last.map_or(frames, |it| &frames[it + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(calls: &[(&str, Origin)]) -> Vec<Frame> {
        calls.iter().map(|it| Frame::without_place(it.0, it.1)).collect()
    }

    #[test]
    fn what_the_test_allocates_is_the_tests() {
        use Origin::{Dependency, Highwater, Own, System, TestHarness};
        let inside = [
            ("<highwater_ledger::alloc::Alloc as GlobalAlloc>::alloc", Highwater),
            ("__rustc::__rust_alloc", Own),
            ("alloc::alloc::exchange_malloc", System),
        ];
        for (rest, expected) in [
            (&[("mine::a", Own), ("test::run", TestHarness)][..], false),
            (&[("their::a", Dependency), ("std::sync::once::Once::call_once", System)], true),
            (&[("std::io::stdio::print_to", System), ("mine::a", Own)], true),
            (&[("mine::fmt", Own), ("std::io::stdio::print_to", System), ("mine::a", Own)], false),
            (&[("mine::init", Own), ("std::sys::thread_local::lazy::init", System)], true),
            (&[("std::sync::mpmc::channel", System), ("test::run", TestHarness)], true),
            (&[("highwater_hooks::registry::add", Highwater), ("mine::a", Own)], true),
            (&[("std::backtrace_rs::symbolize::gimli::resolve", System), ("mine::a", Own)], true),
            (&[("core::panicking::panic_fmt", System), ("mine::a", Own)], true),
            (&[("std::panicking::catch_unwind", System), ("mine::a", Own)], false),
            (&[], false),
        ] {
            let all = [&inside[..], rest].concat();
            assert_eq!(is_noise(&frames(&all)), expected, "{rest:?}");
        }
    }
}
