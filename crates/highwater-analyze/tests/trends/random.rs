//! Seeded random numbers with the laws that a simulation of allocations needs.

/// SplitMix64: the same numbers everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Between two positive numbers, as often in one octave as in any other.
    pub fn log_between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.uniform())
    }

    /// A standard normal number, by the method of Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// How many of `number` independent events happen, each with this probability.
    pub fn binomial(&mut self, number: u64, probability: f64) -> u64 {
        (0..number).filter(|_| self.uniform() < probability).count() as u64
    }

    /// A Poisson number, as the number of arrivals before `mean` at unit rate.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        let (mut arrivals, mut time) = (0, 0.0);
        loop {
            time -= (1.0 - self.uniform()).ln();
            if time > mean {
                return arrivals;
            }
            arrivals += 1;
        }
    }
}
