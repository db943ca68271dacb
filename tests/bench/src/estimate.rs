//! The sum of a heap profile's rows, and its error.

use highwater::profile::{Limits, Profile, read};

/// The totals of a profile with their standard errors, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Bytes ever allocated.
    pub alloc_bytes: f64,
    /// Standard error of [`Self::alloc_bytes`].
    pub alloc_error: f64,
    /// Bytes live.
    pub live_bytes: f64,
    /// Standard error of [`Self::live_bytes`].
    pub live_error: f64,
}

/// The sampling interval requested from every tool; some do not write it into their profile.
const INTERVAL_BYTES: f64 = 512.0 * 1024.0;

impl Estimate {
    /// The totals of a pprof file; `None` if it cannot be read or is not a heap profile.
    pub fn of_file(file: &[u8]) -> Option<Self> {
        Self::of_profile(&read(file, &Limits::default()).ok()?)
    }

    /// The totals of a profile; `None` if it is not a heap profile.
    pub fn of_profile(profile: &Profile) -> Option<Self> {
        let (alloc, live) = (profile.sample_type("alloc_space")?, profile.sample_type("inuse_space")?);
        let size_key = profile.strings.find("bytes");
        let interval = match profile.period {
            1 => None,
            period if period > 1 => Some(period as f64),
            _ => Some(INTERVAL_BYTES),
        };
        let [mut alloc_sum, mut live_sum] = [Sum::default(), Sum::default()];
        for sample in profile.samples.iter() {
            let size = size_key.and_then(|key| sample.number(key)).map(|size| size as f64);
            alloc_sum.add(sample.values[alloc] as f64, size, interval);
            live_sum.add(sample.values[live] as f64, size, interval);
        }
        Some(Self {
            alloc_bytes: alloc_sum.bytes,
            alloc_error: alloc_sum.variance.sqrt(),
            live_bytes: live_sum.bytes,
            live_error: live_sum.variance.sqrt(),
        })
    }
}

#[derive(Default)]
struct Sum {
    bytes: f64,
    variance: f64,
}

impl Sum {
    /// Adds a row. Its n blocks of size s, each sampled with probability p, have a variance of n·s²·(1−p)/p.
    /// A row without a size counts as small blocks, whose limit is bytes × interval: an upper bound.
    fn add(&mut self, bytes: f64, size: Option<f64>, interval: Option<f64>) {
        self.bytes += bytes;
        let Some(interval) = interval else { return };
        let per_byte = match size {
            Some(size) if size > 0.0 => {
                let missed = (-size / interval).exp();
                size * missed / (1.0 - missed)
            }
            _ => interval,
        };
        self.variance += bytes * per_byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(bytes: f64, size: Option<f64>, interval: Option<f64>) -> f64 {
        let mut sum = Sum::default();
        sum.add(bytes, size, interval);
        sum.variance.sqrt()
    }

    #[test]
    fn small_blocks_are_as_uncertain_as_rows_without_a_size() {
        let bound = error(1e9, None, Some(INTERVAL_BYTES));
        let small = error(1e9, Some(64.0), Some(INTERVAL_BYTES));
        assert!(small <= bound && small > 0.999 * bound, "{small} {bound}");
    }

    #[test]
    fn large_blocks_and_exact_profiles_are_certain() {
        assert!(error(1e9, Some(64.0 * INTERVAL_BYTES), Some(INTERVAL_BYTES)) < 1.0);
        assert!(error(1e9, Some(64.0), None) == 0.0);
    }
}
