//! How many of some blocks a sampler finds, at random.

#[path = "../common/random.rs"]
mod generator;

pub use generator::Random;

impl Random {
    /// A whole number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
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
