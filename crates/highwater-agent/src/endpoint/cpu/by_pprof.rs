//! Processor time as the crate pprof samples it, for services that have it anyway.
//!
//! Only its samples are used, which are addresses: names are for the reader of the profile, as with samples of our own.

use std::collections::HashSet;
use std::ffi::c_int;
use std::time::Duration;

use ::pprof::{Error, ProfilerGuard};

use super::{INTERVAL, Stacks, busy};
use crate::reply::Refusal;
use crate::service::Service;

/// The function that the kernel calls for a sample. The frame behind it is the system's, and the next one was interrupted.
const HANDLER: &str = "perf_signal_handler";

/// Frames in front of the interrupted one, the innermost of which are looked at for the handler.
const MAX_HANDLER_FRAMES: usize = 16;

/// Stacks with the frames of the signal handler, and how often each was seen. When this is dropped, the sampling ends.
pub(super) async fn sample(service: &Service, time: Duration) -> Result<Vec<(Vec<usize>, i64)>, Refusal> {
    let frequency = c_int::try_from(Duration::from_secs(1).as_nanos() / INTERVAL.as_nanos()).unwrap_or(100);
    let guard = ProfilerGuard::new(frequency).map_err(|error| match error {
        Error::Running => busy(),
        other => Refusal::failed(other),
    })?;
    service.captures.sleep(time).await?;
    let report = guard.report().build_unresolved().map_err(Refusal::failed)?;
    drop(guard);
    Ok(report
        .data
        .iter()
        .map(|(stack, &count)| (stack.frames.iter().map(|it| it.ip() as usize).collect(), count as i64))
        .collect())
}

/// Stacks from the interrupted frame on.
pub(super) fn without_handler(samples: &[(Vec<usize>, i64)]) -> Stacks {
    fn first(stack: &[usize]) -> &[usize] {
        stack.get(..MAX_HANDLER_FRAMES).unwrap_or(stack)
    }
    // The handler is in each of them; to find names for all that is there takes long.
    let mut common: HashSet<usize> =
        samples.first().map(|it| first(&it.0).iter().copied().collect()).unwrap_or_default();
    for (stack, _) in samples {
        common.retain(|it| first(stack).contains(it));
    }
    let known = highwater_resolver::calls_of(common.into_iter().map(|it| it as u64));
    let is_handler = |address: &usize| {
        known
            .get(&(*address as u64))
            .is_some_and(|calls| calls.iter().any(|it| it.function.ends_with(HANDLER)))
    };
    let mut stacks = Stacks::default();
    for (stack, count) in samples {
        let handler = first(stack).iter().rposition(is_handler);
        let mut stack = handler.and_then(|it| stack.get(it + 2..)).unwrap_or(stack).to_vec();
        // The leaf was interrupted at its address; the others return to theirs, which may be behind the call's function.
        stack.iter_mut().skip(1).for_each(|it| *it = it.saturating_sub(1));
        stacks.add_many(&stack, *count);
    }
    stacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_without_a_handler_stays_whole() {
        let stacks = without_handler(&[(vec![0x10, 0x21, 0x31], 3), (vec![0x10, 0x21, 0x31], 1)]);
        assert_eq!(stacks.counts[&[0x10, 0x20, 0x30][..]], 4);
    }
}
