//! A test with the attribute: the check goes around its body, and the test itself fails.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::thread;

use crate::judge::{self, Options, Verdict};
use crate::process;
use crate::report;
use crate::scope::Scope;

/// What a test may return.
#[diagnostic::on_unimplemented(
    message = "a test that returns `{Self}` cannot be checked for leaks",
    note = "return `()`, a `Result` or an `ExitCode`"
)]
pub trait Outcome: Sized {
    /// Whether this says that the test failed.
    fn is_failure(&self) -> bool;

    /// What says that the test got to its end without a word. Only `()` can: the other types are refused by libtest for
    /// tests that should panic.
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
/// When the body does, and when threads are left that it started. A test that fails anyway keeps its own failure, and a leak
/// takes away the panic of a test that should panic, so that it fails too.
pub fn run<R: Outcome>(options: Options, should_panic: bool, name: &str, body: impl FnOnce() -> R) -> R {
    if !process::is_checking() {
        return body();
    }
    let scope = Scope::new();
    let entered = scope.enter();
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    drop(entered);
    let test = test_name(name);
    let verdict = judge::judge(&test, &scope, options.grace, options.allowed_threads);
    process::note_marked(&verdict);
    let Verdict { leaks, .. } = verdict;
    if leaks.is_empty() {
        return result.unwrap_or_else(|panic| panic::resume_unwind(panic));
    }
    // Captured by libtest, and shown with the test's other output.
    eprint!("{}", report::text(&leaks));
    match result {
        Err(_) if should_panic && let Some(nothing) = R::nothing() => nothing,
        Err(panic) => panic::resume_unwind(panic),
        Ok(result) if result.is_failure() => result,
        // Would satisfy it. The test fails for not panicking.
        Ok(result) if should_panic => result,
        Ok(_) => panic::resume_unwind(Box::new("the test left threads alive")),
    }
}

/// libtest's name of the running test, or `name`, which begins with the crate's.
fn test_name(name: &str) -> String {
    let thread = thread::current();
    let of_thread = thread.name().filter(|it| *it != "main");
    let of_function = || name.split_once("::").map_or(name, |(_, rest)| rest);
    of_thread.unwrap_or_else(of_function).to_owned()
}
