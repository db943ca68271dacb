//! What was found beside what should be.

use std::collections::BTreeMap;
use std::fmt;

use crate::expected::{Expected, Left};
use crate::run::{Leak, Outcome, Program, Way};

/// Sums over all runs.
#[derive(Default)]
pub struct Table {
    runs: usize,
    expected: usize,
    found: usize,
    /// Of those found, how many have the right file and line.
    placed: usize,
    clean: usize,
    falsely: usize,
}

impl Table {
    /// Adds a run, and returns what is wrong with it.
    pub fn add(&mut self, expected: &Expected, outcome: &Outcome) -> Vec<String> {
        let mut wrong = Vec::new();
        self.runs += 1;
        let mut leaks: BTreeMap<&str, Vec<&Leak>> = BTreeMap::new();
        for leak in &outcome.leaks {
            leaks.entry(function(&leak.test)).or_default().push(leak);
        }
        for (test, threads) in expected {
            let mut left = leaks.remove(test.as_str()).unwrap_or_default();
            let cases = outcome.passed.keys().filter(|it| function(it) == test).count().max(1);
            for thread in threads {
                self.expect(thread, cases, &mut left, &mut wrong, test);
            }
            if threads.is_empty() {
                self.clean += 1;
                self.falsely += usize::from(!left.is_empty());
            }
            wrong.extend(left.iter().map(|leak| format!("{test} is blamed for {:?}: {leak:?}", leak.name)));
        }
        wrong.extend(leaks.keys().map(|test| format!("a test that there is not is blamed: {test}")));
        for (test, passed) in &outcome.passed {
            let should_pass = should_pass(function(test), outcome);
            if should_pass.is_some_and(|it| it != *passed) {
                wrong.push(format!("{test} {}", if *passed { "passed" } else { "failed" }));
            }
        }
        let fails = if outcome.way == Way::Nextest { 100 } else { 101 };
        if outcome.code != Some(fails) {
            wrong.push(format!("exit code {:?} instead of {fails}", outcome.code));
        }
        wrong
    }

    fn expect(
        &mut self,
        thread: &Left,
        cases: usize,
        left: &mut Vec<&Leak>,
        wrong: &mut Vec<String>,
        test: &str,
    ) {
        let wanted = thread.count * cases;
        self.expected += wanted;
        let (found, others): (Vec<&Leak>, Vec<&Leak>) = left.iter().partition(|leak| thread.is(leak));
        *left = others;
        self.found += found.len().min(wanted);
        if found.len() != wanted {
            wrong.push(format!(
                "{test}: {} of {wanted} {}s {:?}: not found",
                found.len(),
                thread.kind,
                thread.name
            ));
        }
        for leak in found {
            let own = leak.spawned.iter().find(|it| it.origin == "own");
            let is_right = own.is_some_and(|it| {
                it.line == Some(thread.line)
                    && it.file.as_ref().is_some_and(|file| file.ends_with(&thread.file))
            });
            self.placed += usize::from(is_right);
            if !is_right {
                wrong.push(format!(
                    "{test}: {:?} was started at {}:{}, not {own:?}",
                    thread.name, thread.file, thread.line
                ));
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, expected, found, placed, clean, falsely } = self;
        write!(
            f,
            "{runs} runs: {found} of {expected} leaks found, {placed} with the right file and line; \
             {falsely} of {clean} clean tests blamed"
        )
    }
}

/// Whether a test should pass: one that leaks must not where the verdict is the test's own, and one that fails by itself
/// never does. `None` where it does not matter.
pub fn should_pass(test: &str, outcome: &Outcome) -> Option<bool> {
    let is_verdict_of_test = match (outcome.program, outcome.way) {
        (_, Way::Unchecked) => return None,
        (_, Way::Nextest) | (Program::Shadowed, _) => true,
        // A guard cannot fail a test that should panic; the process fails instead.
        (Program::Marked | Program::Memory, _) => !test.contains("guard_in_a_test_that_should_panic"),
        (Program::Whole, _) => false,
    };
    if test.starts_with("clean_") {
        Some(!test.ends_with("_that_fails"))
    } else if is_verdict_of_test {
        Some(false)
    } else {
        None
    }
}

/// The function of a test, of whose name it is the last part, or the one before the case's number.
pub fn function(test: &str) -> &str {
    test.rsplit("::").find(|it| !it.starts_with("case_")).unwrap_or(test)
}
