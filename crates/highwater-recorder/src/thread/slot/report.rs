//! When a thread looks around, and what it passes on to the process's totals.
//!
//! **What a thread holds back is bounded at all times.** Neither countdown nor `room` is ever more than
//! [`LOOK`], whatever the sampling interval; what is longer of a wait for a sample is kept in reserve. After
//! each look what is not reported is at most [`KEPT`] up or down. So a thread that does nothing more holds
//! back at most both, which is [`HELD_BACK_BYTES`]. A block too large for either is reported when it is
//! counted.
//!
//! To look costs a hundred instructions, and to report little more, for it is rare. So a thread looks as
//! seldom as it may.

use core::sync::atomic::Ordering::Relaxed;

use super::{Kind, Slot, add, bump};
use crate::peak::{self, HELD_BACK_BYTES};

/// The most bytes that a thread allocates, and the most that it frees, between two looks: 56 KiB.
pub(super) const LOOK: i64 = HELD_BACK_BYTES as i64 - KEPT;

/// By how many its live bytes may have changed at a look before it reports: 8 KiB.
pub(super) const KEPT: i64 = HELD_BACK_BYTES as i64 / 8;

/// [`LOOK`] in exact mode, where the bytes allocated are looked at themselves: a power of two.
pub(super) const EXACT_LOOK: i64 = 32 * 1024;
const _: () = assert!(EXACT_LOOK.count_ones() == 1 && EXACT_LOOK <= LOOK);

impl Slot {
    /// Counts a freed block that the `room` left was too small for, and makes new one. A maximum ends with a
    /// free, so the thread looks before it; and again after it, because a large block must not be held back.
    pub(in super::super) fn count_free_slowly(&self, size: usize, interval_bytes: u64) {
        self.follow(interval_bytes);
        self.look();
        bump(&self.freed_blocks);
        let room = if self.measurements.load(Relaxed) == 0 { LOOK } else { 0 };
        self.set_room(room, size as i64);
        self.report_if_due();
    }

    /// Counts a block as freed that is being resized: the block in its new size is counted before anything is
    /// reported, so that the process never seems to have lost the block in between.
    pub(in super::super) fn count_free_of_resized(&self, size: usize) {
        self.look();
        bump(&self.freed_blocks);
        self.change(|| add(&self.room_granted, size as i64));
    }

    /// Sets the `room` that is left, and counts `freed_bytes` as freed.
    pub(in super::super) fn set_room(&self, room: i64, freed_bytes: i64) {
        let more = room - self.room.load(Relaxed);
        self.change(|| {
            add(&self.room_granted, more + freed_bytes);
            add(&self.room, more);
        });
        // A signal handler may have made new `room` in between.
        let surplus = self.room.load(Relaxed) - room;
        if surplus > 0 {
            self.change(|| {
                add(&self.room_granted, -surplus);
                add(&self.room, -surplus);
            });
        }
    }

    /// The bytes that the thread allocated, less the bytes that it freed, allocated by any thread.
    #[inline(always)]
    pub(super) fn net(&self) -> i64 {
        let freed = self.room_granted.load(Relaxed) - self.room.load(Relaxed);
        self.granted.load(Relaxed) - self.countdown.load(Relaxed) - freed
    }

    /// Notes a new highest value of the net bytes, and reports if that is due. A maximum ends with a free, so
    /// the time to look is before one.
    #[inline(always)]
    pub(crate) fn look(&self) {
        let net = self.net();
        if net > self.highest.load(Relaxed) {
            self.highest.store(net, Relaxed);
        }
        let gained = net - self.reported.load(Relaxed);
        if self.kind == Kind::Program && (gained.abs() > KEPT || peak::is_peak(gained)) {
            self.report();
        }
    }

    /// Reports unless what is held back is little.
    fn report_if_due(&self) {
        let gained = self.net() - self.reported.load(Relaxed);
        if self.kind == Kind::Program && gained.abs() > KEPT {
            self.report();
        }
    }

    /// [`Self::look`] for a sampled block that is about to be freed: nothing but a peak matters to its
    /// cohort.
    #[inline(always)]
    pub(crate) fn look_for_peak(&self) {
        if peak::is_peak(self.net() - self.reported.load(Relaxed)) {
            self.look();
        }
    }

    /// Passes the change of live bytes since the last report on to the process's totals.
    pub(in super::super) fn report(&self) {
        let net = self.net();
        if net > self.highest.load(Relaxed) {
            self.highest.store(net, Relaxed);
        }
        let change = net - self.reported.load(Relaxed);
        // The same number on both sides: what a handler reports in between is in both as well.
        add(&self.reported, change);
        if self.kind == Kind::Program {
            peak::report(change);
        }
    }
}
