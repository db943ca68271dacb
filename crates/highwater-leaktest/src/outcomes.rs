//! The outcomes of this process's tests so far.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::finding::{Excess, Findings, Verdict};
use crate::settings::rules::Which;
use crate::settings::settings;

static STATE: Mutex<State> = Mutex::new(State {
    findings: Findings {
        program: String::new(),
        tests: 0,
        leaks: Vec::new(),
        memory: Vec::new(),
        passed_over: Vec::new(),
        unclassified: Vec::new(),
        unclassified_descriptors: Vec::new(),
        unclassified_children: Vec::new(),
        unclassified_tasks: Vec::new(),
        unjudged: Vec::new(),
        stuck_jobs: Vec::new(),
        late_tasks: Vec::new(),
        called_ok: Vec::new(),
        lacks_futures: false,
        lookups: None,
    },
    foreign: false,
    failed: BTreeSet::new(),
});

/// Number of tests that were judged.
static TESTS: AtomicUsize = AtomicUsize::new(0);

struct State {
    findings: Findings,
    /// Whether the main thread started a thread that is no test of libtest's.
    foreign: bool,
    /// Tests that fail by themselves for what was found.
    failed: BTreeSet<String>,
}

fn state() -> MutexGuard<'static, State> {
    // Each change is one push or addition, whole even when a test panicked around it.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes down the verdict on a test at the end of its thread.
pub(crate) fn note_test(verdict: &Verdict) {
    note(verdict, 1);
}

/// Takes down that a test has neither started a thread nor made a task.
pub(crate) fn note_idle_test() {
    TESTS.fetch_add(1, Ordering::Relaxed);
}

/// Takes down the verdict on a test with the attribute. When all are checked it is counted at the end of its
/// thread.
pub(crate) fn note_marked(verdict: &Verdict) {
    note(verdict, usize::from(settings().which == Which::Marked));
    note_failed(verdict.leaks.iter().map(|it| &it.test));
}

/// Takes down the verdict on a part of a test.
pub(crate) fn note_guarded(verdict: &Verdict) {
    note(verdict, 0);
    note_failed(verdict.leaks.iter().map(|it| &it.test));
}

/// Takes down that these tests fail by themselves, so that libtest calls none of them `ok`.
pub(crate) fn note_failed<'a>(tests: impl Iterator<Item = &'a String>) {
    let mut tests = tests.peekable();
    if tests.peek().is_some() {
        state().failed.extend(tests.cloned());
    }
}

/// All findings so far, where the process is about to exit with `code`.
pub(crate) fn findings(code: i32) -> Findings {
    let state = state();
    let mut findings = state.findings.clone();
    findings.called_ok = called_ok(&findings, &state.failed, code);
    findings.tests = TESTS.load(Ordering::Relaxed);
    findings
}

/// Whether the main thread started a thread that is no test of libtest's.
pub(crate) fn has_foreign() -> bool {
    state().foreign
}

fn note(verdict: &Verdict, tests: usize) {
    TESTS.fetch_add(tests, Ordering::Relaxed);
    let Verdict { leaks, passed_over, unclassified_tasks, unjudged, .. } = verdict;
    if [leaks, unjudged].iter().all(|it| it.is_empty())
        && passed_over.is_empty()
        && unclassified_tasks.is_empty()
    {
        return;
    }
    let mut state = state();
    state.findings.leaks.extend_from_slice(leaks);
    state.findings.passed_over.extend_from_slice(passed_over);
    state.findings.unjudged.extend_from_slice(unjudged);
    for each in unclassified_tasks {
        if !state.findings.unclassified_tasks.contains(each) {
            state.findings.unclassified_tasks.push(each.clone());
        }
    }
}

/// Takes down which limits for memory a test did not keep.
pub(crate) fn note_memory(found: &[Excess]) {
    if found.is_empty() {
        return;
    }
    state().findings.memory.extend_from_slice(found);
}

/// Takes down that a thread of the main thread's is no test.
pub(crate) fn note_foreign() {
    state().foreign = true;
}

/// The tests whose findings libtest does not know. Where libtest knows of no failure at all, these are all
/// tests with findings.
fn called_ok(findings: &Findings, failed: &BTreeSet<String>, code: i32) -> Vec<String> {
    let leaking = findings.leaks.iter().map(|it| &it.test);
    let tests: BTreeSet<&String> = leaking.chain(findings.memory.iter().map(|it| &it.test)).collect();
    tests.into_iter().filter(|it| code == 0 || !failed.contains(*it)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libtest_does_not_know_is_told() {
        let leak = |test: &str| crate::finding::Leak {
            test: test.to_owned(),
            kind: crate::finding::Kind::Thread,
            name: String::new(),
            activity: crate::finding::Activity::Unknown,
            waited_ms: 0,
            parent: None,
            id: None,
            spawned: vec![],
            now: vec![],
        };
        let findings = Findings { leaks: vec![leak("b"), leak("a"), leak("b")], ..Findings::default() };
        let failed = BTreeSet::from(["a".to_owned()]);
        assert_eq!(called_ok(&findings, &failed, 101), ["b"]);
        assert_eq!(called_ok(&findings, &failed, 0), ["a", "b"], "it should have panicked, and did");
        assert_eq!(called_ok(&Findings::default(), &failed, 0), [""; 0]);
    }
}
