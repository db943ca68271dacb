//! A profile of processor time, as pprof.

#[cfg(feature = "pprof-engine")]
mod by_pprof;
mod refusal;
mod stacks;

use std::io;
use std::time::{Duration, Instant};

use highwater_cpu::CpuSampling;
use highwater_profile::pprof;

use refusal::refusal;
use stacks::{INTERVAL, Stacks};

use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};
use crate::service::{Engine, Service};

/// Duration if the request does not name one; the same as Go's.
const DEFAULT_TIME: Duration = Duration::from_secs(30);

/// Time between two collections of the samples that signal handlers stored.
const TAKE_EVERY: Duration = Duration::from_secs(1);

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
