//! How many frames at the leaf of a stack are the allocator's own, so that rows begin at the program's call.
//!
//! A stack is walked inside of the recorder. Between there and the program's call lie functions of this crate
//! and the shim that the compiler makes for the global allocator (`__rust_alloc` and its like). Their number
//! depends on what was inlined, and so on the optimization of the program. So [`learn_own_frames`] allocates
//! in every way there is, and notes which functions are between the recorder and the call: the **entries**.
//! Every stack is cut behind its first entry, and the few that follow. Where everything was inlined into the
//! function that allocates, the entry is the recorder's first function out of line.

use core::alloc::Layout;
use core::cell::Cell;
use core::hint::black_box;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::sys;
use crate::thread::{self, own_memory};
use highwater_unwind::Stack;

/// Size in bytes of the blocks that [`ask`] asks for. Most of the program's have another one, and need not be
/// looked at any closer.
const ASKED: usize = 1009;

/// Frames from the leaf among which the first entry is, in builds without optimization.
const REACH: usize = 48;

/// Frames behind the first entry that may be entries as well.
const ENTRIES_IN_A_ROW: usize = 6;

/// The start addresses of the entries; 0 where none is known yet.
static ENTRIES: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

/// What was found out of addresses lately: the address, and in the lowest bit whether it lies in an entry.
/// The leaf end of all stacks of a program has a few dozen different addresses.
static KNOWN: [AtomicUsize; 512] = [const { AtomicUsize::new(0) }; 512];

/// Where the code of [`leave_out`] begins and ends; nowhere in a program that was built with the recorder.
static LIBRARY: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));

static HAS_LEARNED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The calling thread is in [`learn_own_frames`].
    static LEARNS: Cell<bool> = const { Cell::new(false) };
}

/// Notes the calls that led here, where an allocation of `size` bytes is one of [`learn_own_frames`].
#[inline(always)]
pub(crate) fn look_at(size: usize) {
    if size == ASKED {
        note_entries();
    }
}

/// Adds the functions that begin at these addresses to the entries, where an allocation of `size` bytes is
/// one of [`learn_own_frames`].
#[inline(always)]
pub(crate) fn add_where_asked<const N: usize>(size: usize, functions: impl FnOnce() -> [usize; N]) {
    if size == ASKED && LEARNS.get() {
        functions().into_iter().for_each(add);
    }
}

#[cold]
#[inline(never)]
fn note_entries() {
    if !LEARNS.get() {
        return;
    }
    let mut stack = Stack::<{ REACH + ENTRIES_IN_A_ROW }>::new();
    highwater_unwind::walk(&mut stack);
    let functions = stack.addresses().iter().map(|&address| sys::function_at(address).unwrap_or(0));
    let inside = note_entries as fn() as usize;
    // The allocation's own function follows, out of line like all that leaves the fast path.
    let outwards = functions.skip_while(|&it| it != inside).skip(1);
    outwards.take_while(|&it| it != ask as fn(usize) as usize).for_each(add);
}

fn add(function: usize) {
    for place in &ENTRIES {
        match place.compare_exchange(0, function, Ordering::Relaxed, Ordering::Relaxed) {
            Err(known) if known != function => {}
            _ => return,
        }
    }
}

/// Finds out which functions are entries, once. The program's global allocator is asked for a few small
/// blocks, which count as Highwater's own memory and are given back at once. Not to be called inside of an
/// allocation.
pub fn learn_own_frames() {
    if HAS_LEARNED.swap(true, Ordering::AcqRel) {
        return;
    }
    own_memory(|| {
        let slot = thread::current();
        LEARNS.set(true);
        slot.slow_down(true);
        for align in [8, 32] {
            ask(align);
        }
        slot.slow_down(false);
        LEARNS.set(false);
    });
    // What was looked up before had no entries to be compared with.
    KNOWN.iter().for_each(|it| it.store(0, Ordering::Release));
}

/// Allocates in each way. Where the compiler knows that this is seldom done, it inlines less.
#[cold]
#[inline(never)]
fn ask(align: usize) {
    let (Ok(asked), Ok(small)) = (Layout::from_size_align(ASKED, align), Layout::from_size_align(64, align))
    else {
        return;
    };
    // SAFETY: the sizes are not 0. Each block is given back with the layout that it has, and the resized
    // block with the layout of its new size if there was memory for it.
    unsafe {
        for block in [std::alloc::alloc(black_box(asked)), std::alloc::alloc_zeroed(black_box(asked))] {
            if !block.is_null() {
                std::alloc::dealloc(black_box(block), asked);
            }
        }
        let block = std::alloc::alloc(black_box(small));
        if !block.is_null() {
            let resized = std::alloc::realloc(black_box(block), black_box(small), black_box(ASKED));
            if resized.is_null() {
                std::alloc::dealloc(block, small);
            } else {
                std::alloc::dealloc(resized, asked);
            }
        }
    }
}

/// Has rows begin behind the code at these addresses: a library that holds the recorder, and nothing of the
/// program.
pub fn leave_out(library: Range<usize>) {
    LIBRARY.0.store(library.start, Ordering::Relaxed);
    LIBRARY.1.store(library.end, Ordering::Relaxed);
}

/// `stack` from the program's call on. As it is where no entry is found: nothing was learned, or the
/// allocator that recorded it is not the program's global one.
pub(crate) fn without(stack: &'static [usize]) -> &'static [usize] {
    let library = LIBRARY.0.load(Ordering::Relaxed)..LIBRARY.1.load(Ordering::Relaxed);
    if !library.is_empty() {
        let own = stack.iter().take_while(|it| library.contains(it)).count();
        return if own < stack.len() { &stack[own..] } else { stack };
    }
    let entry = |&address: &usize| is_in_entry(address);
    let Some(first) = stack.iter().take(REACH).position(entry) else { return stack };
    let outwards = &stack[first..stack.len().min(first + ENTRIES_IN_A_ROW)];
    let last = outwards.iter().rposition(entry).unwrap_or(0);
    match &stack[first + last + 1..] {
        // Cut off before it came to the program.
        [] => stack,
        rest => rest,
    }
}

fn is_in_entry(address: usize) -> bool {
    let place = &KNOWN[(address ^ address >> 9) % KNOWN.len()];
    let known = place.load(Ordering::Acquire);
    if known >> 1 == address {
        return known & 1 == 1;
    }
    let function = sys::function_at(address).unwrap_or(0);
    let is_entry = function != 0 && ENTRIES.iter().any(|it| it.load(Ordering::Relaxed) == function);
    place.store(address << 1 | usize::from(is_entry), Ordering::Release);
    is_entry
}
