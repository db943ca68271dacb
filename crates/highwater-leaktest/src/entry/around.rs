//! A test with the attribute: the check goes around its body, and the test itself fails.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use super::checking::is_checking;
use super::hang;
use super::settle::{self, Running};
use super::whole;
use crate::finding::Verdict;
use crate::judge::{self, memory};
use crate::options::{Allowed, Options};
use crate::outcomes;
use crate::report::{self, Way};
use crate::settings::settings;
use crate::tasks;

/// What a test may return.
#[diagnostic::on_unimplemented(
    message = "a test that returns `{Self}` cannot be checked for leaks",
    note = "return `()`, a `Result` or an `ExitCode`"
)]
pub trait Outcome: Sized {
    /// Whether this says that the test failed.
    fn is_failure(&self) -> bool;

    /// What says that the test got to its end without a word. Only `()` can: the other types are refused by
    /// libtest for tests that should panic.
    fn nothing() -> Option<Self> {
        None
    }
}

impl Outcome for () {
    fn is_failure(&self) -> bool {
        false
    }

    fn nothing() -> Option<Self> {
        Some(())
    }
}

impl<T, E> Outcome for Result<T, E> {
    fn is_failure(&self) -> bool {
        self.is_err()
    }
}

impl Outcome for ExitCode {
    fn is_failure(&self) -> bool {
        *self != Self::SUCCESS
    }
}

/// What the attribute puts around a test's body.
///
/// # Panics
/// When the body does, when threads or tasks are left that it started, and when its limits for memory are not
/// kept. A test that fails anyway keeps its own failure, and a leak takes away the panic of a test that
/// should panic, so that it fails too.
pub fn run<R: Outcome>(options: Options, should_panic: bool, name: &str, body: impl FnOnce() -> R) -> R {
    if !is_checking() {
        return body();
    }
    let test = test_name(name);
    let running = Rc::new(Running {
        test: test.clone(),
        scope: Arc::new(whole::new_scope()),
        grace: options.grace,
        allowed_tasks: options.allowed_tasks,
        settled: RefCell::new(None),
    });
    let scope = &running.scope;
    let limits = whole::with_rules(options.limits);
    if limits.is_any()
        && let Err(reason) = scope.watch(limits)
    {
        panic!("{reason}");
    }
    let watch = hang::watch_current(&test, scope);
    settle::enter(&running);
    let entered = scope.enter();
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    drop(entered);
    settle::leave();
    drop(watch);
    let settled = running.settled.take();
    if settled.is_some() {
        // They have had their time while the runtime was there.
        tasks::note_ended(scope);
    }
    let allowed = Allowed {
        threads: options.allowed_threads,
        tasks: options.allowed_tasks,
        descriptors: options.allowed_descriptors,
        children: options.allowed_children,
        denied: options.denied,
    };
    let mut verdict = judge::judge(&test, scope, options.grace, allowed);
    verdict.join(settled.unwrap_or_default());
    outcomes::note_marked(&verdict);
    let Verdict { leaks, .. } = verdict;
    // What a failure leaves behind says nothing.
    let is_expected =
        if should_panic { result.is_err() } else { result.as_ref().is_ok_and(|it| !it.is_failure()) };
    let memory = match scope.ledger() {
        Some(ledger) if limits.is_any() && is_expected => {
            let grace = options.grace.unwrap_or(settings().grace);
            memory::judge(&test, ledger, limits, options.allowed_blocks, grace)
        }
        _ => Vec::new(),
    };
    outcomes::note_memory(&memory);
    outcomes::note_failed(memory.iter().map(|it| &it.test));
    whole::memory_is_judged();
    if leaks.is_empty() && memory.is_empty() {
        return result.unwrap_or_else(|panic| panic::resume_unwind(panic));
    }
    // Captured by libtest, and shown with the test's other output.
    eprint!("{}{}", report::text(&leaks, Way::Attribute), report::memory_text(&memory, Way::Attribute));
    match result {
        Err(panic) => match R::nothing().filter(|_| should_panic) {
            Some(nothing) => nothing,
            None => panic::resume_unwind(panic),
        },
        Ok(result) if result.is_failure() => result,
        // Would satisfy it. The test fails for not panicking.
        Ok(result) if should_panic => result,
        Ok(_) if leaks.is_empty() => {
            panic::resume_unwind(Box::new("the test did not keep its limits for memory"))
        }
        Ok(_) => panic::resume_unwind(Box::new(format!("the test left {}", report::what(&leaks)))),
    }
}

/// libtest's name of the running test, or `name`, which begins with the crate's.
fn test_name(name: &str) -> String {
    let thread = thread::current();
    let of_thread = thread.name().filter(|it| *it != "main");
    let of_function = || name.split_once("::").map_or(name, |(_, rest)| rest);
    of_thread.unwrap_or_else(of_function).to_owned()
}
