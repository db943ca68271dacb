//! Waiting for the tasks of a scope, and the verdict on those that stay.
//!
//! The wait does not block: the caller looks again after a pause. Inside of a runtime the runtime goes on
//! meanwhile.

use std::time::{Duration, Instant};

use crate::finding::{Kind, Leak, PassedOver, Verdict, Why};
use crate::pauses::Pauses;
use crate::program;
use crate::scope::TestScope;
use crate::settings::known;
use crate::settings::pattern;
use crate::settings::settings;
use crate::tasks::{self, Task};

/// A wait that has begun.
#[derive(Debug)]
pub(crate) struct TaskWait {
    test: String,
    /// Patterns of types of futures that the test itself allows.
    allowed: Vec<String>,
    began: Instant,
    grace: Duration,
    pauses: Pauses,
    /// The time that looks took, which no task could use.
    looking: Duration,
    looks: u32,
}

/// How often tasks are looked at, and so have their turn, before the grace is over, however busy the machine
/// is.
const LEAST_LOOKS: u32 = 16;

impl TaskWait {
    /// Begins to wait for the tasks of the test called `test`.
    pub(crate) fn new(test: &str, grace: Option<Duration>, allowed: &[impl AsRef<str>]) -> Self {
        let grace = grace.unwrap_or(settings().grace);
        Self {
            test: test.to_owned(),
            allowed: allowed.iter().map(|it| it.as_ref().to_owned()).collect(),
            began: Instant::now(),
            grace,
            pauses: Pauses::new(),
            looking: Duration::ZERO,
            looks: 0,
        }
    }

    /// How long to wait until the next look.
    pub(crate) fn pause(&mut self) -> Duration {
        self.pauses.next()
    }

    /// The verdict, when no task is left that is not excused, or the grace is over.
    pub(crate) fn look(&mut self, scope: &TestScope) -> Option<Verdict> {
        let Some(ledger) = scope.ledger().filter(|it| it.live_blocks() > 0) else {
            return Some(Verdict::default());
        };
        let begun = Instant::now();
        let is_over =
            self.looks >= LEAST_LOOKS && begun.duration_since(self.began) >= self.grace + self.looking;
        let left = tasks::left(ledger);
        self.looking += begun.elapsed();
        self.looks += 1;
        let is_open = left.tasks.iter().any(|it| self.excuse(it).is_none());
        if is_open && !is_over {
            return None;
        }
        let mut verdict = self.verdict(left.tasks);
        verdict.unclassified_tasks = left.unclassified;
        Some(verdict)
    }

    /// The verdict on tasks that were alive when it was time.
    pub(crate) fn verdict(&self, left: Vec<Task>) -> Verdict {
        let mut verdict = Verdict::default();
        for task in left {
            tasks::note_judged(&task, &self.test);
            let excuse = self.excuse(&task);
            let is_blocking = task.is_blocking;
            let leak = self.leak(task);
            let is_known = excuse.is_none() && settings().baseline.has(program::name(), &leak);
            match excuse.or_else(|| is_known.then(|| (Why::Baseline, String::new()))) {
                Some((why, detail)) => {
                    let Leak { test, kind, name, .. } = leak;
                    verdict.passed_over.push(PassedOver { test, kind, name, why, detail });
                }
                None => {
                    verdict.holds_runtime |= is_blocking;
                    verdict.leaks.push(leak);
                }
            }
        }
        verdict
    }

    /// Tasks that are alive and not excused, as leaks. It is no verdict on them.
    pub(crate) fn alive(&self, left: Vec<Task>) -> Vec<Leak> {
        left.into_iter().filter(|it| self.excuse(it).is_none()).map(|it| self.leak(it)).collect()
    }

    /// Why a task may stay, if it may.
    fn excuse(&self, task: &Task) -> Option<(Why, String)> {
        if let Some(place) = &task.global {
            return Some((Why::Global, place.clone()));
        }
        if let Some(pattern) = self.allowed.iter().find(|it| pattern::matches(it, &task.name)) {
            return Some((Why::Test, pattern.clone()));
        }
        let (program, name, spawned) = (program::name(), &task.name, &task.spawned);
        let allows =
            settings().rules.iter().find(|it| it.allows(Kind::Task, program, &self.test, name, spawned));
        let by_rule = allows.map(|rule| (Why::Rule, rule.reason.clone()));
        let known = || known::reason(Kind::Task, program, &self.test, name, spawned);
        by_rule.or_else(|| Some((Why::Global, known()?)))
    }

    fn leak(&self, task: Task) -> Leak {
        let Task { name, activity, spawned, .. } = task;
        let waited_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Leak {
            test: self.test.clone(),
            kind: Kind::Task,
            name,
            activity,
            waited_ms,
            parent: None,
            id: None,
            spawned,
            now: Vec::new(),
        }
    }
}
