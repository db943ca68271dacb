//! The laws that a simulation of allocations needs.

#[path = "../common/random.rs"]
mod generator;

pub use generator::Random;

impl Random {
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Between two positive numbers, as often in one octave as in any other.
    pub fn log_between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.uniform())
    }

    /// How many of `number` independent events happen, each with this probability.
    pub fn binomial(&mut self, number: u64, probability: f64) -> u64 {
        (0..number).filter(|_| self.uniform() <= probability).count() as u64
    }

    /// A Poisson number, as the number of arrivals before `mean` at unit rate.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        let (mut arrivals, mut time) = (0, 0.0);
        loop {
            time -= self.uniform().ln();
            if time > mean {
                return arrivals;
            }
            arrivals += 1;
        }
    }
}
