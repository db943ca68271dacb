//! Pseudo-random numbers that are the same in every run, so that every allocator gets the same work.

/// A generator with 64 bits of state (xorshift).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // The first numbers of similar seeds are similar, so they are dropped.
        for _ in 0..8 {
            random.next();
        }
        random
    }

    /// The next number.
    #[inline]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which must not be 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_repeat_by_seed_and_stay_below_their_bound() {
        let draw = |seed| (0..100).map(move |_| 0).scan(Random::new(seed), |it, _| Some(it.below(10)));
        assert!(draw(1).eq(draw(1)) && !draw(1).eq(draw(2)));
        assert!(draw(3).all(|number| number < 10));
    }
}
