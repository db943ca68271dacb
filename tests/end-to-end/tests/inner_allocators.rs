//! Exact mode equals the truth over any inner allocator.

use std::process::Command;
use std::time::Duration;

use highwater_tests::truth::{Demand, compare};
use highwater_tests::{Failure, run_with_timeout};

fn run(inner: &str, mode: &str, fault: &str) -> Result<(), Failure> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heap.pb.gz");
    let mut program = Command::new(env!("CARGO_BIN_EXE_inner_allocators"));
    program.arg(&path).env("TRAP_INNER", inner).env("HIGHWATER", mode).env("TRAP_PLANT", fault);
    let said = run_with_timeout(&mut program, Duration::from_secs(60))?;
    assert!(said.starts_with(&format!("inner {inner}\n")), "{said}");
    let demand = if mode == "exact" { Demand::Exact } else { Demand::Sampled };
    compare(&path, &said, demand, |profile| {
        highwater_symbol::symbolize(profile, &Default::default()).unwrap();
    })
    .map(drop)
}

fn holds_over(inner: &str) {
    for mode in ["exact", "interval:1KiB", "off"] {
        // Without recording, the profile is empty, but the totals are still checked.
        match run(inner, mode, "") {
            Ok(()) => assert_ne!(mode, "off"),
            Err(Failure::Wrong(said)) if mode == "off" && said.contains("the profile is empty") => {}
            Err(failure) => panic!("{inner} {mode}: {}", failure.message()),
        }
    }
}

#[test]
fn over_the_systems() {
    holds_over("system");
}

#[test]
fn over_mimalloc() {
    holds_over("mimalloc");
}

#[test]
fn over_jemalloc() {
    holds_over("jemalloc");
}

#[test]
fn over_an_arena_that_never_frees() {
    holds_over("bump");
}

#[test]
fn over_one_that_ignores_large_alignments() {
    holds_over("page");
}

#[test]
fn over_one_that_returns_null() {
    holds_over("refusing");
}

#[test]
fn a_recorder_that_counts_refused_allocations_is_noticed() {
    let failure = run("refusing", "exact", "null").unwrap_err();
    assert!(failure.message().contains("totals:"), "{failure:?}");
}
