//! A guard for any part of a test, or of another program.

use std::thread;
use std::time::Duration;

use crate::judge::{self, Verdict};
use crate::process;
use crate::report;
use crate::scope::{Entered, Scope};
use crate::settle;
use crate::task_wait::TaskWait;

/// Checks, when it is dropped, that every thread and task that was started meanwhile by the calling thread, or by such a thread,
/// has ended. See [`check`].
#[derive(Debug)]
#[must_use = "threads are checked when this is dropped; give it a name: `let _leaks = check();`"]
pub struct Check {
    /// `None` where nothing is checked. The thread leaves the scope before it is judged.
    scope: Option<(Entered, Scope)>,
    grace: Option<Duration>,
    allowed_threads: Vec<String>,
    /// What came of the tasks, when they have been judged.
    settled: Option<Verdict>,
}

/// Begins a check of what the calling thread does from here on: `let _leaks = highwater_leaktest::check();`.
///
/// ```
/// let _leaks = highwater_leaktest::check();
/// std::thread::spawn(|| 1 + 1).join().unwrap();
/// ```
///
/// The guard panics when it is dropped and threads are left, after a grace. When its thread is panicking anyway it prints
/// what is left. In a test that should panic either would be taken for success, so the process also exits with code 101.
pub fn check() -> Check {
    let scope = process::is_checking().then(|| {
        let scope = Scope::new();
        (scope.enter(), scope)
    });
    Check { scope, grace: None, allowed_threads: Vec::new(), settled: None }
}

impl Check {
    /// Waits this long for threads to end, instead of 500 ms or what `highwater.toml` says.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Passes over threads whose name matches, `*` standing for anything. The kernel keeps 15 bytes of a name.
    pub fn allow_threads(mut self, pattern: &str) -> Self {
        self.allowed_threads.push(pattern.to_owned());
        self
    }
}

impl Check {
    /// Ends the check in async code: the tasks that are left have their grace while the runtime runs them, which dropping the
    /// guard would keep a runtime of one thread from. Threads are waited for without regard to it.
    ///
    /// # Panics
    /// As when the guard is dropped.
    pub async fn finish(mut self) {
        if let Some((_, scope)) = &self.scope {
            let wait = TaskWait::new(&test_name(), self.grace);
            self.settled = Some(settle::wait_for_tasks(wait, scope).await);
        }
    }
}

/// The name of the thread, which is that of the test in it.
fn test_name() -> String {
    thread::current().name().unwrap_or("a thread without a name").to_owned()
}

impl Drop for Check {
    fn drop(&mut self) {
        let Some((entered, scope)) = self.scope.take() else { return };
        drop(entered);
        let mut verdict = judge::judge(&test_name(), &scope, self.grace, &self.allowed_threads);
        verdict.join(self.settled.take().unwrap_or_default());
        process::note_guarded(&verdict);
        if verdict.leaks.is_empty() {
            return;
        }
        eprint!("{}", report::text(&verdict.leaks));
        if !thread::panicking() {
            std::panic::resume_unwind(Box::new(format!("{} were left alive", report::what(&verdict.leaks))));
        }
    }
}
