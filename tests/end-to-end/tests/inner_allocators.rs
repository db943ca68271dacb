//! Exact mode equals the truth over any inner allocator, and what is resident is explained over those that
//! tell.

use std::process::Command;
use std::time::Duration;

use highwater_tests::codeindex::ask;
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

/// The answer of `highwater rss` about a process with a planted cause, and the bytes that it planted.
fn planted(inner: &str, cause: &str) -> (serde_json::Value, f64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rss.pb.gz");
    let mut program = Command::new(env!("CARGO_BIN_EXE_residency"));
    program.arg(cause).arg(&path).env("TRAP_INNER", inner).env_remove("HIGHWATER");
    let said = run_with_timeout(&mut program, Duration::from_secs(60)).unwrap();
    let (answer, code) = ask(&["rss"], &[&path]);
    assert_eq!(code, Some(0), "{answer:#}");
    (answer, said.trim().parse().unwrap())
}

/// Resident bytes of this kind of line.
fn of_kind(answer: &serde_json::Value, kind: &str) -> f64 {
    let lines = answer["lines"].as_array().unwrap().iter().filter(|it| it["kind"] == kind);
    lines.map(|it| it["bytes"]["value"].as_f64().unwrap()).sum()
}

/// Whether the line of the program that a row names ends with this comment.
fn is_marked(row: &serde_json::Value, marker: &str) -> bool {
    let text = include_str!("../../programs/residency.rs");
    let line = row["key"]["line"].as_u64().and_then(|line| text.lines().nth(line as usize - 1));
    line.is_some_and(|it| it.ends_with(&format!("// {marker}")))
}

/// The cause is the largest line, and all lines add up to the resident set, next to all of it with a name.
fn assert_on_top(inner: &str, cause: &str, kinds: &[&str], least: f64) -> serde_json::Value {
    let (answer, bytes) = planted(inner, cause);
    let lines = answer["lines"].as_array().unwrap();
    let sum: i64 = lines.iter().map(|it| it["bytes"]["value"].as_i64().unwrap()).sum();
    assert_eq!(answer["resident_bytes"], sum);
    assert!(answer["named_fraction"].as_f64().unwrap() >= 0.97, "{inner} {cause}: {answer:#}");
    assert!(kinds.iter().any(|it| lines[0]["kind"] == *it), "{inner} {cause}: {answer:#}");
    let found: f64 = kinds.iter().map(|it| of_kind(&answer, it)).sum();
    assert!((least * bytes..1.3 * bytes).contains(&found), "{inner} {cause}: {found} of {bytes}: {answer:#}");
    answer
}

#[test]
fn what_is_resident_is_explained() {
    for inner in ["system", "jemalloc"] {
        assert_on_top(inner, "mapping", &["anonymous"], 0.95);
        assert_on_top(inner, "stacks", &["stacks"], 0.95);
        assert_on_top(inner, "file", &["files"], 0.95);
        // Some of the memory was given back, or used again.
        assert_on_top(inner, "caches", &["cached", "free", "held"], 0.2);
    }
}

#[test]
fn empty_space_is_blamed_on_the_blocks_that_keep_it() {
    for inner in ["system", "jemalloc"] {
        let answer = assert_on_top(inner, "fragment", &["held"], 0.4);
        let (held, truth) = (&answer["held"], of_kind(&answer, "held"));
        assert!(is_marked(&held["rows"][0], "kept"), "{inner}: {held:#}");
        let [low, high] = ["low", "high"].map(|end| held["total"][end].as_f64().unwrap());
        // Five standard errors instead of two, since this is asked on every run.
        let wide = |end: f64, value: f64| value + (end - value) * 2.5;
        let value = held["total"]["value"].as_f64().unwrap();
        assert!(wide(low, value) < truth && truth < wide(high, value), "{inner}: {truth}: {held:#}");
    }
}

#[test]
fn live_bytes_that_were_never_touched_are_blamed_on_their_line() {
    // mimalloc reads the whole block when it is built for tests. The kernel then has its page of zeros there.
    for inner in ["system", "jemalloc"] {
        let (answer, bytes) = planted(inner, "untouched");
        let untouched = &answer["untouched"];
        assert!(untouched["total"]["value"].as_f64().unwrap() > 0.95 * bytes, "{inner}: {untouched:#}");
        assert!(is_marked(&untouched["rows"][0], "untouched"), "{inner}: {untouched:#}");
        assert!(answer["resident_bytes"].as_f64().unwrap() < 0.5 * bytes, "{inner}: {answer:#}");
    }
}

#[test]
fn an_allocator_that_tells_nothing_leaves_a_line_without_a_name() {
    let (answer, bytes) = planted("mimalloc", "fragment");
    assert!(of_kind(&answer, "unnamed") > 0.5 * bytes, "{answer:#}");
    assert!(answer["remarks"][0].as_str().unwrap().contains("tells nothing"), "{answer:#}");
    let (answer, bytes) = planted("mimalloc", "stacks");
    assert!(of_kind(&answer, "stacks") > 0.95 * bytes, "{answer:#}");
}
