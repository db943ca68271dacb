//! Blocks whose end is of interest, by the word that they begin with when they are freed: where that was.
//!
//! The list is short on purpose, and the stack is only taken down of blocks that get on it. It forgets what
//! belongs to a ledger when that is closed.
//!
//! Blocks of one owner may end one after the other, and the end of one may change the words of the next. So
//! when the first of them ends, the words of all others are noted.

use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use highwater_lockfree::spin::SpinLock;
use highwater_unwind::{KnownStack, Stack};

use crate::account::Account;
use crate::blocks::{Block, Entry, visit_words};
use crate::current::pause;

/// How many are remembered.
const MOST: usize = 256;
/// How many words of each.
const WORDS: usize = 6;
/// Which of the words says who its owner is.
const OWNER_WORD: usize = 3;

/// The end of a block.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The block, which is gone.
    pub block: Block,
    /// The words that it began with; 0 behind its end.
    pub words: [usize; WORDS],
    /// The word that it began with when the first block of its owner ended; `None` for that one itself.
    pub word_before: Option<usize>,
    /// The calls that freed it.
    pub end_stack: crate::numbers::Stack,
}

/// A block that was alive when another one of its owner ended.
#[derive(Clone, Copy)]
struct Survivor {
    entry: Entry,
    owner: usize,
    word: usize,
}

/// Which bits of the word are looked at, and what they are in a block of interest.
static MASK: AtomicUsize = AtomicUsize::new(0);
static WANTED: AtomicUsize = AtomicUsize::new(0);
/// From which alignment on a block is looked at.
static LEAST_ALIGN: AtomicUsize = AtomicUsize::new(usize::MAX);

/// How many are on the list, so that the lock is not taken for none.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static ENDED: SpinLock<[Option<(Entry, Ended)>; MOST]> = SpinLock::new([const { None }; MOST]);
/// What was noted when the first block of an owner ended. The oldest give way.
static SURVIVORS: SpinLock<Survivors> = SpinLock::new(Survivors { list: [None; MOST], next: 0 });

struct Survivors {
    list: [Option<Survivor>; MOST],
    next: usize,
}

/// From now on the ends of blocks of any ledger are remembered that have an alignment of at least
/// `least_align` bytes (the alignment of a machine word or more) and begin with a word whose bits in `mask`
/// are the bits of `wanted`. No more than 256 at a time.
pub fn watch_ends(least_align: usize, mask: usize, wanted: usize) {
    MASK.store(mask, Ordering::Relaxed);
    WANTED.store(wanted, Ordering::Relaxed);
    LEAST_ALIGN.store(least_align.max(align_of::<usize>()), Ordering::Release);
}

/// Looks at a block that was taken out of the table and is about to be freed.
///
/// # Safety
/// The block is the entry's, and has not been freed.
#[inline]
pub(crate) unsafe fn look(block: *mut u8, entry: Entry) {
    if entry.align >= LEAST_ALIGN.load(Ordering::Acquire) && entry.size >= size_of::<usize>() {
        // SAFETY: as the caller promises.
        unsafe { take_down(block, entry) };
    }
}

/// # Safety
/// As for [`look`], and the block begins with a word.
#[cold]
unsafe fn take_down(block: *mut u8, entry: Entry) {
    // SAFETY: the block is not freed yet, and is as aligned and as long as a word.
    let word = unsafe { ptr::read_volatile(block.cast::<usize>()) };
    if word & MASK.load(Ordering::Relaxed) != WANTED.load(Ordering::Relaxed) {
        return;
    }
    let _paused = pause();
    let mut stack = Stack::new();
    highwater_unwind::walk_seldom(&mut stack);
    let Some(stack) = KnownStack::of(&stack) else { return };
    let mut words = [0; WORDS];
    for (place, each) in words.iter_mut().enumerate().take(entry.size / size_of::<usize>()) {
        // SAFETY: as above, and the block has at least as many words.
        *each = unsafe { ptr::read_volatile(block.cast::<usize>().add(place)) };
    }
    let word_before = before(entry, words[OWNER_WORD]);
    let ended = Ended { block: entry.block(block.addr()), words, word_before, end_stack: stack.frames() };
    let Some(mut list) = ENDED.lock() else { return };
    if let Some(free) = list.iter_mut().find(|it| it.is_none()) {
        *free = Some((entry, ended));
        COUNT.fetch_add(1, Ordering::Release);
    }
}

/// The word that a block began with when the first block of its owner ended. If it is the first, the words of
/// all others are noted.
fn before(entry: Entry, owner: usize) -> Option<usize> {
    let survivors = SURVIVORS.lock()?;
    let of_owner =
        || survivors.list.iter().flatten().filter(|it| it.owner == owner && it.entry.is_beside(entry));
    if of_owner().next().is_some() {
        return of_owner().find(|it| it.entry.serial == entry.serial).map(|it| it.word);
    }
    drop(survivors);
    let least = LEAST_ALIGN.load(Ordering::Acquire);
    visit_words(entry, least, [0, OWNER_WORD], &mut |entry, [word, of]| {
        if of == owner
            && let Some(mut survivors) = SURVIVORS.lock()
        {
            let next = survivors.next;
            survivors.list[next] = Some(Survivor { entry, owner, word });
            survivors.next = (next + 1) % MOST;
        }
    });
    None
}

/// How many ends are remembered, of all ledgers. One load.
pub fn ended_blocks() -> usize {
    COUNT.load(Ordering::Acquire)
}

/// Shows the entries of an account, one after the other and with nothing locked.
pub(crate) fn visit(account: &'static Account, visit: &mut dyn FnMut(Ended)) {
    for place in 0..MOST {
        let Some(list) = ENDED.lock() else { return };
        let found = list[place].filter(|(entry, _)| entry.is_in(account));
        drop(list);
        if let Some((_, ended)) = found {
            visit(ended);
        }
    }
}

/// Forgets the entries of an account that is about to be closed.
pub(crate) fn forget(account: &'static Account) {
    if ended_blocks() == 0 {
        return;
    }
    let Some(mut list) = ENDED.lock() else { return };
    for place in list.iter_mut() {
        if place.is_some_and(|(entry, _)| entry.is_in(account)) {
            *place = None;
            COUNT.fetch_sub(1, Ordering::Release);
        }
    }
    drop(list);
    let Some(mut survivors) = SURVIVORS.lock() else { return };
    for place in &mut survivors.list {
        if place.is_some_and(|it| it.entry.is_in(account)) {
            *place = None;
        }
    }
}

/// Brings the list to rest before a fork.
pub(crate) fn before_fork() {
    ENDED.hold_for_fork();
    SURVIVORS.hold_for_fork();
}

/// Lets it go on, in parent and child.
pub(crate) fn after_fork() {
    SURVIVORS.release_after_fork();
    ENDED.release_after_fork();
}
