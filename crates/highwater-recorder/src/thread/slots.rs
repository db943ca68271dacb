//! The slots of all threads, and the one that the calling thread has.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{
    AtomicI64, AtomicPtr, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use super::pointer::{self, UNATTACHED};
use super::slot::read::SlotCounts;
use super::slot::{Kind, Slot};
use crate::owner::Owner;
use crate::{peak, sys};
use highwater_lockfree::arena;

/// What a thread points to when it is being attached, and again when it has ended.
static DETACHED: Slot = Slot::new(Kind::None);
/// Where the operations of such threads are counted.
static ORPHANS: Orphans = Orphans {
    alloc_blocks: AtomicU64::new(0),
    alloc_bytes: AtomicU64::new(0),
    freed_blocks: AtomicU64::new(0),
    live_bytes: AtomicI64::new(0),
};
static ALL: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
pub(crate) static EXIT_HOOK: sys::ExitHook = sys::ExitHook::new();

struct Orphans {
    alloc_blocks: AtomicU64,
    alloc_bytes: AtomicU64,
    freed_blocks: AtomicU64,
    live_bytes: AtomicI64,
}

/// The calling thread's slot, which may be a shared one that counts nothing.
#[inline(always)]
pub(crate) fn current() -> &'static Slot {
    // SAFETY: it is one of the statics above, or a slot, which stays in the arena for ever.
    unsafe { &*pointer::get() }
}

/// The calling thread's own slot, which it gets now if it has none yet. `None` for a thread that has ended or
/// is just being attached, and when there is no memory: its operations go to [`count_orphan_alloc`] and
/// [`count_orphan_free`].
#[inline(always)]
pub(crate) fn attached(interval_bytes: u64) -> Option<&'static Slot> {
    let slot = current();
    if slot.kind == Kind::None { attach(slot, interval_bytes) } else { Some(slot) }
}

/// [`attached`] for a thread that now points to `shared`.
#[cold]
fn attach(shared: &'static Slot, interval_bytes: u64) -> Option<&'static Slot> {
    shared.shut();
    if !ptr::eq(shared, &UNATTACHED) {
        return None;
    }
    // A signal handler that allocates while this goes on must not begin it again.
    pointer::set(&raw const DETACHED);
    let Some(slot) = Slot::take(Kind::Program, interval_bytes) else {
        pointer::set(&raw const UNATTACHED);
        return None;
    };
    // When there is no hook the slot stays taken for ever: a loss of a few hundred bytes, and no error.
    EXIT_HOOK.arm(ptr::from_ref(slot).cast());
    pointer::set(slot);
    Some(slot)
}

/// The exit hook's destructor.
///
/// # Safety
/// `slot` is what [`attached`] armed the hook with in this thread.
pub(crate) unsafe extern "C" fn detach(slot: *mut c_void) {
    // POSIX runs destructors in up to four rounds while there is something left to destroy. Ours waits for
    // the third, so that what other keys' destructors free is still counted here.
    const LAST_ROUND: u32 = 3;
    // SAFETY: the caller promises a slot; slots live in the arena for ever.
    let slot = unsafe { &*slot.cast::<Slot>() };
    let rounds = slot.farewells.load(Relaxed) + 1;
    slot.farewells.store(rounds, Relaxed);
    if rounds < LAST_ROUND && EXIT_HOOK.arm(ptr::from_ref(slot).cast()) {
        return;
    }
    slot.report();
    pointer::set(&raw const DETACHED);
    slot.is_taken.store(false, Release);
}

impl Slot {
    /// The thread with this slot, as the one that counts in a place.
    #[inline(always)]
    pub(crate) fn owner(&'static self) -> Owner {
        Owner::at(ptr::from_ref(self).addr())
    }

    /// A slot of this kind that nobody owns, or a new one.
    pub(super) fn take(kind: Kind, interval_bytes: u64) -> Option<&'static Self> {
        let free = all().find(|slot| {
            slot.kind == kind
                && !slot.is_taken.load(Relaxed)
                && slot.is_taken.compare_exchange(false, true, Acquire, Relaxed).is_ok()
        });
        if let Some(slot) = free {
            slot.hand_over(interval_bytes);
            return Some(slot);
        }
        let slot = arena::place(Self::new(kind))?;
        slot.begin(interval_bytes);
        let mut first = ALL.load(Acquire);
        loop {
            slot.next.store(first, Relaxed);
            match ALL.compare_exchange(first, ptr::from_ref(slot).cast_mut(), AcqRel, Acquire) {
                Ok(_) => return Some(slot),
                Err(now) => first = now,
            }
        }
    }
}

/// Takes [`Slot::try_count_alloc`] back: there was no memory for the block. Asks for the slot itself, so that
/// the caller has no more to remember than the size.
#[cold]
#[inline(never)]
pub(crate) fn uncount_alloc(size: usize) {
    current().uncount_alloc(size);
}

/// Counts a freed block that was too large for [`Slot::try_count_free`].
#[cold]
pub(crate) fn count_free_slowly(size: usize, interval_bytes: u64) {
    match attached(interval_bytes) {
        Some(slot) => slot.count_free_slowly(size, interval_bytes),
        None => {
            ORPHANS.freed_blocks.fetch_add(1, Relaxed);
            ORPHANS.live_bytes.fetch_sub(size as i64, Relaxed);
            peak::report(-(size as i64));
        }
    }
}

/// Counts a block as freed that is being resized. To be followed by counting it in its new size.
pub(crate) fn count_free_of_resized(size: usize, interval_bytes: u64) {
    match attached(interval_bytes) {
        Some(slot) => slot.count_free_of_resized(size),
        None => count_free_slowly(size, interval_bytes),
    }
}

/// Counts a block allocated by a thread without a slot.
pub(crate) fn count_orphan_alloc(size: usize) {
    ORPHANS.alloc_blocks.fetch_add(1, Relaxed);
    ORPHANS.alloc_bytes.fetch_add(size as u64, Relaxed);
    ORPHANS.live_bytes.fetch_add(size as i64, Relaxed);
    peak::report(size as i64);
}

/// The counts of every thread there is or was.
pub(crate) fn all_counts() -> impl Iterator<Item = SlotCounts> {
    let orphans = SlotCounts {
        is_own: false,
        freed_blocks: ORPHANS.freed_blocks.load(Acquire),
        alloc_blocks: ORPHANS.alloc_blocks.load(Relaxed),
        alloc_bytes: ORPHANS.alloc_bytes.load(Relaxed),
        live_bytes: ORPHANS.live_bytes.load(Relaxed),
        unreported: 0,
    };
    all().map(Slot::counts).chain(core::iter::once(orphans))
}

fn all() -> impl Iterator<Item = &'static Slot> {
    let mut next = ALL.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: the pointer is null or a published slot's; slots stay in the arena for ever.
        let slot: &'static Slot = unsafe { next.as_ref() }?;
        next = slot.next.load(Acquire);
        Some(slot)
    })
}

/// Whether what the calling thread allocates now is Highwater's own.
pub(crate) fn is_own() -> bool {
    current().kind == Kind::Own
}

/// Has the calling thread report now.
pub(crate) fn report_own() {
    let slot = current();
    if slot.kind == Kind::Program {
        slot.report();
    }
}
