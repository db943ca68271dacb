//! The end of a test that is a future: its tasks are waited for while its runtime still runs them.
//!
//! After the test's body has ended this stays pending until its tasks have, too, or the grace is over. It is
//! woken by a thread of its own, so that the runtime is free meanwhile, and one whose clock is paused may go
//! on to the next timer.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use highwater_ledger as ledger;

use crate::finding::Verdict;
use crate::judge::task_wait::TaskWait;
use crate::message;
use crate::pauses::Pauses;
use crate::report;
use crate::scope::TestScope;
use crate::tasks;

/// What is known of the test that the calling thread runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) test: String,
    pub(crate) scope: Arc<TestScope>,
    pub(crate) grace: Option<Duration>,
    /// Patterns of types of futures whose tasks may stay.
    pub(crate) allowed_tasks: &'static [&'static str],
    /// What came of its tasks, when they have been judged.
    pub(crate) settled: RefCell<Option<Verdict>>,
}

thread_local! {
    static RUNNING: RefCell<Vec<Rc<Running>>> = const { RefCell::new(Vec::new()) };
}

/// Has the calling thread's test be `running` until [`leave`].
pub(crate) fn enter(running: &Rc<Running>) {
    RUNNING.with_borrow_mut(|it| it.push(Rc::clone(running)));
}

/// The test has ended.
pub(crate) fn leave() {
    RUNNING.with_borrow_mut(|it| drop(it.pop()));
}

/// What the attribute puts around the body of an async test.
///
/// # Panics
/// When the body does, after its tasks have been waited for.
pub async fn settle<T>(body: impl Future<Output = T>) -> T {
    let running = RUNNING.with_borrow(|it| it.last().cloned());
    let Some(running) = running else { return body.await };
    let result = {
        let mut body = pin!(body);
        poll_fn(|context| {
            let polled = panic::catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(context)));
            match polled {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        })
        .await
    };
    let wait = TaskWait::new(&running.test, running.grace, running.allowed_tasks);
    // What a `LocalSet` or a runtime has ended that went inside of the body had no other end, and will get no
    // grace.
    let mut verdict = Verdict::default();
    if let Some(ledger) = running.scope.ledger() {
        let ended = tasks::ended(ledger);
        verdict.join(wait.verdict(ended.waiting));
        verdict.unjudged.extend(wait.alive(ended.woken));
    }
    verdict.join(wait_for_tasks(wait, &running.scope).await);
    if verdict.holds_runtime {
        // Its drop may wait for ever.
        message::say(&report::text(&verdict.leaks, report::Way::Attribute));
    }
    // One body may stand in another one, when both orders of attributes look like ours.
    running.settled.borrow_mut().get_or_insert_default().join(verdict);
    result.unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Waits until the tasks of `scope` have had their verdict, and lets others run meanwhile.
pub(crate) async fn wait_for_tasks(mut wait: TaskWait, scope: &TestScope) -> Verdict {
    poll_fn(|context| match wait.look(scope) {
        Some(verdict) => Poll::Ready(verdict),
        None => {
            wake_after(wait.pause(), context.waker());
            Poll::Pending
        }
    })
    .await
}

/// Those who wait to be woken.
struct Clock {
    waiting: Mutex<Vec<(Instant, Waker)>>,
    changed: Condvar,
}

fn wake_after(pause: Duration, waker: &Waker) {
    static CLOCK: LazyLock<&'static Clock> = LazyLock::new(|| {
        let clock: &'static Clock =
            Box::leak(Box::new(Clock { waiting: Mutex::new(Vec::new()), changed: Condvar::new() }));
        // The clock is of no test.
        let nobody = highwater_hooks::Scope::new();
        let _outside = nobody.enter();
        // Without it the wait is a busy one.
        let _ = thread::Builder::new().name("leaktest-clock".to_owned()).spawn(|| clock.run());
        clock
    });
    let _unrecorded = ledger::pause();
    let mut waiting = CLOCK.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.push((Instant::now() + pause.max(Pauses::SHORTEST), waker.clone()));
    CLOCK.changed.notify_one();
}

impl Clock {
    fn run(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let (due, later): (Vec<_>, Vec<_>) = waiting.drain(..).partition(|(at, _)| *at <= now);
            *waiting = later;
            let next = waiting.iter().map(|(at, _)| at.duration_since(now)).min();
            if !due.is_empty() {
                drop(waiting);
                for (_, waker) in due {
                    waker.wake();
                }
                waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            waiting = match next {
                Some(pause) => {
                    self.changed.wait_timeout(waiting, pause).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
