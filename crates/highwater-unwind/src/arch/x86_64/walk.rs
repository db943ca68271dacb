//! The walk itself: from frame to frame by rules, within the bounds of the thread's stack.

use core::arch::asm;

use super::bounds::stack_bounds;
use super::cfi;
use super::rule::{Rule, RuleCache};
use crate::arch::witness::Witness;
use crate::stack::Stack;

static RULES: RuleCache = RuleCache::new();

/// The registers that lead from a frame to its caller.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    /// An address inside the instruction that the frame executes.
    address: usize,
    pub(crate) stack_pointer: usize,
    pub(crate) frame_pointer: usize,
}

impl Registers {
    /// Registers of the function that this is inlined into.
    #[inline(always)]
    pub(crate) fn here() -> Self {
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

    /// Registers of code that a signal interrupted.
    pub(super) fn of(interrupted: &libc::ucontext_t) -> Self {
        let register = |number: i32| interrupted.uc_mcontext.gregs[number as usize] as usize;
        Self {
            address: register(libc::REG_RIP),
            stack_pointer: register(libc::REG_RSP),
            frame_pointer: register(libc::REG_RBP),
        }
    }

    /// Goes on to the caller's frame, by what a [`Rule::Caller`] says. `frame_pointer_from` is where the
    /// frame pointer was read, if it was. `None` when the rule leads out of the stack, or to no address.
    #[inline(always)]
    fn step(
        &mut self,
        end: usize,
        distance: u32,
        from_frame_pointer: bool,
        saved_frame_pointer: Option<u16>,
        frame_pointer_from: &mut Option<usize>,
        witness: &mut impl Witness,
    ) -> Option<()> {
        let register = if from_frame_pointer {
            match *frame_pointer_from {
                Some(address) => witness.read(address, self.frame_pointer),
                None => witness.began_with_frame_pointer(),
            }
            self.frame_pointer
        } else {
            self.stack_pointer
        };
        let base = register.wrapping_add(distance as usize);
        // Every caller's frame lies higher, so the walk ends; and all that is read lies between the frame
        // that called this function and the end of the stack.
        if base <= self.stack_pointer || base > end || base % 8 != 0 {
            return None;
        }
        if let Some(below) = saved_frame_pointer {
            let saved = base.wrapping_sub(below.into());
            if saved < self.stack_pointer {
                return None;
            }
            // SAFETY: an aligned word of this thread's own stack, above the stack pointer.
            self.frame_pointer = unsafe { read(saved) };
            *frame_pointer_from = Some(saved);
        }
        // SAFETY: as above; base - 8 is at least the old stack pointer, both being multiples of 8.
        let return_address = unsafe { read(base - 8) };
        witness.read(base - 8, return_address);
        self.stack_pointer = base;
        // The return address may already belong to the next line, or to the next function.
        self.address = return_address.checked_sub(1)?;
        Some(())
    }
}

/// Walks by rules. False when a frame has none, or the stack is not the thread's own; what was found till
/// then is in `stack`.
#[inline(never)]
pub(crate) fn walk<const N: usize>(stack: &mut Stack<N>) -> bool {
    let here = Registers::here();
    match stack_bounds(here.stack_pointer) {
        Some(bounds) => follow(here, bounds.end, stack, &mut ()),
        None => false,
    }
}

/// Adds `at` itself and the frames below which it is, as far as rules lead.
pub(super) fn walk_from<const N: usize>(at: Registers, stack: &mut Stack<N>) {
    stack.push(at.address);
    let Some(bounds) = stack_bounds(at.stack_pointer) else { return };
    if let End::Lost = follow_by(at, bounds.end, stack, &mut (), |address| RULES.get(address)) {
        // As in `follow`. Here a walk may be lost with new rules, too: then what it found is kept.
        stack.clear();
        stack.push(at.address);
        follow_by(at, bounds.end, stack, &mut (), |_| None);
    }
}

/// How a walk by rules ended.
enum End {
    Root,
    /// A frame that no simple rule describes.
    NoRule,
    /// The rules led nowhere: out of the stack, or to an address without code.
    Lost,
}

/// Adds the frames below which `at` is, up to the root. The stack of the thread ends at `end`. False when a
/// frame has no rule.
///
/// A rule belongs to an address, and another library may have come to lie there since. Where that leads
/// nowhere, the walk is done once more with rules made anew.
#[inline(always)]
pub(crate) fn follow<const N: usize>(
    at: Registers,
    end: usize,
    stack: &mut Stack<N>,
    witness: &mut impl Witness,
) -> bool {
    match follow_by(at, end, stack, witness, |address| RULES.get(address)) {
        End::Root => true,
        End::NoRule => false,
        End::Lost => follow_anew(at, end, stack, witness),
    }
}

#[cold]
#[inline(never)]
fn follow_anew<const N: usize>(
    at: Registers,
    end: usize,
    stack: &mut Stack<N>,
    witness: &mut impl Witness,
) -> bool {
    stack.clear();
    witness.forget();
    matches!(follow_by(at, end, stack, witness, |_| None), End::Root)
}

/// [`follow`] by the rules that `known` gives, and new ones where it has none.
#[inline(always)]
fn follow_by<const N: usize>(
    mut at: Registers,
    end: usize,
    stack: &mut Stack<N>,
    witness: &mut impl Witness,
    known: impl Fn(usize) -> Option<Rule>,
) -> End {
    // Where the frame pointer was read, if it was; most functions save it without going by it.
    let mut frame_pointer_from = None;
    loop {
        let rule = match known(at.address) {
            Some(rule) => rule,
            None => match new_rule(at.address) {
                Some(rule) => rule,
                None => return End::Lost,
            },
        };
        // In arms of their own, so that in the first all numbers are constants.
        let stepped = match rule {
            Rule::Root => return End::Root,
            Rule::Other => return End::NoRule,
            Rule::FramePointer => at.step(end, 16, true, Some(16), &mut frame_pointer_from, witness),
            Rule::Caller { distance, from_frame_pointer, saved_frame_pointer } => at.step(
                end,
                distance,
                from_frame_pointer,
                saved_frame_pointer,
                &mut frame_pointer_from,
                witness,
            ),
        };
        if stepped.is_none() {
            return End::Lost;
        }
        if !stack.push(at.address) {
            // Cut off: there is no space for more.
            return End::Root;
        }
    }
}

/// Makes the rule of an address that has none in the cache. `None` when no code is there.
#[cold]
#[inline(never)]
fn new_rule(address: usize) -> Option<Rule> {
    Some(RULES.put(address, cfi::rule_at(address)?))
}

/// Reads a word.
///
/// # Safety
/// `address` is the address of an aligned word in use on the calling thread's stack.
#[inline(always)]
pub(crate) unsafe fn read(address: usize) -> usize {
    // SAFETY: the caller's promise. The address was computed and not derived from a pointer, so its
    // provenance is the provenance of the stack, which was exposed to the machine code that called us.
    unsafe { core::ptr::with_exposed_provenance::<usize>(address).read() }
}
