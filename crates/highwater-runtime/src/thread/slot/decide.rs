//! Which blocks of a thread are sampled, and which of those are timed.

use core::sync::atomic::Ordering::Relaxed;

use super::{Kind, ROOM, Slot, add, bump};
use crate::lifetime;
use crate::sampler::Random;

/// A countdown that no program reaches.
const NEVER: i64 = i64::MAX / 2;

/// Bytes after which a thread looks whether recording has been switched on.
const OFF_CHECK: i64 = 1 << 20;

impl Slot {
    /// The sampling interval that hits the allocation of `size` bytes, or 0 when it is not to be sampled. Takes part of
    /// the countdown, or all of it and draws a new one from `interval_bytes`, the interval now in force; either
    /// way nothing is counted yet, because the allocation may still fail.
    #[inline]
    pub(crate) fn decide(&self, size: usize, interval_bytes: u64) -> u64 {
        if self.kind == Kind::Own || self.busy.load(Relaxed) {
            return 0;
        }
        let size = size as i64;
        if self.countdown.load(Relaxed) < size {
            // A wait that has ended is a sample of the interval it was drawn from, also when another one is in force
            // by now: to draw again would give this block two chances to be passed over.
            let drawn_from = self.interval_bytes.load(Relaxed);
            // In exact mode there is no wait: the countdown is 0 and stays so.
            if drawn_from != 1 || interval_bytes != 1 {
                self.restart_countdown(interval_bytes);
            }
            if drawn_from != 0 || interval_bytes == 0 {
                return drawn_from;
            }
            if self.countdown.load(Relaxed) < size {
                self.restart_countdown(interval_bytes);
                return interval_bytes;
            }
        }
        self.grant(-size);
        0
    }

    /// Takes up an interval that was set after the countdown was drawn. What is left of a wait can be drawn anew at
    /// any moment that does not depend on it, because the distribution has no memory.
    pub(super) fn follow(&self, interval_bytes: u64) {
        if self.kind == Kind::Program && self.interval_bytes.load(Relaxed) != interval_bytes {
            self.restart_countdown(interval_bytes);
        }
    }

    /// Grants a new wait, without changing what counts as allocated.
    pub(super) fn restart_countdown(&self, interval_bytes: u64) {
        let wait = match interval_bytes {
            _ if self.kind == Kind::Own => NEVER,
            0 => OFF_CHECK,
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
        self.grant(wait - self.countdown.load(Relaxed));
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

    /// Counts a block in exact mode. A maximum ends with a free, and every free is looked at there; but a thread that only
    /// allocates must report as well.
    #[inline(always)]
    pub(crate) fn count_exactly(&self, size: usize) {
        let before = self.granted.load(Relaxed);
        let granted = before.wrapping_add(size as i64);
        self.granted.store(granted, Relaxed);
        bump(&self.alloc_blocks);
        if (before ^ granted) & !(ROOM - 1) != 0 {
            self.look();
        }
    }

    /// How many blocks the next one stands for, in exact mode, if its lifetime is to be measured.
    #[inline(always)]
    pub(crate) fn next_timed(&self) -> Option<u64> {
        let distance = self.until_timed.load(Relaxed);
        if distance > 1 {
            self.until_timed.store(distance - 1, Relaxed);
            return None;
        }
        Some(self.draw_timed())
    }

    #[cold]
    pub(super) fn draw_timed(&self) -> u64 {
        let mut random = Random::from_state(self.random.load(Relaxed));
        self.until_timed.store(lifetime::distance(random.next() >> 32), Relaxed);
        self.random.store(random.state(), Relaxed);
        lifetime::STRIDE
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
