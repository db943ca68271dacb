//! Processor time as the crate pprof samples it, for services that have it anyway.
//!
//! Only its samples are used, which are addresses: names are for the reader of the profile, as with samples of our own.

use std::collections::HashSet;
use std::ffi::c_int;
use std::time::Duration;

use ::pprof::{Error, ProfilerGuard};

use super::{INTERVAL, Stacks, busy};
use crate::names;
use crate::reply::Refusal;
use crate::service::Service;

/// The function that the kernel calls for a sample. The frame behind it is the system's, and the next one was interrupted.
const HANDLER: &str = "perf_signal_handler";

/// Frames in front of the interrupted one, the innermost of which are looked at for the handler.
const MAX_HANDLER_FRAMES: usize = 16;

pub(super) async fn sample(service: &Service, time: Duration) -> Result<Stacks, Refusal> {
    let frequency = c_int::try_from(Duration::from_secs(1).as_nanos() / INTERVAL.as_nanos()).unwrap_or(100);
    let guard = ProfilerGuard::new(frequency).map_err(|error| match error {
        Error::Running => busy(),
        other => Refusal::failed(other),
    })?;
    service.captures.sleep(time).await?;
    let report = guard.report().build_unresolved().map_err(Refusal::failed)?;
    drop(guard);
    let stacks: Vec<(Vec<usize>, i64)> = report
        .data
        .iter()
        .map(|(stack, &count)| (stack.frames.iter().map(|it| it.ip() as usize).collect(), count as i64))
        .collect();
    service.captures.run(move || without_handler(&stacks)).await
}

/// Stacks from the interrupted frame on.
fn without_handler(samples: &[(Vec<usize>, i64)]) -> Stacks {
    let first = |stack: &[usize]| stack.iter().take(MAX_HANDLER_FRAMES).map(|&it| it as u64).collect::<Vec<_>>();
    let addresses: HashSet<u64> = samples.iter().flat_map(|it| first(&it.0)).collect();
    let known = names::calls_of(addresses);
    let is_handler = |address: &usize| {
        known.get(&(*address as u64)).is_some_and(|calls| calls.iter().any(|it| it.function.ends_with(HANDLER)))
    };
    let mut stacks = Stacks::default();
    for (stack, count) in samples {
        let handler = stack.iter().take(MAX_HANDLER_FRAMES).rposition(is_handler);
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
