//! async-task, the base of smol, async-executor, async-std and blocking: cells of `raw::RawTask::allocate`.

use std::cell::UnsafeCell;
use std::mem::offset_of;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;

use crate::call::{Call, Version};
use crate::state::State;

pub(crate) const PACKAGE: &str = "async-task";

/// The compiler may choose the order of these fields, but it chooses the same order for the same fields. This
/// struct has the fields of `async_task::header::Header`, without the executor's own data.
#[expect(dead_code, reason = "only asked for the place of its first field")]
struct Header {
    state: AtomicUsize,
    awaiter: UnsafeCell<Option<Waker>>,
    vtable: &'static u8,
    metadata: (),
    propagate_panic: bool,
}

pub(crate) const STATE_AT_BYTES: usize = offset_of!(Header, state);

const SCHEDULED: usize = 1;
const RUNNING: usize = 1 << 1;
const COMPLETED: usize = 1 << 2;
const CLOSED: usize = 1 << 3;
const TASK: usize = 1 << 4;
/// The bits above the flags hold the number of references besides the handle.
const REFERENCES_FROM_BIT: u32 = 8;

/// Whether the header has these fields: since version 4.4.
pub(crate) fn knows(version: Version) -> bool {
    version.major == 4 && version.minor >= 4
}

pub(crate) fn is_constructor(call: &Call<'_>) -> bool {
    call.name() == "allocate" && (call.has_type("async_task::raw::RawTask") || call.is_in("/src/raw.rs"))
}

/// Whether smol starts its own driver of child processes.
pub(crate) fn is_own(inside: &[Call<'_>]) -> bool {
    let is_start = |it: &Call<'_>| {
        it.has_path("smol::spawn::spawn::global::{{closure}}")
            || it.has_path("smol::spawn::spawn::global::{closure")
            || it.is_in("/src/spawn.rs") && it.name().starts_with("{closure")
    };
    inside.iter().any(|it| it.package().is_some_and(|it| it.name == "smol") && is_start(it))
}

pub(crate) fn state(word: usize) -> Option<State> {
    let has = |flag| word & flag != 0;
    let references = word >> REFERENCES_FROM_BIT;
    let is_possible = (has(TASK) || references > 0) && references < 1 << 24;
    is_possible.then(|| State {
        is_over: has(COMPLETED) || has(CLOSED),
        is_cancelled: has(CLOSED) && !has(COMPLETED),
        is_ready: has(SCHEDULED) || has(RUNNING),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read() {
        let state = |word| state(word).map(|it| (it.is_over, it.is_cancelled, it.is_ready));
        assert_eq!(state(0x111), Some((false, false, true)), "just made");
        assert_eq!(state(0x100), Some((false, false, false)), "waiting, and its handle is gone");
        assert_eq!(state(0x014), Some((true, false, false)), "over, with a handle");
        assert_eq!(state(0x108), Some((true, true, false)), "cancelled");
        assert_eq!(state(0), None);
        assert_eq!(state(0x7fff_0000_0100), None, "an address");
    }
}
