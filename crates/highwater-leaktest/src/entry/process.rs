//! The process as a whole: where the harness begins, and the last word.

use std::env;
use std::fs;
use std::panic;
use std::path::Path;

use highwater_hooks::{
    Unsupported, at_exit, follow_children, follow_descriptors, sees_descriptors, status, unseen,
    unseen_children, unseen_descriptors,
};

use super::checking::is_checking;
use super::doc_test;
use super::remaining;
use super::whole;
use crate::allocator;
use crate::evidence::constants;
use crate::evidence::learnt;
use crate::evidence::symbols;
use crate::finding::Findings;
use crate::message;
use crate::outcomes;
use crate::program;
use crate::report;
use crate::settings::rules::{Blocks, Policy, Which};
use crate::settings::settings;
use crate::tasks;

/// What libtest exits with when tests failed.
const FAILED: i32 = 101;

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

/// Whether a descriptor that nobody was seen to open is worth a word. The others are a runtime's own: it
/// wakes itself by them.
fn is_told(about: &str) -> bool {
    ["file ", "directory ", "socket ", "pipe", "memory file "].iter().any(|it| about.starts_with(it))
}

/// The last word: what is to be said of the whole process, and its exit code.
fn decide(code: i32) -> i32 {
    panic::catch_unwind(|| conclude(code)).unwrap_or(if code == 0 { FAILED } else { code })
}

fn conclude(code: i32) -> i32 {
    doc_test::end();
    let mut findings = outcomes::findings(code);
    program::name().clone_into(&mut findings.program);
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
        // The first test that uses a pool of the process leaves the pool's threads, and a task that was left
        // has a verdict.
        findings.stuck_jobs = remaining::stuck_jobs();
        findings.late_tasks = remaining::late_tasks();
    }
    findings.lacks_futures = was_something_left
        && settings().which == Which::All
        && constants::has_unordered_here()
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
        let rules = settings().rules.iter().filter(|rule| rule.is_unused(program::name()));
        rules.map(|rule| rule.described()).collect()
    } else {
        Vec::new()
    };
    let mut text = report::conclusion(&findings, &unused, &faults);
    if outcomes::has_foreign() && findings.tests == 0 && settings().which == Which::All {
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

/// Whether these arguments run all tests, so that what was not used now is not used at all. cargo-nextest
/// runs one test in each process.
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
