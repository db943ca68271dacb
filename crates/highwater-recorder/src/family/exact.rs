//! The malloc family in exact mode: every block has a mark, which keeps the bytes that the program asked for.

use super::{Family, Inner, tail};
use crate::config::Settings;
use crate::exact::Exact;
use crate::mark::Mark;
use crate::recorder;
use crate::thread;

impl<A: Inner> Family<A> {
    /// Allocates and records a block, by a function that is given the bytes to ask for.
    #[inline(always)]
    pub(super) fn allocate_exactly(bytes: usize, ask: impl Fn(usize) -> *mut u8) -> *mut u8 {
        if let Some(exact) = Exact::begin(bytes) {
            let mark = exact.mark();
            let block = Self::ask_with_room(bytes, mark, ask);
            if !block.is_null() {
                exact.count(block, bytes, mark);
            }
            return block;
        }
        Self::allocate_deciding(bytes, ask)
    }

    /// [`Self::allocate_exactly`] where more has to be asked: of a thread's first block, or of one for
    /// Highwater itself.
    #[cold]
    #[inline(never)]
    fn allocate_deciding(bytes: usize, ask: impl Fn(usize) -> *mut u8) -> *mut u8 {
        let verdict = recorder::decide(bytes, Settings::DEFAULT);
        if thread::is_own() {
            let block = ask(bytes);
            if !block.is_null() {
                // SAFETY: the block was just allocated.
                verdict.count(unsafe { Self::counted_bytes(block) });
            }
            return block;
        }
        let mark = if verdict.is_sampled() { verdict.mark(bytes) } else { Mark::NOTHING };
        let block = Self::ask_with_room(bytes, mark, ask);
        if !block.is_null() {
            verdict.count_sampled(block, bytes, mark);
        }
        block
    }

    /// Asks for a block with a mark.
    #[inline(always)]
    fn ask_with_room(bytes: usize, mark: Mark, ask: impl Fn(usize) -> *mut u8) -> *mut u8 {
        // What is too large is refused by the C library, with its error number.
        let block = ask(bytes.saturating_add(tail::bytes(mark)));
        if !block.is_null() {
            // SAFETY: the block is fresh and was asked for with space for the mark.
            unsafe { tail::write(block, A::usable_bytes(block), mark, bytes) };
        }
        block
    }
}
