//! What a walk shows of its way, for stacks to be recognised by.

/// Sees everything that decides where a walk goes, besides the stack pointer at its start.
pub(crate) trait Witness {
    /// The walk went by the frame pointer that it began with.
    fn began_with_frame_pointer(&mut self);
    /// The walk went by what it read at this address of the stack.
    fn read(&mut self, address: usize, value: usize);
    /// The walk begins anew.
    fn forget(&mut self);
}

/// Nobody wants to know.
impl Witness for () {
    #[inline(always)]
    fn began_with_frame_pointer(&mut self) {}
    #[inline(always)]
    fn read(&mut self, _address: usize, _value: usize) {}
    fn forget(&mut self) {}
}
