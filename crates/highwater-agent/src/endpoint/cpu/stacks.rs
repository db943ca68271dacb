//! Samples of processor time by stack.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use highwater::Modules;
use highwater_cpu::CpuSampling;
use highwater_profile::{Profile, ValueType};

/// Processor time between two samples; the same as Go's.
pub(super) const INTERVAL: Duration = Duration::from_millis(10);

/// Maximum distinct stacks. Of further stacks, only the innermost frame is kept.
const MAX_STACKS: usize = 1 << 16;

/// The number of samples of each stack.
#[derive(Default)]
pub(super) struct Stacks {
    pub(super) counts: HashMap<Box<[usize]>, i64>,
    lost: u64,
}

impl Stacks {
    fn add(&mut self, stack: &[usize]) {
        self.add_many(stack, 1);
    }

    /// Adds a number of samples of a stack.
    pub(super) fn add_many(&mut self, stack: &[usize], times: i64) {
        if let Some(count) = self.counts.get_mut(stack) {
            *count += times;
        } else if self.counts.len() < MAX_STACKS || stack.len() == 1 {
            self.counts.insert(stack.into(), times);
        } else if let Some(leaf) = stack.get(..1) {
            self.add_many(leaf, times);
        }
    }

    pub(super) fn take_from(&mut self, sampling: &mut CpuSampling) {
        let lost = sampling.take(|stack| self.add(stack));
        self.lost += lost;
    }

    pub(super) fn profile(&self, time: Duration) -> Profile {
        let cpu = ValueType::new("cpu", "nanoseconds");
        let mut profile = Profile::new(vec![ValueType::new("samples", "count"), cpu.clone()]);
        highwater::who().add_to(&mut profile);
        let signed = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        profile.default_sample_type = Some(1);
        profile.period_type = Some(cpu);
        profile.period = signed(INTERVAL);
        profile.duration_ns = signed(time);
        profile.time_ns = signed(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        if self.lost > 0 {
            profile.comments.push(format!("{} samples were lost for lack of space", self.lost));
        }
        let modules = Modules::capture();
        let mut locations = modules.add_to(&mut profile);
        for (stack, &count) in &self.counts {
            let stack: Vec<_> = stack.iter().map(|&address| locations.at(&mut profile, address)).collect();
            profile.samples.push(&stack, &[count, count.saturating_mul(signed(INTERVAL))], &[]);
        }
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_counted_and_bounded() {
        let mut stacks = Stacks::default();
        for number in 0..MAX_STACKS + 10 {
            stacks.add(&[7, number]);
            stacks.add(&[7, 0]);
        }
        assert_eq!(stacks.counts.len(), MAX_STACKS + 1);
        assert_eq!(stacks.counts[&[7][..]], 10);
        let profile = stacks.profile(Duration::from_secs(2));
        let total = 2 * (i64::try_from(MAX_STACKS).unwrap() + 10);
        assert_eq!(profile.samples.total(0), total);
        assert_eq!(profile.samples.total(1), total * 10_000_000);
        assert_eq!((profile.period, profile.duration_ns), (10_000_000, 2_000_000_000));
    }
}
