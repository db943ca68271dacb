//! What is still going on when the process exits, and is of no test's verdict: jobs on pools of the process, and tasks that were
//! spawned after the verdict on the test that started their parent. It is listed and fails nothing.

use std::thread as std_thread;
use std::time::{Duration, Instant};

use highwater_hooks::{present_stack, threads};
use miniserde::{Deserialize, Serialize};

use crate::classify;
use crate::finding::{Frame, Origin};
use crate::settings::settings;
use crate::symbols;
use crate::tasks;

/// A job on a pool of the process that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StuckJob {
    /// Whose pool it is.
    pub(crate) pool: String,
    /// Where it is, innermost call first.
    pub(crate) now: Vec<Frame>,
}

/// A task that was spawned too late for the verdict on its test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LateTask {
    /// The type of its future, or nothing where that is not known.
    pub(crate) name: String,
    /// The test that started the task that spawned it.
    pub(crate) test: String,
    /// The type of that task's future.
    pub(crate) parent: String,
    /// Where it was spawned, innermost call first.
    pub(crate) spawned: Vec<Frame>,
}

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

fn jobs() -> Vec<StuckJob> {
    let mut jobs = Vec::new();
    for thread in threads() {
        let Some(pool) = classify::pool_of_jobs(&thread) else { continue };
        let frames = symbols::present_frames(&present_stack(&thread).unwrap_or_default());
        if frames.iter().any(|it| it.origin == Origin::Own && it.file.is_some()) {
            jobs.push(StuckJob { pool: pool.to_owned(), now: symbols::present_path(&frames) });
        }
    }
    jobs
}
