//! What is still going on when the process exits, and is of no test's verdict: jobs on pools of the process,
//! and tasks that were spawned after the verdict on the test that started their parent. It is listed and
//! fails nothing.

use std::thread as std_thread;
use std::time::{Duration, Instant};

use highwater_hooks::{present_stack, threads};

use crate::evidence::classify;
use crate::evidence::path;
use crate::evidence::symbols;
use crate::finding::{Frame, LateTask, Origin, StuckJob};
use crate::settings::settings;
use crate::tasks;

/// The tasks that were spawned too late.
pub(crate) fn late_tasks() -> Vec<LateTask> {
    let late = tasks::late().into_iter();
    late.map(|it| LateTask { name: it.task.name, test: it.test, parent: it.parent, spawned: it.task.spawned })
        .collect()
}

/// The jobs that do not come to their end within the grace.
pub(crate) fn stuck_jobs() -> Vec<StuckJob> {
    /// How long to wait between two looks.
    const PAUSE: Duration = Duration::from_millis(10);
    let began = Instant::now();
    loop {
        let jobs = jobs();
        if jobs.is_empty() || began.elapsed() >= settings().grace {
            return jobs;
        }
        std_thread::sleep(PAUSE);
    }
}

/// Whether the first code that is not the standard library's is the pool's. Where a thread sleeps in a system
/// call its stack may be cut; pools wait for their locks, whose stacks are whole.
fn waits_for_jobs(now: &[Frame]) -> bool {
    let first = now.iter().find(|it| it.origin != Origin::System);
    first.is_some_and(|it| {
        let path = it.function.trim_start_matches(['<', '&']);
        ["rayon_core::", "blocking::", "crossbeam_"].iter().any(|krate| path.starts_with(krate))
    })
}

fn jobs() -> Vec<StuckJob> {
    let mut jobs = Vec::new();
    for thread in threads() {
        let Some(pool) = classify::pool_of_jobs(&thread) else { continue };
        let now = path::present_path(&symbols::present_frames(&present_stack(&thread).unwrap_or_default()));
        if !now.is_empty() && !waits_for_jobs(&now) {
            jobs.push(StuckJob { pool: pool.to_owned(), now });
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_waits_is_told_from_a_job() {
        let now = |calls: &[(&str, Origin)]| -> Vec<Frame> {
            calls.iter().map(|it| Frame::without_place(it.0, it.1)).collect()
        };
        let wait = ("std::sync::poison::condvar::Condvar::wait", Origin::System);
        let pool = ("rayon_core::sleep::Sleep::sleep", Origin::Dependency);
        let job = ("mine::job", Origin::Own);
        let other = ("db::Connection::read", Origin::Dependency);
        assert!(waits_for_jobs(&now(&[wait, pool])));
        for stuck in [&[wait, job, pool][..], &[wait, other, pool], &[wait], &[job]] {
            assert!(!waits_for_jobs(&now(stuck)), "{stuck:?}");
        }
    }
}
