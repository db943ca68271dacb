//! The stack of the calling thread, into a fixed array.

use crate::unwind;

/// Frames kept of a stack, counted from the leaf. Deeper stacks lose their root, and are counted as truncated.
pub(crate) const MAX_FRAMES: usize = 256;

/// A stack as it was captured, leaf first.
pub(crate) struct Stack {
    addresses: [usize; MAX_FRAMES],
    length: usize,
    truncated: bool,
}

impl Stack {
    /// The calls that led here, as call-site addresses; see [`unwind`].
    #[inline(never)]
    pub(crate) fn capture() -> Self {
        let mut stack = Self { addresses: [0; MAX_FRAMES], length: 0, truncated: false };
        let walked = unwind::walk(&mut stack.addresses);
        (stack.length, stack.truncated) = (walked.length, walked.truncated);
        stack
    }

    pub(crate) fn addresses(&self) -> &[usize] {
        &self.addresses[..self.length]
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn below(depth: usize) -> Stack {
        if depth == 0 {
            return Stack::capture();
        }
        // The result is looked at behind the call, which therefore cannot become a jump.
        std::hint::black_box(below(depth - 1))
    }

    #[test]
    fn deeper_calls_have_longer_stacks_until_they_are_cut() {
        let (short, long) = (below(1), below(21));
        assert_eq!(long.addresses().len(), short.addresses().len() + 20);
        assert!(!long.is_truncated());
        let cut = below(MAX_FRAMES);
        assert_eq!((cut.addresses().len(), cut.is_truncated()), (MAX_FRAMES, true));
    }
}
