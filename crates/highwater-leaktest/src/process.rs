//! The process as a whole: where the harness begins, what has been found so far, and the last word.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::panic;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use highwater_hooks::{
    Unsupported, at_exit, follow_children, follow_descriptors, sees_descriptors, status, unseen,
    unseen_children, unseen_descriptors,
};

use crate::allocator;
use crate::doc_test;
use crate::finding::Findings;
use crate::judge::Verdict;
use crate::learnt;
use crate::memory::Excess;
use crate::message;
use crate::remaining;
use crate::report;
use crate::rules::{Blocks, Policy, Which};
use crate::settings::settings;
use crate::symbols;
use crate::tasks;
use crate::whole;

/// What libtest exits with when tests failed.
const FAILED: i32 = 101;

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

/// Takes the harness's place in a process that is about to run `main`.
pub(crate) fn begin() {
    // Miri stops a program that reads files or asks for its own path, which settings do.
    if cfg!(miri) {
        is_checking();
        return;
    }
    if settings().which == Which::Off {
        return;
    }
    // First of all, so that it is the last of what runs when the process exits.
    at_exit(decide);
    if is_checking() {
        tasks::begin();
        if settings().children != Policy::Off {
            follow_children();
        }
        if settings().descriptors != Policy::Off {
            follow_descriptors();
            // Here, so that no test pays for it.
            let _ = sees_descriptors();
        }
        // Here, so that no test pays for it.
        let _ = settings().blocks == Blocks::Off || allocator::is_recording();
        whole::begin();
        doc_test::begin();
    }
}

/// What is said where descriptors are not seen.
const NO_DESCRIPTORS: &str = "the self-test did not see the descriptor that it opened: another library stands in front of open and \
     close; set `descriptors = \"off\"` below [leaktest] in highwater.toml";

/// Whether a descriptor that nobody was seen to open is worth a word. The others are a runtime's own: it wakes itself by them.
fn is_told(about: &str) -> bool {
    ["file ", "directory ", "socket ", "pipe", "memory file "].iter().any(|it| about.starts_with(it))
}

/// Whether threads can be followed here and are to be. The first question plants a thread and looks whether it is found.
pub(crate) fn is_checking() -> bool {
    static CHECKING: LazyLock<bool> = LazyLock::new(|| {
        let is_off = if cfg!(miri) {
            env::var_os(crate::settings::CHECK).is_some_and(|it| it == "off")
        } else {
            settings().which == Which::Off
        };
        if is_off {
            return false;
        }
        let status = status();
        if let Err(reason) = status
            && reason.is_by_design()
        {
            message::say(&format!("highwater-leaktest: NOT CHECKED for threads left alive: {reason}\n"));
        }
        status.is_ok()
    });
    *CHECKING
}

/// File name of the program, without the hash that cargo appends.
pub(crate) fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let path = env::current_exe().unwrap_or_default();
        without_hash(&path.file_stem().unwrap_or_default().to_string_lossy()).to_owned()
    });
    &PROGRAM
}

fn without_hash(name: &str) -> &str {
    let is_hash = |it: &str| it.len() == 16 && it.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(name, |(name, _)| name)
}

/// Takes down the verdict on a test at the end of its thread.
pub(crate) fn note_test(verdict: &Verdict) {
    note(verdict, 1);
}

/// Takes down that a test has neither started a thread nor made a task.
pub(crate) fn note_idle_test() {
    TESTS.fetch_add(1, Ordering::Relaxed);
}

/// Takes down the verdict on a test with the attribute. When all are checked it is counted at the end of its thread.
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

/// The last word: what is to be said of the whole process, and its exit code.
fn decide(code: i32) -> i32 {
    panic::catch_unwind(|| conclude(code)).unwrap_or(if code == 0 { FAILED } else { code })
}

