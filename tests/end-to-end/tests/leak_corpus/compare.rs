//! What was found beside what should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

use serde::Serialize;

use crate::build;
use crate::expected::{Case, Expected, Left};
use crate::run::{Leak, Outcome, Program, Way};

/// Sums over all runs of one program in one way.
#[derive(Debug, Default, Serialize)]
pub struct Table {
    pub runs: usize,
    /// By what is left, and the file of cases.
    groups: BTreeMap<String, Group>,
    /// For each leaking test that was run alone, how much longer its process took than the grace.
    pub beyond_grace_ms: Vec<u64>,
}

/// Sums over the tests of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    expected: usize,
    found: usize,
    /// Of those found, how many have the right file and line.
    placed: usize,
    /// Leaks that a test is blamed for which it does not have.
    misblamed: usize,
    clean: usize,
    /// Clean tests that were blamed, or failed although they do not fail by themselves.
    clean_failed: usize,
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
        let mut failed = failed_wrongly(outcome, &mut wrong);
        for (test, case) in expected {
            let mut left = leaks.remove(test.as_str()).unwrap_or_default();
            let cases = outcome.passed.keys().filter(|it| function(it) == test).count().max(1);
            let mut group = Group::default();
            for thread in &case.left {
                group.expect(thread, cases, &mut left, &mut wrong, test);
            }
            group.misblamed = left.len();
            if case.left.is_empty() {
                group.clean = 1;
                group.clean_failed = usize::from(!left.is_empty() || failed.remove(test));
            }
            wrong.extend(left.iter().map(|leak| format!("{test} is blamed for {:?}: {leak:?}", leak.name)));
            *self.group(case) += group;
        }
        for (test, leaks) in &leaks {
            wrong.push(format!("a test that there is not is blamed: {test}"));
            self.groups.entry("unknown".to_owned()).or_default().misblamed += leaks.len();
        }
        let fails = if outcome.way == Way::Nextest { 100 } else { 101 };
        if outcome.code != Some(fails) {
            wrong.push(format!("exit code {:?} instead of {fails}", outcome.code));
        }
        wrong
    }

    fn group(&mut self, case: &Case) -> &mut Group {
        let file = case.file.trim_end_matches(".rs");
        // Clean tests are of the kind that their file is about.
        let of_file = match file {
            "descriptors" => "descriptor",
            "children" => "child",
            _ if file.starts_with("task") => "task",
            _ => "thread",
        };
        let kind = case.left.first().map_or(of_file, |it| it.kind);
        self.groups.entry(format!("{kind} {file}")).or_default()
    }
}

impl Group {
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
                !build::has_lines()
                    || it.line == Some(thread.line)
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

impl AddAssign for Group {
    fn add_assign(&mut self, other: Self) {
        self.expected += other.expected;
        self.found += other.found;
        self.placed += other.placed;
        self.misblamed += other.misblamed;
        self.clean += other.clean;
        self.clean_failed += other.clean_failed;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sum = Group::default();
        self.groups.values().for_each(|it| sum += *it);
        let Group { expected, found, placed, misblamed, clean, clean_failed } = sum;
        write!(
            f,
            "{} runs: {found} of {expected} leaks found, {placed} with the right file and line; {misblamed} blamed \
             wrongly; {clean_failed} of {clean} clean tests failed",
            self.runs
        )
    }
}

/// The functions of tests that failed, and should have passed; of others that ended otherwise than they
/// should, it is only said.
fn failed_wrongly(outcome: &Outcome, wrong: &mut Vec<String>) -> BTreeSet<String> {
    let mut failed = BTreeSet::new();
    for (test, passed) in &outcome.passed {
        if should_pass(function(test), outcome).is_some_and(|it| it != *passed) {
            wrong.push(format!("{test} {}", if *passed { "passed" } else { "failed" }));
            if !passed {
                failed.insert(function(test).to_owned());
            }
        }
    }
    failed
}

/// Whether a test should pass: one that leaks must not where the verdict is the test's own, and one that
/// fails by itself never does. `None` where it does not matter.
pub fn should_pass(test: &str, outcome: &Outcome) -> Option<bool> {
    let is_verdict_of_test = match (outcome.program, outcome.way) {
        (_, Way::Unchecked) => return None,
        (_, Way::Nextest) | (Program::Shadowed, _) => true,
        // A guard cannot fail a test that should panic; the process fails instead.
        (Program::Marked | Program::Memory, _) => !test.contains("guard_in_a_test_that_should_panic"),
        (Program::Whole | Program::Short, _) => false,
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
