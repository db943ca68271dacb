//! Seeded random numbers, and how many of some blocks a sampler finds.

/// A generator of pseudo-random numbers (SplitMix64): the same numbers everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number above 0 and at most 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A whole number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from the standard normal distribution (Box and Muller's transform).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// How many of `blocks` blocks of `size` bytes a sampler with this interval finds. One wait after the other, as waits
    /// are drawn between samples: the number of blocks up to the next one found is geometric.
    pub fn found(&mut self, blocks: u64, size: u64, interval: i64) -> u64 {
        let per_block = size as f64 / interval as f64;
        let (mut found, mut left) = (0, blocks as f64);
        loop {
            left -= (-self.uniform().ln() / per_block).floor() + 1.0;
            if left < 0.0 {
                return found;
            }
            found += 1;
        }
    }
}
