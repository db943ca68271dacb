//! The verdict on a scope: what is left is waited for, some of what stays is excused, and the rest are leaks.
//!
//! Nothing is done for a scope that left nothing. [`threads`], [`task_wait`] and [`held`] judge a kind each,
//! with [`busy`] for threads that still work. [`memory`] judges the blocks of a test that has limits, without
//! [`noise`].

mod busy;
mod held;
pub(crate) mod memory;
mod noise;
pub(crate) mod task_wait;
mod threads;

use std::time::{Duration, Instant};

use crate::finding::{Leak, Verdict};
use crate::options::Allowed;
use crate::scope::TestScope;
use crate::settings::settings;
use crate::tasks;
use task_wait::TaskWait;

/// Whether nothing is left, as far as is known at once.
pub(crate) fn is_clean(scope: &TestScope) -> bool {
    scope.threads().live() == 0 && !tasks::may_be_left(scope.ledger()) && !held::may_be_left(scope)
}

/// Waits for what is left of `scope`, in which the test called `test` ran, and judges those that stay.
pub(crate) fn judge(
    test: &str,
    scope: &TestScope,
    grace: Option<Duration>,
    allowed: Allowed<'_, impl AsRef<str>>,
) -> Verdict {
    if is_clean(scope) {
        return Verdict::default();
    }
    let began = Instant::now();
    let mut wait = TaskWait::new(test, grace, allowed.tasks);
    let mut of_tasks = wait.look(scope);
    let mut verdict = threads::judge(test, scope, grace, allowed.threads, || {
        of_tasks = of_tasks.take().or_else(|| wait.look(scope));
        of_tasks.is_some()
    });
    verdict.join(of_tasks.unwrap_or_default());
    if let Some(ledger) = scope.ledger() {
        let ended = tasks::ended(ledger);
        verdict.join(wait.verdict(ended.waiting));
        verdict.unjudged.extend(wait.alive(ended.woken));
    }
    if held::may_be_left(scope) {
        verdict.join(held::judge(test, scope, began, grace.unwrap_or(settings().grace), &allowed));
    }
    verdict
}

/// What of the test called `test` is alive at this moment and not excused. Nothing is waited for, and it is
/// no verdict.
pub(crate) fn alive(test: &str, scope: &TestScope) -> Vec<Leak> {
    let mut alive = threads::alive(test, scope);
    if let Some(ledger) = scope.ledger() {
        alive.extend(TaskWait::new(test, None, &[""; 0]).alive(tasks::left(ledger).tasks));
    }
    alive.extend(held::alive(test, scope));
    alive
}
