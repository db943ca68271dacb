//! A profile of processor time, as pprof.

#[cfg(feature = "pprof-engine")]
mod by_pprof;

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use highwater::Modules;
use highwater_cpu::{CpuError, CpuSampling};
use highwater_profile::{Profile, ValueType, pprof};
use hyper::StatusCode;

use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};
use crate::service::Service;

/// Processor time between two samples; the same as Go's.
const INTERVAL: Duration = Duration::from_millis(10);

/// Duration if the request does not name one; the same as Go's.
const DEFAULT_TIME: Duration = Duration::from_secs(30);

/// Time between two collections of the samples that signal handlers stored.
const TAKE_EVERY: Duration = Duration::from_secs(1);

/// Maximum distinct stacks. Of further stacks, only the innermost frame is kept.
const MAX_STACKS: usize = 1 << 16;

/// The number of samples of each stack.
#[derive(Default)]
struct Stacks {
    counts: HashMap<Box<[usize]>, i64>,
    lost: u64,
}

impl Stacks {
    fn add(&mut self, stack: &[usize]) {
        self.add_many(stack, 1);
    }

    /// Adds a number of samples of a stack.
    fn add_many(&mut self, stack: &[usize], times: i64) {
        if let Some(count) = self.counts.get_mut(stack) {
            *count += times;
        } else if self.counts.len() < MAX_STACKS || stack.len() == 1 {
            self.counts.insert(stack.into(), times);
        } else if let Some(leaf) = stack.get(..1) {
            self.add_many(leaf, times);
        }
    }

    fn take_from(&mut self, sampling: &mut CpuSampling) {
        let lost = sampling.take(|stack| self.add(stack));
        self.lost += lost;
    }

    fn profile(&self, time: Duration) -> Profile {
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

/// The sampler in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The recorder's own stack walk.
    #[default]
    Own,
    /// The crate pprof.
    #[cfg(feature = "pprof-engine")]
    Pprof,
}

/// The answer without its body.
pub(super) fn head(query: Query<'_>) -> Answer {
    query.seconds()?;
    Ok(Reply::pprof("attachment; filename=\"profile.pb.gz\""))
}

/// Samples for the requested time. If the client goes away, this future is dropped, and sampling ends.
pub(super) async fn answer(service: &Service, query: Query<'_>) -> Answer {
    let time = query.seconds()?.unwrap_or(DEFAULT_TIME);
    let begin = Instant::now();
    let (stacks, time) = match service.engine {
        Engine::Own => (sample(service, time).await?, begin.elapsed()),
        #[cfg(feature = "pprof-engine")]
        Engine::Pprof => {
            let samples = by_pprof::sample(service, time).await?;
            let time = begin.elapsed();
            (service.captures.run(move || by_pprof::without_handler(&samples)).await?, time)
        }
    };
    let write = move || {
        let mut out = Vec::new();
        pprof::write(&stacks.profile(time), &mut out)?;
        Ok::<_, io::Error>(out)
    };
    Ok(head(query)?.with(service.captures.run(write).await?.map_err(Refusal::failed)?))
}

async fn sample(service: &Service, time: Duration) -> Result<Stacks, Refusal> {
    let mut sampling = CpuSampling::start(INTERVAL).map_err(refusal)?;
    let (mut stacks, begin) = (Stacks::default(), Instant::now());
    loop {
        let left = time.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Ok(stacks);
        }
        service.captures.sleep(left.min(TAKE_EVERY)).await?;
        stacks.take_from(&mut sampling);
    }
}

fn refusal(error: CpuError) -> Refusal {
    match error {
        CpuError::Busy => busy(),
        CpuError::NoMemory => Refusal::failed("the system gives no memory for the samples"),
        _ => Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "processor time is sampled on Linux on x86-64 with glibc 2.35 or later only",
        ),
    }
}

fn busy() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "processor time is being sampled already, here or by another profiler in the program; ask again later",
    )
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
