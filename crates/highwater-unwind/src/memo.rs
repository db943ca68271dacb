//! Stacks that a thread has walked before, recognised without walking them again.
//!
//! Where a walk goes follows from the stack pointer it begins with and the words of the stack that it reads:
//! return addresses, and here and there a saved frame pointer. When the stack pointer equals an earlier
//! walk's and all of those words are what they were then, the frames are the same. Comparing words takes a
//! fraction of the time of following rules, and a program that allocates in a loop presents the same few
//! stacks over and over.

use core::ptr::NonNull;

use crate::arch::{HAS_RULES, Registers, Witness, are_lasting, follow, read, stack_end};
use crate::known::KnownStack;
use crate::stack::Stack;
use crate::system::walk_with_system;

/// Stack pointers that walks begin with, and different stacks remembered of each: the sites of one function.
/// Without rules there is nothing to remember.
const SETS: usize = if HAS_RULES { 8 } else { 0 };
const WAYS: usize = 4;

/// Words that an entry remembers; stacks that depend on more are walked each time.
const WORDS: usize = 192;

/// Words that are compared before the result is asked for.
const GROUP: usize = 4;

const _: () = assert!(WORDS.is_multiple_of(GROUP));

/// What one thread remembers.
#[derive(Debug)]
pub struct Memo {
    entries: [[Entry; WAYS]; SETS],
    /// The entry of each set that is given up next.
    next: [u8; SETS],
}

#[derive(Debug)]
struct Entry {
    /// 0 in an empty entry.
    stack_pointer: usize,
    /// End of the stack, which is another one when another thread has taken over this memory.
    end: usize,
    /// The frame pointer that the walk began with, if it went by it.
    frame_pointer: usize,
    has_frame_pointer: bool,
    length: u16,
    /// Groups that they fill.
    groups: u16,
    /// Where the words are, in words above the stack pointer.
    offsets: [[u16; GROUP]; WORDS / GROUP],
    values: [[usize; GROUP]; WORDS / GROUP],
    stack: Option<KnownStack>,
    /// None of its frames is in a library that may be unloaded, and that another one may come to lie in the
    /// place of.
    is_lasting: bool,
}

impl Memo {
    /// Makes zeroed memory an empty memo.
    ///
    /// # Safety
    /// `place` is zeroed memory of this size and alignment that nobody else uses.
    pub unsafe fn prepare(place: NonNull<Self>) {
        for at in 0..SETS * WAYS {
            // SAFETY: within the memory. All other fields are numbers and truth values, for which zero will
            // do.
            unsafe { (&raw mut (*place.as_ptr()).entries[at / WAYS][at % WAYS].stack).write(None) };
        }
    }

    /// The stack that led here. `None` when the recorder has no memory left for a new one.
    #[inline(always)]
    pub fn stack(&mut self) -> Option<KnownStack> {
        let here = Registers::here();
        let Some(end) = stack_end(here.stack_pointer) else {
            return if HAS_RULES { walked(walk_with_system) } else { None };
        };
        let set = (here.stack_pointer / 16).checked_rem(SETS)?;
        if let Some(known) = self.entries[set].iter().find_map(|entry| entry.recall(&here, end)) {
            return Some(known);
        }
        let way = usize::from(self.next[set]) % WAYS;
        self.next[set] = self.next[set].wrapping_add(1);
        self.entries[set][way].learn(here, end)
    }
}

/// The stack that `walker` finds.
fn walked(walker: impl FnOnce(&mut Stack)) -> Option<KnownStack> {
    let mut stack = Stack::new();
    walker(&mut stack);
    KnownStack::of(&stack)
}

impl Entry {
    #[inline(always)]
    fn recall(&self, here: &Registers, end: usize) -> Option<KnownStack> {
        if self.stack_pointer != here.stack_pointer
            || self.end != end
            || (self.has_frame_pointer && self.frame_pointer != here.frame_pointer)
        {
            return None;
        }
        let groups = self.offsets.iter().zip(&self.values).take(usize::from(self.groups));
        for (offsets, values) in groups {
            for (&offset, &value) in offsets.iter().zip(values) {
                // SAFETY: the walk that was remembered began at this stack pointer of this stack and read
                // this word, so it lies between the stack pointer and the end of the stack.
                if unsafe { read(here.stack_pointer + usize::from(offset) * 8) } != value {
                    return None;
                }
            }
        }
        if self.is_lasting { self.stack } else { self.recall_if_loaded() }
    }

    /// What is remembered, if its libraries are still there.
    #[inline(never)]
    fn recall_if_loaded(&self) -> Option<KnownStack> {
        // SAFETY: the words have just been compared, so these are the return addresses on this thread's
        // stack.
        self.stack.filter(|it| unsafe { it.is_in_its_modules() })
    }

    /// Repeats the last word until the last group is full.
    fn fill_group(&mut self) {
        let length = usize::from(self.length);
        let (offsets, values) = (self.offsets.as_flattened_mut(), self.values.as_flattened_mut());
        for at in length..length.next_multiple_of(GROUP) {
            (offsets[at], values[at]) = (offsets[length - 1], values[length - 1]);
        }
        self.groups = length.div_ceil(GROUP) as u16;
    }

