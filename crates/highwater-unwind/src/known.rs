//! Stacks that are stored once each, and so distinguished by their addresses.

use highwater_lockfree::arena;
use highwater_lockfree::chain::{ChainTable, hash};

use crate::arch::modules_of_own;
use crate::stack::Stack;

/// Stacks by their frames. 2^15 buckets are 256 KiB, and only pages in use cost memory.
static STACKS: ChainTable<Stored, { 1 << 15 }> = ChainTable::new();

/// A stack in certain modules. Another library that comes to lie where one was has stacks of its own.
struct Stored {
    frames: &'static [usize],
    /// See [`modules_of`](crate::modules_of); `None` where that cannot be known.
    modules: Option<u64>,
}

/// A stack that is stored, and so distinguished from others by its address.
#[derive(Clone, Copy, Debug)]
pub struct KnownStack {
    frames: &'static [usize],
    modules: Option<u64>,
    hash: u64,
    is_truncated: bool,
}

impl KnownStack {
    /// The stored copy of a stack. `None` when the tables' memory is used up.
    pub fn of(stack: &Stack) -> Option<Self> {
        Self::of_any(stack)
    }

    /// The same of a stack with space for more or fewer frames.
    pub fn of_any<const N: usize>(stack: &Stack<N>) -> Option<Self> {
        let frames = stack.addresses();
        // SAFETY: stacks are stored by the thread that has just walked its own.
        let modules = unsafe { modules_of_own(frames) };
        let hash = hash(frames.iter().map(|&it| it as u64).chain(modules));
        let is_same = |it: &Stored| it.modules == modules && it.frames == frames;
        let make = || Some(Stored { frames: arena::place_slice(frames)?, modules });
        let frames = STACKS.get_or_add(hash, is_same, make)?.frames;
        Some(Self { frames, modules, hash, is_truncated: stack.is_truncated() })
    }

    /// Whether frames towards its root are missing.
    #[inline(always)]
    pub fn is_truncated(self) -> bool {
        self.is_truncated
    }

    /// Whether its modules are still those that its frames lie in.
    ///
    /// # Safety
    /// It is the calling thread's stack now.
    pub unsafe fn is_in_its_modules(self) -> bool {
        // SAFETY: the caller's promise.
        self.modules == unsafe { modules_of_own(self.frames) }
    }

    /// Its call-site addresses, leaf first.
    #[inline(always)]
    pub fn frames(self) -> &'static [usize] {
        self.frames
    }

    /// The modules that its frames lay in when it was stored; see [`modules_of`](crate::modules_of). `None`
    /// where that cannot be known.
    #[inline(always)]
    pub fn modules(self) -> Option<u64> {
        self.modules
    }

    /// A hash of its frames and modules.
    #[inline(always)]
    pub fn hash(self) -> u64 {
        self.hash
    }
}
