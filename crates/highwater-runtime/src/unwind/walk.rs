//! The walk itself: from frame to frame by rules, within the bounds of the thread's stack.

use core::arch::asm;
use core::cell::Cell;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

use super::cfi;
use super::rule::{Rule, RuleCache};
use crate::capture::Stack;
use crate::sys;

static RULES: RuleCache = RuleCache::new();

thread_local! {
    /// Where the calling thread's stack is; an empty range while that is not known, and where it cannot be.
    static STACK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

static IS_STARTED: AtomicBool = AtomicBool::new(false);

/// The registers that lead from a frame to its caller.
pub(super) struct Registers {
    /// An address inside the instruction that the frame executes.
    address: usize,
    pub(super) stack_pointer: usize,
    pub(super) frame_pointer: usize,
}

impl Registers {
    /// Those of the function that this is inlined into.
    #[inline(always)]
    pub(super) fn here() -> Self {
        let mut here = Self { address: 0, stack_pointer: 0, frame_pointer: 0 };
        // SAFETY: reads three registers and changes nothing.
        unsafe {
            asm!(
                "lea {address}, [rip]",
                "mov {stack_pointer}, rsp",
                "mov {frame_pointer}, rbp",
                address = out(reg) here.address,
                stack_pointer = out(reg) here.stack_pointer,
                frame_pointer = out(reg) here.frame_pointer,
                options(nomem, nostack, preserves_flags),
            );
        }
        here
    }
}

/// Is told of everything that decides where a walk goes, besides the stack pointer at its start.
pub(super) trait Witness {
    /// The walk went by the frame pointer that it began with.
    fn began_with_frame_pointer(&mut self);
    /// The walk went by what it read at this address of the stack.
    fn read(&mut self, address: usize, value: usize);
}

/// Nobody wants to know.
impl Witness for () {
    #[inline(always)]
    fn began_with_frame_pointer(&mut self) {}
    #[inline(always)]
    fn read(&mut self, _address: usize, _value: usize) {}
}

/// Walks by rules. False when a frame has none, or the stack is not the thread's own; what was found till then is in
/// `stack`.
#[inline(never)]
pub(super) fn walk<const N: usize>(stack: &mut Stack<N>) -> bool {
    let here = Registers::here();
    match stack_bounds(here.stack_pointer) {
        Some(bounds) => follow(here, bounds.end, stack, &mut ()),
        None => false,
    }
}

/// Adds the frames below which `at` is, up to the root. The stack of the thread ends at `end`. False when a frame has no
/// rule.
#[inline(always)]
pub(super) fn follow<const N: usize>(
    mut at: Registers,
    end: usize,
    stack: &mut Stack<N>,
    witness: &mut impl Witness,
) -> bool {
    // Where the frame pointer was read, if it was; most functions save it without going by it.
    let mut frame_pointer_from = None;
    loop {
        let rule = match RULES.get(at.address) {
            Some(rule) => rule,
            None => RULES.put(at.address, cfi::rule_at(at.address)),
        };
        match rule {
            Rule::Root => return true,
            Rule::Other => return false,
            Rule::Caller { distance, from_frame_pointer, saved_frame_pointer } => {
                let register = if from_frame_pointer {
                    match frame_pointer_from {
                        Some(address) => witness.read(address, at.frame_pointer),
                        None => witness.began_with_frame_pointer(),
                    }
                    at.frame_pointer
                } else {
                    at.stack_pointer
                };
                let base = register.wrapping_add(distance as usize);
                // Every caller's frame lies higher, so the walk ends; and all that is read lies between the frame
                // that called this function and the end of the stack.
                if base <= at.stack_pointer || base > end || base % 8 != 0 {
                    return false;
                }
                if let Some(below) = saved_frame_pointer {
                    let saved = base.wrapping_sub(below.into());
                    if saved < at.stack_pointer {
                        return false;
                    }
                    // SAFETY: an aligned word of this thread's own stack, above the stack pointer.
                    at.frame_pointer = unsafe { read(saved) };
                    frame_pointer_from = Some(saved);
                }
                // SAFETY: as above; base - 8 is at least the old stack pointer, both being multiples of 8.
                let return_address = unsafe { read(base - 8) };
                witness.read(base - 8, return_address);
                at.stack_pointer = base;
                // The return address may already belong to the next line, or to the next function.
                let Some(address) = return_address.checked_sub(1) else { return true };
                if !stack.push(address) {
                    return true;
                }
                at.address = address;
            }
        }
    }
}

/// Reads a word.
///
/// # Safety
/// `address` is that of an aligned word in use on the calling thread's stack.
#[inline(always)]
pub(super) unsafe fn read(address: usize) -> usize {
    // SAFETY: the caller's promise. The address was computed and not derived from a pointer, so its provenance is
    // that of the stack, which was exposed to the machine code that called us.
    unsafe { core::ptr::with_exposed_provenance::<usize>(address).read() }
}

/// The bounds of the calling thread's stack, if `stack_pointer` is within them: code may run on a stack of its own
/// (a coroutine, a signal handler), whose bounds nobody knows.
#[inline(always)]
pub(super) fn stack_bounds(stack_pointer: usize) -> Option<Range<usize>> {
    let (start, end) = STACK.get();
    if (start..end).contains(&stack_pointer) {
        return Some(start..end);
    }
    find_stack_bounds(stack_pointer)
}

#[cold]
fn find_stack_bounds(stack_pointer: usize) -> Option<Range<usize>> {
    if STACK.get() != (0, 0) {
        return None;
    }
    if !IS_STARTED.swap(true, Ordering::AcqRel) {
        cfi::start();
    }
    if !cfi::is_available() {
        return None;
    }
    let bounds = sys::stack_bounds()?;
    STACK.set((bounds.start, bounds.end));
    bounds.contains(&stack_pointer).then_some(bounds)
}
