//! Which way blocks of the malloc family take: known here, because what is in force changes it.

use core::sync::atomic::{AtomicU8, Ordering};

use crate::config::Mode;

/// Nothing was started: blocks pass through, and are not counted.
pub(crate) const FRESH: u8 = 0;
/// Blocks are sampled, or only counted, and always were.
pub(crate) const SAMPLED: u8 = 1;
/// All blocks are recorded.
pub(crate) const EXACT: u8 = 2;
/// Blocks are sampled, and there may be marks behind any of them.
const SAMPLED_AGAIN: u8 = 3;

/// One of the above. The lowest bit says that blocks are sampled.
static WAY: AtomicU8 = AtomicU8::new(FRESH);

/// The way that blocks take now.
#[inline(always)]
pub(crate) fn way() -> u8 {
    WAY.load(Ordering::Relaxed)
}

/// Has blocks take a way, from the first one on.
pub(crate) fn begin(mode: Mode) {
    WAY.store(if mode == Mode::Exact { EXACT } else { SAMPLED }, Ordering::Relaxed);
}

/// Takes up what is recorded from now on.
pub(crate) fn follow(mode: Mode) {
    let next = match (way(), mode) {
        (FRESH, _) => return,
        (_, Mode::Exact) => EXACT,
        (SAMPLED, _) => SAMPLED,
        _ => SAMPLED_AGAIN,
    };
    WAY.store(next, Ordering::Relaxed);
}
