//! Random numbers that are the same in every run.

/// A generator of pseudo-random numbers (SplitMix64): few lines, and the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number below `end`, with small numbers far more often: half of them are in the first eighth.
    pub fn skewed(&mut self, end: u64) -> u64 {
        let uniform = self.below(1 << 20) as f64 / f64::from(1 << 20);
        (uniform.powi(3) * end as f64) as u64
    }
}
