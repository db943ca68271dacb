//! Stacks as addresses: the calling thread's own.

/// Frames kept, from the innermost.
pub(crate) const MOST_FRAMES: usize = 128;

/// Walks the calling thread's stack into `frames`, innermost first, and returns how many there are. Each is an address
/// inside of its call instruction; the frame that a signal interrupted stands at the interrupted instruction.
#[cfg(hooked)]
pub(crate) fn walk(frames: &mut [usize; MOST_FRAMES]) -> usize {
    let mut count = 0;
    // SAFETY: what must not happen at once is symbolization by this crate's `resolve`; walking shares nothing.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            // The unwinder hands out return addresses, which point behind the call.
            let Some(address) = frame.ip().addr().checked_sub(1) else { return false };
            frames[count] = address;
            count += 1;
            count < MOST_FRAMES
        });
    }
    count
}
