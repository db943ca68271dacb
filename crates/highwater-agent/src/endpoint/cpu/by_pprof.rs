//! Processor time sampled by the crate pprof, for services that already use it.
//!
//! Only its samples are used. They are addresses; as with the agent's own samples, the reader of the profile
//! finds the names.

use std::collections::HashSet;
use std::ffi::c_int;
use std::time::Duration;

use ::pprof::{Error, ProfilerGuard};

use super::refusal::busy;
use super::stacks::{INTERVAL, Stacks};
use crate::reply::Refusal;
use crate::service::Service;

/// The function that the kernel calls for a sample. The next frame is the system's, and the one after that
/// was interrupted.
const HANDLER: &str = "perf_signal_handler";

/// Maximum number of innermost frames that are searched for the handler.
const MAX_HANDLER_FRAMES: usize = 16;

/// Stacks with the frames of the signal handler, and their number of samples. Sampling ends when this future
/// is dropped.
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

/// Stacks that begin with the interrupted frame.
pub(super) fn without_handler(samples: &[(Vec<usize>, i64)]) -> Stacks {
    fn first(stack: &[usize]) -> &[usize] {
        stack.get(..MAX_HANDLER_FRAMES).unwrap_or(stack)
    }
    // Every stack contains the handler. Only addresses common to all stacks are looked up, because each
    // look-up takes long.
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
        // The leaf is the interrupted address. All other frames hold return addresses, which may be after
        // the end of the calling function.
        stack.iter_mut().skip(1).for_each(|it| *it = it.saturating_sub(1));
        stacks.add_many(&stack, *count);
    }
    stacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_without_a_handler_is_unchanged() {
        let stacks = without_handler(&[(vec![0x10, 0x21, 0x31], 3), (vec![0x10, 0x21, 0x31], 1)]);
        assert_eq!(stacks.counts[&[0x10, 0x20, 0x30][..]], 4);
    }
}
