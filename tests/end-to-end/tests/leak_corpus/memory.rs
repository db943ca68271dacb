//! The part of the corpus about memory: which limits are exceeded, and on which lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::build;
use crate::compare::{function, should_pass};
use crate::expected::test_name;
use crate::run::{self, Excess, Outcome, Program, Way};

const LIMITS: [&str; 4] = ["blocks_left", "max_blocks", "max_bytes", "max_peak"];

/// A line that exceeds a limit: file, line, limit, and number of blocks or bytes.
type Line = (String, u32, String, u64);

/// The lines of each test; empty for a clean test.
type Expected = BTreeMap<String, BTreeSet<Line>>;

fn expected() -> Expected {
    let mut expected = Expected::new();
    for entry in fs::read_dir(build::directory().join("cases/memory")).expect("the corpus has cases") {
        let path = entry.expect("its directory can be read").path();
        let file = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let mut test = None;
        for (index, line) in fs::read_to_string(&path).expect("a case can be read").lines().enumerate() {
            if let Some(name) = test_name(line) {
                expected.insert(name.clone(), BTreeSet::new());
                test = Some(name);
            }
            let Some((limit, number)) = line.split_once("// ").and_then(|(_, it)| it.split_once(": ")) else {
                continue;
            };
            if LIMITS.contains(&limit) {
                let number = number.parse().expect("behind the limit stands a number");
                let line = u32::try_from(index + 1).expect("a case is short");
                let test = test.as_ref().expect("a limit stands in a test");
                let lines = expected.get_mut(test).expect("it was put there");
                lines.insert((file.clone(), line, limit.to_owned(), number));
            }
        }
    }
    for (name, lines) in &expected {
        assert_eq!(name.starts_with("leak_"), !lines.is_empty(), "{name} is not what it is called");
    }
    assert!(expected.len() >= 40, "the corpus has shrunk to {}", expected.len());
    expected
}

fn lines(excess: &Excess) -> BTreeSet<Line> {
    let line = |site: &run::Site| {
        let own = site.allocated.iter().find(|it| it.origin == "own")?;
        let file = own.file.as_ref()?.rsplit('/').next()?.to_owned();
        let number = if excess.limit.ends_with("bytes") || excess.limit == "max_peak" {
            site.bytes
        } else {
            site.blocks
        };
        Some((file, own.line?, excess.limit.clone(), number))
    };
    excess.sites.iter().map(|it| line(it).unwrap_or_default()).collect()
}

/// The faults of a run.
fn compare(expected: &Expected, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut found = Expected::new();
    for excess in &outcome.memory {
        found.entry(function(&excess.test).to_owned()).or_default().append(&mut lines(excess));
    }
    for (test, lines) in expected {
        let found = found.remove(test).unwrap_or_default();
        let missing: Vec<_> = lines.difference(&found).collect();
        // Other lines may add to the excess of a limit, but all lines with blocks left must be expected.
        let more: Vec<_> =
            found.difference(lines).filter(|it| lines.is_empty() || it.2 == "blocks_left").collect();
        if !missing.is_empty() || !more.is_empty() {
            wrong.push(format!("{test}: not found: {missing:?}, falsely: {more:?}"));
        }
    }
    wrong.extend(found.keys().map(|test| format!("a test that there is not is blamed: {test}")));
    wrong.extend(outcome.leaks.iter().map(|it| format!("a thread is blamed: {it:?}")));
    for (test, passed) in &outcome.passed {
        if should_pass(function(test), outcome).is_some_and(|it| it != *passed) {
            wrong.push(format!("{test} {}", if *passed { "passed" } else { "failed" }));
        }
    }
    assert_eq!(outcome.passed.len(), expected.len(), "{}", outcome.said);
    wrong
}

#[test]
fn limits_for_memory_are_held() {
    let expected = expected();
    for way in [Way::Libtest { threads: 1 }, Way::Libtest { threads: 4 }] {
        let outcome = run::run(Program::Memory, way);
        let wrong = compare(&expected, &outcome);
        assert!(wrong.is_empty(), "{way:?}\n{}\n{}", wrong.join("\n"), outcome.said);
        assert_eq!(outcome.code, Some(101));
        for (test, container) in [
            ("leak_three_vectors", "Vec<u8>"),
            ("leak_into_a_static", "Vec<Vec<u8>>"),
            ("leak_cycle", "left::Node>"),
        ] {
            let found = outcome.memory.iter().find(|it| function(&it.test) == test).expect("it is blamed");
            let found = found.sites[0].container.as_deref();
            assert!(found.is_some_and(|it| it.ends_with(container)), "{test} is of {found:?}");
        }
    }
}

#[test]
fn the_comparison_of_limits_finds_faults() {
    let unchecked = run::run(Program::Memory, Way::Unchecked);
    let wrong = compare(&expected(), &unchecked);
    assert!(wrong.len() >= 16 && wrong.iter().all(|it| it.contains("not found")), "{wrong:?}");
}

#[test]
fn memory_of_a_backtrace_belongs_to_no_test() {
    let test = "memory::nasty::clean_catches_a_panic";
    let outcome = run::one_of(Program::Memory, test, &[("RUST_BACKTRACE", "1")]);
    assert_eq!((outcome.passed.get(test), outcome.code), (Some(&true), Some(0)), "{}", outcome.said);
}

#[test]
fn every_test_may_be_held_to_leave_no_blocks() {
    let directory = tempfile::tempdir().expect("a directory");
    let rules = "[leaktest]\nblocks = \"deny\"\n";
    fs::write(directory.path().join("highwater.toml"), rules).expect("the directory can be written to");
    let place = directory.path().display().to_string();
    for (test, left) in [("clean_without_being_asked", 1), ("clean_result", 0)] {
        let test = format!("memory::left::{test}");
        let outcome = run::one_of(Program::Memory, &test, &[("CARGO_MANIFEST_DIR", &place)]);
        assert_eq!(outcome.memory.len(), left, "{}", outcome.said);
    }
    // Without the attribute, the check is at the end of the test's thread.
    for (test, left) in [("std_threads::leak_three_at_once", 1), ("std_threads::clean_joined", 0)] {
        let test = format!("cases::{test}");
        let outcome = run::one_of(Program::Whole, &test, &[("CARGO_MANIFEST_DIR", &place)]);
        assert_eq!(outcome.memory.len(), left, "{}", outcome.said);
        assert_eq!(
            outcome.said.contains("did not keep their limits for memory:"),
            left > 0,
            "{}",
            outcome.said
        );
    }
}
