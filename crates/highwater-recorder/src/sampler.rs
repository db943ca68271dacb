//! When a block is sampled, and what a sample stands for.
//!
//! Each thread waits for a number of allocated bytes drawn from an exponential distribution with the sampling
//! interval R as its mean; the allocation in which the wait ends is sampled. Because that distribution has no
//! memory, each byte is hit with the same small probability whatever came before, and a block of `s` bytes is
//! sampled with probability `1 - e^(-s/R)`. See docs/ACCURACY.md.

/// Random numbers for one thread: xorshift64*. Waits need neither secrecy nor a long period.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Neighbouring seeds must not give neighbouring waits: splitmix64's finaliser.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self { state: (z ^ z >> 31) | 1 }
    }

    pub(crate) const fn from_state(state: u64) -> Self {
        Self { state }
    }

    pub(crate) const fn state(&self) -> u64 {
        self.state
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform over (0, 1].
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Bytes to let pass before the next sample, for a mean of `interval_bytes`. A block is sampled when its
    /// size is greater than what is left of this, so the wait is rounded down: for whole sizes `s`,
    /// `floor(t) < s` exactly when `t < s`.
    pub(crate) fn wait(&mut self, interval_bytes: u64) -> i64 {
        // The longest wait possible is 37 intervals; the cast saturates where even that does not fit.
        (-self.unit().ln() * interval_bytes as f64) as i64
    }
}

/// Probability that a block of `size` bytes is sampled: `1 - e^(-size/interval)`, and 1 in exact mode.
pub(crate) fn probability(size: u64, interval_bytes: u64) -> f64 {
    if interval_bytes <= 1 { 1.0 } else { -(-(size as f64) / interval_bytes as f64).exp_m1() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws many waits and checks the share that end within `size` against theory, and the mean.
    #[test]
    fn waits_are_exponential() {
        const INTERVAL: u64 = 4096;
        const DRAWS: u64 = 200_000;
        let mut random = Random::new(7);
        let waits: Vec<i64> = (0..DRAWS).map(|_| random.wait(INTERVAL)).collect();
        for size in [16_u64, 512, 4096, 20_000] {
            let hits = waits.iter().filter(|&&wait| wait < size as i64).count() as f64;
            let p = probability(size, INTERVAL);
            let standard_error = (p * (1.0 - p) * DRAWS as f64).sqrt();
            assert!((hits - p * DRAWS as f64).abs() < 4.0 * standard_error, "size {size}: {hits}");
        }
        // Rounding down takes half a byte off the mean.
        let mean = waits.iter().sum::<i64>() as f64 / DRAWS as f64 + 0.5;
        let standard_error = INTERVAL as f64 / (DRAWS as f64).sqrt();
        assert!((mean - INTERVAL as f64).abs() < 4.0 * standard_error, "{mean}");
    }

    #[test]
    fn threads_draw_different_waits() {
        let first: Vec<_> = (0..100).map(|seed| Random::new(seed).wait(1 << 40)).collect();
        let distinct: std::collections::HashSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), first.len());
    }

    #[test]
    fn a_block_far_above_the_interval_is_certain_and_a_small_one_is_proportional() {
        assert_eq!(probability(64 << 20, 1 << 19), 1.0);
        assert_eq!(probability(1, 1), 1.0);
        let p = probability(16, 1 << 19);
        assert!((p / (16.0 / 524_288.0) - 1.0).abs() < 1e-4);
    }
}