fn conclude(code: i32) -> i32 {
    doc_test::end();
    let (mut findings, foreign) = {
        let state = state();
        let mut findings = state.findings.clone();
        findings.called_ok = called_ok(&findings, &state.failed, code);
        (findings, state.foreign)
    };
    program().clone_into(&mut findings.program);
    findings.tests = TESTS.load(Ordering::Relaxed);
    let mut faults = settings().faults.clone();
    if let Err(reason) = status()
        && !reason.is_by_design()
    {
        faults.push(format!(
            "the self-test did not find the thread that it planted: {reason}; {}=off runs the tests unchecked",
            crate::settings::CHECK
        ));
    }
    if is_checking() && settings().blocks != Blocks::Off && !allocator::is_recording() {
        faults.push(allocator::NOT_RECORDING.to_owned());
    }
    let is_of_descriptors = is_checking() && settings().descriptors != Policy::Off;
    if is_of_descriptors && !sees_descriptors() {
        faults.push(NO_DESCRIPTORS.to_owned());
    }
    let was_something_left = is_checking() && symbols::were_asked();
    if was_something_left && !symbols::have_names() {
        faults.push(symbols::NO_NAMES.to_owned());
    }
    if was_something_left {
        // Whoever uses a pool of the process for the first time leaves its threads, and a task has a verdict when it is left.
        findings.stuck_jobs = remaining::stuck_jobs();
        findings.late_tasks = remaining::late_tasks();
    }
    findings.lacks_futures = was_something_left
        && settings().which == Which::All
        && allocator::has_unordered_here()
        && !whole::has_lines();
    // Without the hooks no test was judged, and the kernel's list is all there is.
    if findings.tests > 0 || status() == Err(Unsupported::Static) {
        findings.unclassified = unseen().into_iter().map(|it| it.name).collect();
    }
    if findings.tests > 0 && is_of_descriptors {
        let all = unseen_descriptors().into_iter().map(|it| it.about);
        findings.unclassified_descriptors = all.filter(|it| is_told(it)).collect();
    }
    if findings.tests > 0 && is_checking() && settings().children != Policy::Off {
        findings.unclassified_children = unseen_children().into_iter().map(|it| it.name).collect();
    }
    findings.lookups = Some(learnt::number_of_lookups());
    learnt::save();
    if let Some(directory) = &settings().json_directory
        && let Err(fault) = write_json(directory, &findings)
    {
        faults.push(fault);
    }
    let unused: Vec<String> = if ran_all(env::args()) && findings.tests > 0 && is_checking() {
        let rules = settings().rules.iter().filter(|rule| rule.is_unused(program()));
        rules.map(|rule| rule.described()).collect()
    } else {
        Vec::new()
    };
    let mut text = report::conclusion(&findings, &unused, &faults);
    if foreign && findings.tests == 0 && settings().which == Which::All {
        text += "highwater-leaktest: no test was seen: libtest does not run this program. Use `check()` in its tests.\n";
    }
    if settings().annotates {
        text += &report::annotations(&findings);
    }
    if !text.is_empty() {
        message::say(&text);
    }
    let is_clean = findings.leaks.is_empty() && findings.memory.is_empty() && faults.is_empty();
    if code == 0 && !is_clean { FAILED } else { code }
}

/// The tests of which libtest does not know what was found. Where it knows of no failure at all, these are all.
fn called_ok(findings: &Findings, failed: &BTreeSet<String>, code: i32) -> Vec<String> {
    let leaking = findings.leaks.iter().map(|it| &it.test);
    let tests: BTreeSet<&String> = leaking.chain(findings.memory.iter().map(|it| &it.test)).collect();
    tests.into_iter().filter(|it| code == 0 || !failed.contains(*it)).cloned().collect()
}

/// Whether these arguments run all tests, so that what was not used now is not used at all. cargo-nextest runs one test in
/// each process.
fn ran_all(arguments: impl Iterator<Item = String>) -> bool {
    env::var_os("NEXTEST").is_none()
        && arguments.skip(1).all(|it| it == "--nocapture" || it == "-q" || it.starts_with("--test-threads="))
}

/// Writes the report of this process into `directory`, whole or not at all.
fn write_json(directory: &Path, findings: &Findings) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let path = directory.join(format!("{}-{}.json", findings.program, std::process::id()));
    let write = |file: &mut dyn std::io::Write| writeln!(file, "{}", miniserde::json::to_string(findings));
    highwater_profile::file::write_atomically(&path, write).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_without_its_hash() {
        assert_eq!(without_hash("reader-0123456789abcdef"), "reader");
        assert_eq!(without_hash("line-reader"), "line-reader");
        assert_eq!(without_hash("reader"), "reader");
    }

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
        assert_eq!(called_ok(&findings, &failed, FAILED), ["b"]);
        assert_eq!(called_ok(&findings, &failed, 0), ["a", "b"], "it should have panicked, and did");
        assert_eq!(called_ok(&Findings::default(), &failed, 0), [""; 0]);
    }

    #[test]
    fn a_run_of_some_tests_is_no_run_of_all() {
        let ran = |arguments: &[&str]| {
            env::var_os("NEXTEST").is_some()
                || ran_all(["program"].iter().chain(arguments).map(|it| (*it).to_owned()))
        };
        assert!(ran(&[]) && ran(&["--test-threads=1", "--nocapture"]));
        if env::var_os("NEXTEST").is_none() {
            assert!(!ran(&["name"]) && !ran(&["--exact", "name"]) && !ran(&["--list"]));
        }
    }

    #[test]
    fn a_report_is_read_again_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let findings = Findings { program: "p".to_owned(), tests: 3, ..Findings::default() };
        write_json(&directory.path().join("new"), &findings).unwrap();
        let path = directory.path().join(format!("new/p-{}.json", std::process::id()));
        assert_eq!(
            miniserde::json::from_str::<Findings>(&fs::read_to_string(path).unwrap()).unwrap(),
            findings
        );
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(write_json(&file, &findings).unwrap_err().contains("file"));
    }
}
