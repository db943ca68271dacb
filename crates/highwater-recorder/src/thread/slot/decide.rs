//! Which blocks of a thread are sampled, and which of those are timed.

use core::sync::atomic::Ordering::Relaxed;

use super::report::{EXACT_LOOK, LOOK};
use super::{Kind, Slot, add, bump};
use crate::sampler::Random;
use crate::{lifetime, lost};

/// A countdown that no program reaches.
const NEVER: i64 = i64::MAX / 2;

/// A wait that ends without a sample, while nothing is recorded.
const OFF_WAIT: i64 = 1 << 20;

impl Slot {
    /// The sampling interval that hits the allocation of `size` bytes, or 0 when it is not to be sampled.
    /// Takes part of the countdown, or all of it and draws a new one from `interval_bytes`, the interval now
    /// in force; either way nothing is counted yet, because the allocation may still fail.
    #[inline]
    pub(crate) fn decide(&self, size: usize, interval_bytes: u64) -> u64 {
        if self.kind == Kind::Own {
            return 0;
        }
        if self.busy.load(Relaxed) {
            if self.is_exact() {
                lost::note_dropped(size, 1);
            }
            return 0;
        }
        let size = size as i64;
        if self.wait_left() < size {
            // A wait that has ended is a sample of the interval it was drawn from, also when another one is
            // in force by now: to draw again would give this block two chances to be passed over.
            let drawn_from = self.interval_bytes.load(Relaxed);
            // In exact mode there is no wait: the countdown is 0 and stays so.
            if drawn_from != 1 || interval_bytes != 1 {
                self.restart_countdown(interval_bytes);
            }
            if drawn_from != 0 || interval_bytes == 0 {
                return drawn_from;
            }
            if self.wait_left() < size {
                self.restart_countdown(interval_bytes);
                return interval_bytes;
            }
        }
        self.set_wait(self.wait_left() - size);
        // After the block, which had its one chance of being sampled.
        self.follow(interval_bytes);
        0
    }

    /// Lets the countdown have more of a wait that is far from its end, after a look. True when a block of
    /// this size can be taken out of it then, which is all that most blocks on the slow path need.
    #[inline]
    pub(crate) fn refill(&self, size: usize, interval_bytes: u64) -> bool {
        let (size, wait) = (size as i64, self.wait_left());
        if wait <= LOOK || size > LOOK || self.interval_bytes.load(Relaxed) != interval_bytes {
            return false;
        }
        self.look();
        // The `room` as well, which saves a look of its own to a thread that frees as much as it allocates.
        let room = if self.measurements.load(Relaxed) == 0 { LOOK } else { 0 };
        let (more, more_room) = (LOOK - self.countdown.load(Relaxed), room - self.room.load(Relaxed));
        self.reserve.store(wait - LOOK, Relaxed);
        self.change(|| {
            add(&self.granted, more);
            add(&self.countdown, more);
            add(&self.room_granted, more_room);
            add(&self.room, more_room);
        });
        // A signal handler may have had the same in between.
        if self.countdown.load(Relaxed) > LOOK || self.room.load(Relaxed) > room {
            self.set_wait(self.wait_left());
            self.set_room(room, 0);
        }
        true
    }

    /// Bytes to be allocated before the next sample.
    fn wait_left(&self) -> i64 {
        self.countdown.load(Relaxed) + self.reserve.load(Relaxed)
    }

    /// Divides a wait between the countdown and what comes after it, without changing what counts as
    /// allocated.
    fn set_wait(&self, wait: i64) {
        // Highwater's own memory is held back from nobody.
        let most = if self.kind == Kind::Own { NEVER } else { LOOK };
        let countdown = wait.min(most);
        self.reserve.store(wait - countdown, Relaxed);
        if countdown > self.countdown.load(Relaxed) {
            // The block may be refused for want of memory, and what was allocated so far must not be held
            // back beside what is granted now.
            self.look();
        }
        self.grant(countdown - self.countdown.load(Relaxed));
        // A signal handler may have granted as much in between.
        let surplus = self.countdown.load(Relaxed) - countdown;
        if surplus > 0 {
            self.grant(-surplus);
        }
    }

    /// Has every allocation of Highwater's own memory take the slow path, or as few as otherwise.
    pub(crate) fn slow_down(&self, is_slow: bool) {
        if self.kind == Kind::Own {
            self.set_wait(if is_slow { 0 } else { NEVER });
        }
    }

    /// Takes up an interval that was set after the wait was drawn. What is left of a wait can be drawn anew
    /// at any moment that does not depend on it, because the distribution has no memory.
    pub(super) fn follow(&self, interval_bytes: u64) {
        if self.kind == Kind::Program && self.interval_bytes.load(Relaxed) != interval_bytes {
            self.restart_countdown(interval_bytes);
        }
    }

    /// Grants a new wait, without changing what counts as allocated.
    pub(super) fn restart_countdown(&self, interval_bytes: u64) {
        let wait = match interval_bytes {
            _ if self.kind == Kind::Own => NEVER,
            0 => OFF_WAIT,
            // Every allocation takes the slow path.
            1 => 0,
            _ => {
                let mut random = Random::from_state(self.random.load(Relaxed));
                let wait = random.wait(interval_bytes).min(NEVER);
                self.random.store(random.state(), Relaxed);
                wait
            }
        };
        self.interval_bytes.store(interval_bytes, Relaxed);
        self.set_wait(wait);
    }

    /// Changes the countdown, but not what counts as allocated.
    fn grant(&self, more: i64) {
        self.change(|| {
            add(&self.granted, more);
            add(&self.countdown, more);
        });
    }

    /// Counts a block for which [`Self::decide`] was asked, and reports if that is due.
    #[inline]
    pub(crate) fn count_decided(&self, size: usize) {
        add(&self.granted, size as i64);
        bump(&self.alloc_blocks);
        self.look();
    }

    /// Counts a block in exact mode. A maximum ends with a free, and every free is looked at there; but a
    /// thread that only allocates must report as well.
    #[inline(always)]
    pub(crate) fn count_exactly(&self, size: usize) {
        let before = self.granted.load(Relaxed);
        add(&self.granted, size as i64);
        bump(&self.alloc_blocks);
        if (before ^ before.wrapping_add(size as i64)) & !(EXACT_LOOK - 1) != 0 {
            self.look();
        }
    }

    /// Whether the lifetime of the next block is measured. In exact mode some lifetimes are not.
    #[inline(always)]
    pub(crate) fn is_next_timed(&self) -> bool {
        let distance = self.until_timed.load(Relaxed);
        if distance > 1 {
            self.until_timed.store(distance - 1, Relaxed);
            return false;
        }
        self.draw_timed();
        true
    }

    #[cold]
    pub(super) fn draw_timed(&self) {
        let mut random = Random::from_state(self.random.load(Relaxed));
        self.until_timed.store(lifetime::distance(random.next() >> 32), Relaxed);
        self.random.store(random.state(), Relaxed);
    }

    /// Notes that `block`, counted just now, was sampled.
    #[inline(always)]
    pub(crate) fn note_sampled(&self, block: *mut u8) {
        self.last_block.store(block, Relaxed);
        self.last_alloc_blocks.store(self.alloc_blocks.load(Relaxed), Relaxed);
    }

    /// Whether `block` was sampled in this thread, which has allocated nothing since.
    #[inline(always)]
    pub(crate) fn is_last_allocated(&self, block: *mut u8) -> bool {
        self.last_block.load(Relaxed) == block
            && self.last_alloc_blocks.load(Relaxed) == self.alloc_blocks.load(Relaxed)
    }
}
