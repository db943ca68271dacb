//! A guard for any part of a test, or of another program.

use std::thread;
use std::time::Duration;

use super::checking::is_checking;
use super::settle;
use super::whole;
use crate::finding::Verdict;
use crate::judge::task_wait::TaskWait;
use crate::judge::{self, memory};
use crate::limits::Limits;
use crate::message;
use crate::options::{Allowed, Denied};
use crate::outcomes;
use crate::report::{self, Way};
use crate::scope::{Entered, TestScope};
use crate::settings::settings;

/// Checks, when it is dropped, that every thread and task that was started meanwhile by the calling thread,
/// or by such a thread, has ended. See [`check`].
#[derive(Debug)]
#[must_use = "threads are checked when this is dropped; give it a name: `let _leaks = check();`"]
pub struct Check {
    /// `None` where nothing is checked. The thread leaves the scope before it is judged.
    scope: Option<(Entered, TestScope)>,
    grace: Option<Duration>,
    allowed_threads: Vec<String>,
    allowed_tasks: Vec<String>,
    allowed_descriptors: Vec<String>,
    allowed_children: Vec<String>,
    denied: Denied,
    /// What came of the tasks, when they have been judged.
    settled: Option<Verdict>,
    allowed_blocks: Vec<String>,
    denies_blocks: bool,
}

/// Begins a check of what the calling thread does from here on: `let _leaks = highwater_leaktest::check();`.
///
/// ```
/// let _leaks = highwater_leaktest::check();
/// std::thread::spawn(|| 1 + 1).join().unwrap();
/// ```
///
/// The guard panics when it is dropped and threads or tasks are left, after a grace; in async code, see
/// [`Check::finish`]. When its thread is panicking anyway it prints what is left. In a test that should panic
/// either would be taken for success, so the process also exits with code 101.
pub fn check() -> Check {
    let scope = is_checking().then(|| {
        let scope = whole::new_scope();
        (scope.enter(), scope)
    });
    Check {
        scope,
        grace: None,
        allowed_threads: Vec::new(),
        allowed_tasks: Vec::new(),
        allowed_descriptors: Vec::new(),
        allowed_children: Vec::new(),
        denied: Denied::default(),
        allowed_blocks: Vec::new(),
        denies_blocks: false,
        settled: None,
    }
}

impl Check {
    /// Waits this long for threads to end, instead of 500 ms or what `highwater.toml` says.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Passes over threads whose name matches, `*` standing for anything. The kernel keeps 15 bytes of a
    /// name.
    pub fn allow_threads(mut self, pattern: &str) -> Self {
        self.allowed_threads.push(pattern.to_owned());
        self
    }

    /// Passes over tasks whose future is of a type that matches, `*` standing for anything:
    /// `db::Pool::keepalive*`.
    pub fn allow_tasks(mut self, pattern: &str) -> Self {
        self.allowed_tasks.push(pattern.to_owned());
        self
    }

    /// Passes over descriptors that lead to what matches, `*` standing for anything: `/var/log/*`, `socket*`,
    /// `pipe*`.
    pub fn allow_descriptors(mut self, pattern: &str) -> Self {
        self.allowed_descriptors.push(pattern.to_owned());
        self
    }

    /// Passes over child processes whose command matches, `*` standing for anything: `postgres *`.
    pub fn allow_children(mut self, pattern: &str) -> Self {
        self.allowed_children.push(pattern.to_owned());
        self
    }

    /// Has descriptors fail that are left open, also where `highwater.toml` says `descriptors = "asked"`.
    pub fn deny_descriptors(mut self) -> Self {
        self.denied.descriptors = true;
        self
    }

    /// Has child processes fail that are left, also where `highwater.toml` says `children = "asked"`.
    pub fn deny_children(mut self) -> Self {
        self.denied.children = true;
        self
    }

    /// Has blocks fail, too, that are allocated from here on and alive when the guard is dropped, and after
    /// the grace. To be called at once: `let _leaks = check().deny_blocks();`.
    ///
    /// # Panics
    /// Where blocks are not written down; see [`Alloc`](crate::Alloc).
    pub fn deny_blocks(mut self) -> Self {
        self.denies_blocks = true;
        if let Some((_, scope)) = &self.scope
            && let Err(reason) = scope.watch(self.limits())
        {
            panic!("{reason}");
        }
        self
    }

    /// Passes over blocks that were allocated by a call of a function, or in a file, that matches, `*`
    /// standing for anything.
    pub fn allow_blocks(mut self, pattern: &str) -> Self {
        self.allowed_blocks.push(pattern.to_owned());
        self
    }

    fn limits(&self) -> Limits {
        Limits { denies_blocks: self.denies_blocks, ..Limits::default() }
    }
}

impl Check {
    /// Ends the check in async code: the tasks that are left have their grace while the runtime runs them,
    /// which dropping the guard would keep a runtime of one thread from. Threads are waited for without
    /// regard to it.
    ///
    /// # Panics
    /// As when the guard is dropped.
    pub async fn finish(mut self) {
        if let Some((_, scope)) = &self.scope {
            let wait = TaskWait::new(&test_name(), self.grace, &self.allowed_tasks);
            self.settled = Some(settle::wait_for_tasks(wait, scope).await);
        }
    }
}

/// The name of the thread, which is the name of the test in it.
fn test_name() -> String {
    thread::current().name().unwrap_or("a thread without a name").to_owned()
}

impl Drop for Check {
    fn drop(&mut self) {
        let Some((entered, scope)) = self.scope.take() else { return };
        drop(entered);
        let name = test_name();
        let allowed = Allowed {
            threads: &self.allowed_threads[..],
            tasks: &self.allowed_tasks,
            descriptors: &self.allowed_descriptors,
            children: &self.allowed_children,
            denied: self.denied,
        };
        let mut verdict = judge::judge(&name, &scope, self.grace, allowed);
        verdict.join(self.settled.take().unwrap_or_default());
        outcomes::note_guarded(&verdict);
        let memory = match scope.ledger() {
            Some(ledger) if self.denies_blocks && !thread::panicking() => {
                let grace = self.grace.unwrap_or(settings().grace);
                memory::judge(&name, ledger, self.limits(), &self.allowed_blocks, grace)
            }
            _ => Vec::new(),
        };
        outcomes::note_memory(&memory);
        outcomes::note_failed(memory.iter().map(|it| &it.test));
        if verdict.leaks.is_empty() && memory.is_empty() {
            return;
        }
        let words = format!(
            "{}{}",
            report::text(&verdict.leaks, Way::Guard),
            report::memory_text(&memory, Way::Guard)
        );
        if verdict.holds_runtime {
            // What libtest captures is not seen if the drop of the runtime waits for ever.
            message::say(&words);
        } else {
            eprint!("{words}");
        }
        if !thread::panicking() {
            let what = match report::what(&verdict.leaks) {
                _ if verdict.leaks.is_empty() => "blocks were left".to_owned(),
                what => format!("what was left: {what}"),
            };
            std::panic::resume_unwind(Box::new(what));
        }
    }
}