    /// Walks, and remembers the walk here.
    fn learn(&mut self, here: Registers, end: usize) -> Option<KnownStack> {
        // Empty until the walk has come to its end.
        self.stack_pointer = 0;
        (self.has_frame_pointer, self.length) = (false, 0);
        let (stack_pointer, frame_pointer) = (here.stack_pointer, here.frame_pointer);
        let mut stack: Stack = Stack::new();
        let mut learner = Learner { entry: self, stack_pointer, is_complete: true };
        if !follow(here, end, &mut stack, &mut learner) {
            return walked(walk_with_system);
        }
        let is_complete = learner.is_complete;
        let known = KnownStack::of(&stack);
        if is_complete && known.is_some() {
            self.fill_group();
            (self.stack_pointer, self.frame_pointer, self.end) = (stack_pointer, frame_pointer, end);
            self.is_lasting = are_lasting(stack.addresses());
            self.stack = known;
        }
        known
    }
}

/// Writes down what a walk goes by.
struct Learner<'a> {
    entry: &'a mut Entry,
    stack_pointer: usize,
    /// There was space for every word so far.
    is_complete: bool,
}

impl Witness for Learner<'_> {
    fn began_with_frame_pointer(&mut self) {
        self.entry.has_frame_pointer = true;
    }

    fn forget(&mut self) {
        (self.entry.has_frame_pointer, self.entry.length) = (false, 0);
        self.is_complete = true;
    }

    #[inline(always)]
    fn read(&mut self, address: usize, value: usize) {
        let at = usize::from(self.entry.length);
        let offset = u16::try_from((address - self.stack_pointer) / 8);
        let offset_place = self.entry.offsets.as_flattened_mut().get_mut(at);
        match (offset, offset_place, self.entry.values.as_flattened_mut().get_mut(at)) {
            (Ok(offset), Some(offset_place), Some(value_place)) => {
                (*offset_place, *value_place) = (offset, value);
                self.entry.length += 1;
            }
            _ => self.is_complete = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use highwater_lockfree::arena;

    use super::*;
    use crate::arch;

    /// A memo, on the heap since it is large.
    fn memo() -> &'static mut Memo {
        arch::start();
        let place = arena::map(size_of::<Memo>()).unwrap().cast::<Memo>();
        // SAFETY: freshly mapped, and so zeroed and page-aligned.
        unsafe {
            Memo::prepare(place);
            &mut *place.as_ptr()
        }
    }

    /// Compares what the memo says with a walk from the same place. The frames differ in the first two: the
    /// calls of the one and of the other.
    #[inline(never)]
    fn check(memo: &mut Memo) -> bool {
        let known = memo.stack().unwrap();
        let mut fresh: Stack = Stack::new();
        assert!(arch::walk(&mut fresh));
        let frames = known.frames();
        let common = frames.len() - 2;
        assert_eq!(frames[frames.len() - common..], fresh.addresses()[fresh.addresses().len() - common..]);
        common > 3
    }

    /// Takes one of many ways down, with frames of several sizes, some of them known at run time only.
    #[inline(never)]
    fn descend(memo: &mut Memo, ways: &mut impl Iterator<Item = u32>, checks: &mut u32) {
        match ways.next() {
            None => *checks += u32::from(check(memo)),
            Some(0) => descend(memo, ways, checks),
            Some(1) => {
                std::hint::black_box([1_u64; 20]).iter().take(1).for_each(|_| descend(memo, ways, checks))
            }
            Some(2) => [0].sort_by_key(|_| 0),
            Some(_) => {
                descend(memo, ways, checks);
                descend(memo, &mut std::iter::empty(), checks);
            }
        }
        std::hint::black_box(ways.size_hint());
    }

    #[test]
    fn a_remembered_stack_is_the_stack() {
        let memo = memo();
        let mut random = 1_u64;
        let mut checks = 0;
        for round in 0..3_000_u64 {
            // Few different ways, so that the same stack pointers are met with the same and with other
            // callers.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round / 3);
            let seed = (random >> 33) % 40;
            let mut ways = (0..seed % 12).map(|level| ((seed >> (level % 5)) & 3) as u32);
            descend(memo, &mut ways, &mut checks);
        }
        assert!(checks > 2_000, "{checks}");
    }

    #[test]
    fn what_was_learned_is_recalled() {
        let memo = memo();
        let mut stacks = Vec::new();
        for _ in 0..std::hint::black_box(3) {
            stacks.push(memo.stack().unwrap().frames());
        }
        assert!(stacks.iter().all(|it| core::ptr::eq(*it, stacks[0])), "one call site, one stack");
        let used = memo.entries.iter().flatten().filter(|entry| entry.stack_pointer != 0).count();
        assert_eq!(used, 1, "three calls from one place were learned more than once");
    }
}
