//! A stack in a fixed array, which is never filled beyond what the stack needs.

use core::mem::MaybeUninit;

/// Frames kept of a stack, counted from the leaf. Deeper stacks lose their root, and are counted as
/// truncated.
pub const MAX_FRAMES: usize = 256;

/// A stack, leaf first, with space for `N` frames.
#[derive(Debug)]
pub struct Stack<const N: usize = MAX_FRAMES> {
    places: [MaybeUninit<usize>; N],
    /// How many of the places are filled.
    length: usize,
    is_truncated: bool,
}

impl<const N: usize> Stack<N> {
    /// An empty stack.
    #[inline(always)]
    #[allow(clippy::new_without_default, reason = "it is large, and never made by accident")]
    pub const fn new() -> Self {
        Self { places: [MaybeUninit::uninit(); N], length: 0, is_truncated: false }
    }

    /// Adds a frame towards the root. False when there is no space for it, which makes this a truncated
    /// stack.
    #[inline(always)]
    pub fn push(&mut self, address: usize) -> bool {
        let Some(place) = self.places.get_mut(self.length) else {
            self.is_truncated = true;
            return false;
        };
        place.write(address);
        self.length += 1;
        true
    }

    /// Makes it empty again.
    #[inline(always)]
    pub fn clear(&mut self) {
        (self.length, self.is_truncated) = (0, false);
    }

    /// Its call-site addresses, leaf first.
    #[inline(always)]
    pub fn addresses(&self) -> &[usize] {
        // SAFETY: `push` alone makes `length` grow, each time by the place it has just filled.
        unsafe { core::slice::from_raw_parts(self.places.as_ptr().cast(), self.length) }
    }

    /// Whether there was no space for frames towards the root.
    #[inline(always)]
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stack_keeps_its_leaf_end() {
        let mut stack = Stack::<2>::new();
        assert_eq!([7, 8, 9].map(|address| stack.push(address)), [true, true, false]);
        assert_eq!((stack.addresses(), stack.is_truncated()), (&[7, 8][..], true));
        stack.clear();
        assert_eq!((stack.addresses(), stack.is_truncated()), (&[][..], false));
    }
}
