//! The live blocks of all ledgers, by their addresses.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use highwater_lockfree::block_table::BlockTable;

use crate::account::Account;
use crate::current::CURRENT;
use crate::numbers::Stack;
use crate::site::AccountSite;
use crate::wanted;

static BLOCKS: BlockTable<Entry> = BlockTable::new();

/// How many there are, so that programs without ledgers look for nothing.
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// The number of the block that was written down last.
static LAST_SERIAL: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy)]
pub(crate) struct Entry {
    site: &'static AccountSite,
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) serial: u64,
    thread: u64,
}

impl Entry {
    /// Whether it is in the same account as another one.
    pub(crate) fn is_beside(self, other: Self) -> bool {
        self.site.is_beside(other.site)
    }

    /// Its block, which stands at `address`.
    pub(crate) fn block(self, address: usize) -> Block {
        let Self { site, size, align, serial, thread } = self;
        Block { address, size_bytes: size, align, stack: site.frames(), serial, thread }
    }

    /// Whether it is one of `account`.
    pub(crate) fn is_in(self, account: &'static Account) -> bool {
        self.site.is_in(account)
    }
}

/// A block that was alive when a ledger was asked for its blocks.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Where it begins.
    pub address: usize,
    /// Its size, as it was asked for.
    pub size_bytes: usize,
    /// Its alignment in bytes, as it was asked for.
    pub align: usize,
    /// The calls that allocated it.
    pub stack: Stack,
    serial: u64,
    thread: u64,
}

impl Block {
    /// Its number among all blocks that were written down, from 1 in the order of their allocation. Never
    /// used twice.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The number of the thread that allocated it, as [`set_thread`](super::set_thread) gave it; 0 for none.
    pub fn thread(&self) -> u64 {
        self.thread
    }

    /// Whether it has not been freed, nor moved or resized.
    pub fn is_live(&self) -> bool {
        BLOCKS.look(self.address, |entry| entry.serial == self.serial) == Some(true)
    }

    /// The machine word that stands `at_bytes` behind its beginning at this moment. The program may be about
    /// to change it, and may never have written it: then it is any number. `None` when the block is gone, the
    /// place is not within it, or not a multiple of a word's size.
    pub fn word(&self, at_bytes: usize) -> Option<usize> {
        let end = at_bytes.checked_add(size_of::<usize>())?;
        if end > self.size_bytes || !(self.address + at_bytes).is_multiple_of(align_of::<usize>()) {
            return None;
        }
        BLOCKS
            .look(self.address, |entry| {
                let word = ptr::with_exposed_provenance::<AtomicUsize>(self.address + at_bytes);
                // SAFETY: the block is alive as long as it is in the table, and it stays there while it is
                // looked at. The word lies within it and is aligned, and is read as if by a processor of its
                // own.
                (entry.serial == self.serial).then(|| unsafe { (*word).load(Ordering::Acquire) })
            })
            .flatten()
    }
}

/// Brings the table to rest before a fork.
pub(crate) fn before_fork() {
    BLOCKS.before_fork();
}

/// Lets it go on, in parent and child.
pub(crate) fn after_fork() {
    BLOCKS.after_fork();
}

thread_local! {
    /// The number that the calling thread's blocks carry.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// Has the blocks that the calling thread allocates from now on carry a number ([`Block::thread`]).
pub fn set_thread(number: u64) {
    THREAD.set(number);
}

/// Writes down a block that was allocated, if the ledger that the calling thread is in wants it.
#[cold]
pub(crate) fn add(block: *mut u8, size: usize, align: usize) {
    if CURRENT.get().is_none() {
        wanted::open();
    }
    if !CURRENT.get().is_some_and(|account| account.wants(align)) {
        return;
    }
    let (Some(block), Some(account)) = (NonNull::new(block), CURRENT.take()) else { return };
    // Nobody else's while it is written down: the system's unwinder may allocate.
    if let Some(site) = AccountSite::here(account) {
        let serial = LAST_SERIAL.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = block.as_ptr().expose_provenance();
        site.add(size as u64);
        put(block, Entry { site, size, align, serial, thread: THREAD.get() });
    }
    CURRENT.set(Some(account));
}

fn put(block: NonNull<u8>, entry: Entry) {
    if BLOCKS.insert(block, entry) {
        LIVE.fetch_add(1, Ordering::Relaxed);
    } else {
        entry.site.remove(entry.size as u64);
    }
}

/// Takes a block out that is about to be freed, or moved.
#[inline]
pub(crate) fn take(block: *mut u8) -> Option<Entry> {
    // The table asks that, too, and its answer takes ten times as long where nothing is optimized: it is
    // large.
    if LIVE.load(Ordering::Relaxed) == 0 || !BLOCKS.may_have(block.addr()) {
        return None;
    }
    let entry = BLOCKS.remove(NonNull::new(block)?)?;
    LIVE.fetch_sub(1, Ordering::Relaxed);
    Some(entry)
}

/// Counts the end of a block that was taken out.
pub(crate) fn end(entry: Entry) {
    entry.site.remove(entry.size as u64);
}

/// Puts a block back that was taken out, and stayed where it was.
pub(crate) fn put_back(block: *mut u8, entry: Entry) {
    if let Some(block) = NonNull::new(block) {
        put(block, entry);
    }
}

/// Shows two words of each live block that is in the same account as `beside`, and that is aligned to
/// `least_align` bytes or more.
pub(crate) fn visit_words(
    beside: Entry,
    least_align: usize,
    places: [usize; 2],
    visit: &mut dyn FnMut(Entry, [usize; 2]),
) {
    BLOCKS.visit(|address, entry| {
        let has_words = places.iter().all(|it| (it + 1) * size_of::<usize>() <= entry.size);
        if entry.align >= least_align.max(align_of::<usize>()) && has_words && entry.is_beside(beside) {
            visit(
                entry,
                places.map(|it| {
                    let word = ptr::with_exposed_provenance::<AtomicUsize>(address + it * size_of::<usize>());
                    // SAFETY: the block is alive as long as it is in the table, and it stays there while it
                    // is shown. The word lies within it and is aligned, and is read as if by a processor of
                    // its own.
                    unsafe { (*word).load(Ordering::Acquire) }
                }),
            );
        }
    });
}

/// Shows the live blocks of all accounts, also of those whose ledger is closed.
pub(crate) fn visit_all(visit: &mut dyn FnMut(Block)) {
    BLOCKS.visit(|address, entry| visit(entry.block(address)));
}

/// Shows the live blocks of an account.
pub(crate) fn visit(account: &'static Account, visit: &mut dyn FnMut(Block)) {
    BLOCKS.visit(|address, entry| {
        if entry.is_in(account) {
            visit(entry.block(address));
        }
    });
}
