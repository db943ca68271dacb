//! The stack of the calling thread, into a fixed array that is never filled beyond what the stack needs.

use core::mem::MaybeUninit;

use crate::unwind;

/// Frames kept of a stack, counted from the leaf. Deeper stacks lose their root, and are counted as truncated.
pub(crate) const MAX_FRAMES: usize = 256;

/// A stack, leaf first, with room for `N` frames.
pub(crate) struct Stack<const N: usize = MAX_FRAMES> {
    places: [MaybeUninit<usize>; N],
    /// How many of the places are filled.
    length: usize,
    is_truncated: bool,
}

impl<const N: usize> Stack<N> {
    /// An empty stack.
    pub(crate) const fn new() -> Self {
        Self { places: [MaybeUninit::uninit(); N], length: 0, is_truncated: false }
    }

    /// The calls that led here, as **call-site addresses**: addresses inside the call instruction, not behind it, so that
    /// each belongs to the line of the call. See [`unwind`].
    #[inline(always)]
    pub(crate) fn capture(&mut self) {
        unwind::walk(self);
    }

    /// Adds a frame towards the root. False when there is no room for it, which makes this a truncated stack.
    #[inline(always)]
    pub(crate) fn push(&mut self, address: usize) -> bool {
        let Some(place) = self.places.get_mut(self.length) else {
            self.is_truncated = true;
            return false;
        };
        place.write(address);
        self.length += 1;
        true
    }

    /// Makes it empty again.
    pub(crate) fn clear(&mut self) {
        (self.length, self.is_truncated) = (0, false);
    }

    pub(crate) fn addresses(&self) -> &[usize] {
        // SAFETY: `push` alone makes `length` grow, each time by the place it has just filled.
        unsafe { core::slice::from_raw_parts(self.places.as_ptr().cast(), self.length) }
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length of the stack below so many calls, and whether it was cut off.
    #[inline(never)]
    fn below(depth: usize) -> (usize, bool) {
        if depth == 0 {
            let mut stack: Stack = Stack::new();
            stack.capture();
            return (stack.addresses().len(), stack.is_truncated());
        }
        // The result is looked at behind the call, which therefore cannot become a jump.
        std::hint::black_box(below(depth - 1))
    }

    #[test]
    fn deeper_calls_have_longer_stacks_until_they_are_cut() {
        let (short, _) = below(1);
        assert_eq!(below(21), (short + 20, false));
        assert_eq!(below(MAX_FRAMES), (MAX_FRAMES, true));
    }

    #[test]
    fn a_full_stack_keeps_its_leaf_end() {
        let mut stack = Stack::<2>::new();
        assert_eq!([7, 8, 9].map(|address| stack.push(address)), [true, true, false]);
        assert_eq!((stack.addresses(), stack.is_truncated()), (&[7, 8][..], true));
        stack.clear();
        assert_eq!((stack.addresses(), stack.is_truncated()), (&[][..], false));
    }
}
