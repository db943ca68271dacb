//! tokio: `runtime::task::core::Cell`. Its layout and its bits have not changed since 1.0.

use crate::call::{Call, Version};
use crate::state::State;

pub(crate) const PACKAGE: &str = "tokio";

/// The cell begins with its header, and the header begins with the state. Both have C layout.
pub(crate) const STATE_AT_BYTES: usize = 0;

const RUNNING: usize = 1;
const COMPLETE: usize = 1 << 1;
const NOTIFIED: usize = 1 << 2;
const CANCELLED: usize = 1 << 5;
/// The bits above the flags hold the number of references.
const REFERENCES_FROM_BIT: u32 = 6;

pub(crate) fn knows(version: Version) -> bool {
    version.major == 1
}

pub(crate) fn is_constructor(call: &Call<'_>) -> bool {
    call.name() == "new"
        && (call.has_type("tokio::runtime::task::core::Cell") || call.is_in("/src/runtime/task/core.rs"))
}

/// Whether the runtime itself wants a worker.
pub(crate) fn is_own(inside: &[Call<'_>]) -> bool {
    let is_of_workers = |it: &Call<'_>| {
        it.is_in("/worker.rs") || it.has_path("tokio::runtime::scheduler::multi_thread::worker::")
    };
    inside.iter().any(|it| is_of_workers(it) && ["launch", "block_in_place"].contains(&it.name()))
}

pub(crate) const CANCELLED_AND_OVER: (usize, usize) = (RUNNING | COMPLETE | CANCELLED, COMPLETE | CANCELLED);

/// Whether this call ends the tasks of a runtime or a `LocalSet` that is being dropped.
pub(crate) fn is_shutdown(call: &Call<'_>) -> bool {
    call.package().is_some_and(|it| it.name == PACKAGE)
        && (call.name().starts_with("close_and_shutdown_all")
            || ["shutdown2", "shutdown_core", "pre_shutdown", "shutdown_finalize"].contains(&call.name())
            || call.name() == "shutdown"
                && (call.is_in("/src/runtime/scheduler/current_thread/mod.rs")
                    || call.has_path("tokio::runtime::scheduler::current_thread::")))
}

pub(crate) fn state(word: usize) -> Option<State> {
    let has = |flag| word & flag != 0;
    let references = word >> REFERENCES_FROM_BIT;
    let is_possible = !(has(RUNNING) && has(COMPLETE)) && references < 1 << 24;
    is_possible.then(|| State {
        is_over: has(COMPLETE),
        is_cancelled: has(CANCELLED),
        // A shutdown marks a waiting task as running, and cancels it.
        is_ready: has(NOTIFIED) || has(RUNNING) && !has(CANCELLED),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read() {
        let state = |word| state(word).map(|it| (it.is_over, it.is_cancelled, it.is_ready));
        // The task is waiting; the runtime and a handle have one reference each.
        assert_eq!(state(0x88), Some((false, false, false)));
        assert_eq!(state(0x84), Some((false, false, true)), "woken");
        assert_eq!(state(0x81), Some((false, false, true)), "running");
        assert_eq!(state(0x4a), Some((true, false, false)), "over, with a handle");
        assert_eq!(state(0x62), Some((true, true, false)), "cancelled");
        assert_eq!(state(0x61), Some((false, true, false)), "being shut down");
        assert_eq!(state(0x64), Some((false, true, true)), "aborted");
        assert_eq!(state(0x43), None, "running and over at once");
        assert_eq!(state(usize::MAX / 2 - 3), None, "an address or another thing");
    }
}
