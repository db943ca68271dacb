//! Platforms without rules: the system's unwinder walks every stack, and there is nothing to remember.

use core::ffi::c_void;

use crate::arch::witness::Witness;
use crate::methods::UnwindMethods;
use crate::stack::Stack;

/// Whether walks can go by rules.
pub(crate) const HAS_RULES: bool = false;

/// Where a walk begins: there are no rules to begin with.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    pub(crate) stack_pointer: usize,
    pub(crate) frame_pointer: usize,
}

impl Registers {
    pub(crate) fn here() -> Self {
        Self { stack_pointer: 0, frame_pointer: 0 }
    }
}

pub(crate) fn start() {}

pub(crate) fn stack_end(_stack_pointer: usize) -> Option<usize> {
    None
}

pub(crate) fn keep_present() {}

pub(crate) fn are_lasting(_stack: &[usize]) -> bool {
    false
}

/// # Safety
/// As for a pointer to a word.
pub(crate) unsafe fn read(address: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { core::ptr::with_exposed_provenance::<usize>(address).read() }
}

pub(crate) fn walk<const N: usize>(_stack: &mut Stack<N>) -> bool {
    false
}

pub(crate) fn follow<const N: usize>(
    _at: Registers,
    _end: usize,
    _stack: &mut Stack<N>,
    _witness: &mut impl Witness,
) -> bool {
    false
}

/// # Safety
/// None is needed: nothing is read.
pub(crate) unsafe fn walk_copied(
    _address: usize,
    _stack_pointer: usize,
    _copy: &[usize],
    _visit: &mut dyn FnMut(usize) -> bool,
) -> bool {
    false
}

/// How the stacks of this process were walked so far: all zero.
pub fn unwind_methods() -> UnwindMethods {
    UnwindMethods::default()
}

/// Whether [`walk_interrupted`] can walk: never.
pub fn can_walk_interrupted() -> bool {
    false
}

/// Adds nothing.
///
/// # Safety
/// None is needed: nothing is read.
pub unsafe fn walk_interrupted<const N: usize>(_context: *const c_void, _stack: &mut Stack<N>) {}

/// `None`: that cannot be known.
///
/// # Safety
/// None is needed: nothing is read.
pub unsafe fn modules_of_own(_stack: &[usize]) -> Option<u64> {
    None
}
