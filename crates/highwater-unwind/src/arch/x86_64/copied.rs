//! Walking the stack of another thread, in a copy of it: the thread sleeps in the kernel, and is neither
//! stopped nor woken.
//!
//! All that is known of its registers is where it stands and the stack pointer. Most functions are left by
//! these alone; a frame pointer is known from where a call further inside has saved it.

use super::cfi;
use super::rule::Rule;

/// Shows `visit` the calls that led to `address`, innermost first, by their call-site addresses, until it
/// returns false. `copy` is the memory from `stack_pointer` on. Returns whether the walk came to the root of
/// the stack.
///
/// # Safety
/// The modules that the calls are in stay loaded while this runs.
pub(crate) unsafe fn walk(
    address: usize,
    stack_pointer: usize,
    copy: &[usize],
    visit: &mut dyn FnMut(usize) -> bool,
) -> bool {
    let (mut address, mut top, mut frame_pointer) = (address, stack_pointer, None);
    let read = |at: usize| {
        let distance = at.checked_sub(stack_pointer).filter(|it| it % size_of::<usize>() == 0)?;
        copy.get(distance / size_of::<usize>()).copied()
    };
    loop {
        let (distance, from_frame_pointer, saved) = match cfi::rule_at(address) {
            Some(Rule::Root) => return true,
            Some(Rule::FramePointer) => (16, true, Some(16)),
            Some(Rule::Caller { distance, from_frame_pointer, saved_frame_pointer }) => {
                (distance, from_frame_pointer, saved_frame_pointer)
            }
            Some(Rule::Other) | None => return false,
        };
        let register = if from_frame_pointer { frame_pointer } else { Some(top) };
        let step = || {
            let base = register?.checked_add(usize::try_from(distance).ok()?)?;
            // Every caller's frame lies higher, so the walk ends.
            let return_address = (base > top).then(|| read(base - size_of::<usize>())).flatten()?;
            Some((base, return_address.checked_sub(1)?))
        };
        let Some((base, caller)) = step() else { return false };
        if let Some(below) = saved {
            frame_pointer = base.checked_sub(usize::from(below)).and_then(read);
        }
        (top, address) = (base, caller);
        if !visit(address) {
            return false;
        }
    }
}
