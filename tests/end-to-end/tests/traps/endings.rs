//! Processes with a recorder and a profiler that end, fork, sandbox themselves or unload a library.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use highwater_profile::{Limits, file};
use highwater_tests::truth::{Demand, values};
use highwater_tests::{Failure, build_library_example, run_with_timeout};
use tempfile::TempDir;

use crate::build;
use crate::run::Trap;

const PATIENCE: Duration = Duration::from_secs(240);

/// Runs a part of `trap_profiler` with its files in `directory`, and with a fault if `fault` is not empty.
fn run(directory: &TempDir, part: &str, fault: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trap_profiler"));
    command.arg(directory.path().join("heap.pb.gz")).arg(part);
    command.env_remove("HIGHWATER").env("TRAP_PLANT", fault);
    command.output().unwrap()
}

/// The fault in the end of a part, or in the profile that it leaves.
fn wrong(part: &str, fault: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let ended = run(&directory, part, fault);
    let is_well = if part == "signal" { ended.status.signal() == Some(15) } else { ended.status.success() };
    if !is_well {
        return Some(format!("{ended:?}"));
    }
    wrong_in(&directory.path().join("heap.pb.gz"))
}

/// The fault in a profile, which must contain the block that each part keeps.
fn wrong_in(path: &Path) -> Option<String> {
    let mut profile = match file::read(path, &Limits::default()) {
        Ok(profile) => profile,
        Err(error) => return Some(error.to_string()),
    };
    highwater_symbol::symbolize(&mut profile, &Default::default()).unwrap();
    match values(&profile, "site_kept") {
        Ok([1, 123_456, 1, 123_456]) => None,
        other => Some(format!("{other:?}")),
    }
}

#[test]
fn a_program_that_exits_gets_its_profile() {
    assert_eq!(wrong("exit", ""), None);
    assert_eq!(wrong("crowd", ""), None);
}

#[test]
fn a_signal_ends_the_process_after_its_profile() {
    assert_eq!(wrong("signal", ""), None);
}

#[test]
fn a_programs_own_signal_handling_is_respected() {
    assert_eq!(wrong("handled", ""), None);
    assert_eq!(wrong("ignored", ""), None);
}

#[test]
fn a_missing_or_unwanted_profile_is_noticed() {
    for (part, fault, words) in [
        ("exit", "deaf", "No such file"),
        ("signal", "deaf", "No such file"),
        ("ignored", "eager", "a signal that is ignored was acted on"),
        ("fork", "forgetful", "the child"),
    ] {
        let found = wrong(part, fault);
        assert!(found.as_ref().is_some_and(|it| it.contains(words)), "{part} {fault}: {found:?}");
    }
}

/// The files in a directory whose names begin with `start`.
fn named(directory: &Path, start: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
    files.filter(|it| it.file_name().unwrap().to_str().unwrap().starts_with(start)).collect()
}

#[test]
fn the_child_of_a_fork_has_its_own_files_or_says_so() {
    for goes_on in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        if goes_on {
            fs::write(directory.path().join("go-on"), "").unwrap();
        }
        let ended = run(&directory, "fork", "");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(said.contains("go_on_in_child"), !goes_on, "{said}");
        assert!(!said.contains("panicked"), "{said}");
        let profiles = named(directory.path(), "heap.");
        assert_eq!(profiles.len(), 2, "one of the parent, one of the child: {profiles:?}");
        profiles.iter().for_each(|it| assert_eq!(wrong_in(it), None));
    }
}

#[test]
fn the_child_of_a_fork_stops_no_agent_and_waits_for_none() {
    assert_eq!(wrong("agent", ""), None);
}

#[test]
fn a_sandboxed_program_is_recorded() {
    Trap::new(env!("CARGO_BIN_EXE_trap_seccomp")).demand(Demand::Sampled).passes();
}

#[test]
fn a_file_opened_in_the_sandbox_is_noticed() {
    Trap::new(env!("CARGO_BIN_EXE_trap_seccomp")).arg("late").crashes();
}

fn unload(library: &Path) -> Result<String, Failure> {
    let mut host = Command::new(env!("CARGO_BIN_EXE_trap_unload"));
    run_with_timeout(host.arg("unused").arg(library), PATIENCE)
}

#[test]
fn a_library_with_a_recorder_inside_stays() {
    unload(&build_library_example("trap_plugin")).unwrap();
}

#[test]
fn a_library_that_is_unloaded_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let failed = unload(&build::library(directory.path(), "libnarrow", &[])).unwrap_err();
    assert!(matches!(&failed, Failure::Failed(it) if it.contains("was unloaded")), "{failed:?}");
}

#[test]
fn a_shared_standard_library_is_refused() {
    let program = build::program_with_shared_std();
    let ended = Command::new(&program).env("LD_LIBRARY_PATH", build::libraries_of_rust()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(said.matches("prefer-dynamic").count(), 2, "once at the start, once for the snapshot: {said}");
}
