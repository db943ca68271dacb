//! A guard for any part of a test, or of another program.

use std::thread;
use std::time::Duration;

use crate::judge;
use crate::process;
use crate::report;
use crate::scope::{Entered, Scope};

/// Checks, when it is dropped, that every thread that was started meanwhile by the calling thread, or by such a thread, has
/// ended. See [`check`].
#[derive(Debug)]
#[must_use = "threads are checked when this is dropped; give it a name: `let _leaks = check();`"]
pub struct Check {
    /// `None` where nothing is checked. The thread leaves the scope before it is judged.
    scope: Option<(Entered, Scope)>,
    grace: Option<Duration>,
    allowed_threads: Vec<String>,
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
    Check { scope, grace: None, allowed_threads: Vec::new() }
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

impl Drop for Check {
    fn drop(&mut self) {
        let Some((entered, scope)) = self.scope.take() else { return };
        drop(entered);
        let name = thread::current().name().unwrap_or("a thread without a name").to_owned();
        let verdict = judge::judge(&name, &scope, self.grace, &self.allowed_threads);
        process::note_guarded(&verdict);
        if verdict.leaks.is_empty() {
            return;
        }
        eprint!("{}", report::text(&verdict.leaks));
        if !thread::panicking() {
            std::panic::resume_unwind(Box::new("threads were left alive"));
        }
    }
}
