//! Who allocates, besides the stack: a thread by its name, in a scope.

use highwater_lockfree::chain::{ChainTable, hash};

use crate::scope::{self, ScopePath};
use crate::sys;

static NAMES: ChainTable<ThreadName, { 1 << 8 }> = ChainTable::new();

/// The name of one or more threads.
pub(crate) struct ThreadName {
    text: [u8; 16],
    length: usize,
}

impl ThreadName {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

/// Who allocates, besides the stack.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub thread: Option<&'static ThreadName>,
    pub scope: Option<&'static ScopePath>,
}

impl Origin {
    /// A thread that has no slot, whose name is not asked for: it is ending.
    pub(crate) fn of_no_slot() -> Self {
        Self { thread: None, scope: scope::current() }
    }

    /// Names and scopes are stored once, so their addresses tell them apart.
    #[inline(always)]
    pub(crate) fn identity(self) -> [u64; 2] {
        fn address<T>(it: Option<&T>) -> u64 {
            it.map_or(0, |it| core::ptr::from_ref(it).addr() as u64)
        }
        [address(self.thread), address(self.scope)]
    }
}

/// The calling thread's name, stored once. `None` when it has none.
pub(crate) fn current_thread_name() -> Option<&'static ThreadName> {
    let mut text = [0; 16];
    let length = sys::thread_name(&mut text);
    if length == 0 {
        return None;
    }
    let halves = [0, 8].map(|at| u64::from_ne_bytes(core::array::from_fn(|i| text[at + i])));
    NAMES.get_or_add(
        hash(halves),
        |name| name.as_bytes() == &text[..length],
        || Some(ThreadName { text, length }),
    )
}
