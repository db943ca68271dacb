//! Each program of the corpus, with each way of running its tests.
//!
//! To measure: `LEAK_CORPUS_RUNS=20` repeats each way, five runs at once. `LEAK_CORPUS_LOAD=4` keeps four
//! threads per processor busy meanwhile. `LEAK_CORPUS_BUILD=release` builds the corpus in another way (see
//! `build.rs`). `LEAK_CORPUS_RECORD` is a directory for the tables, which another program evaluates.

use std::env;
use std::fs;
use std::path::Path;
use std::thread;

use crate::build;
use crate::compare::Table;
use crate::expected;
use crate::load::{self, number};
use crate::run::{self, Program, Way};

/// Number of parallel runs of one way: they mostly wait.
const AT_ONCE: usize = 5;

/// Runs `program` in each of `ways`, as often as requested, and compares.
fn hold(program: Program, ways: &[Way]) {
    let runs = number("LEAK_CORPUS_RUNS", 1);
    let _load = load::start();
    let expected = expected::of(program);
    // Built once here, before several runs would build it at the same time.
    build::program(program.name());
    let mut wrong = Vec::new();
    for way in ways {
        let mut table = Table::default();
        while table.runs < runs {
            let outcomes = thread::scope(|scope| {
                let some = (table.runs..runs).take(AT_ONCE).map(|_| scope.spawn(|| run::run(program, *way)));
                let some: Vec<_> = some.collect();
                some.into_iter().map(|it| it.join().expect("a run comes to its end")).collect::<Vec<_>>()
            });
            for outcome in outcomes {
                wrong.extend(table.add(&expected, &outcome).into_iter().map(|it| format!("{way:?}: {it}")));
            }
        }
        println!("{program:?} {way:?}: {table}");
        if let Some(directory) = env::var_os("LEAK_CORPUS_RECORD") {
            record(Path::new(&directory), program, *way, &table, &wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn record(directory: &Path, program: Program, way: Way, table: &Table, wrong: &[String]) {
    let build = build::way().name;
    let load = number("LEAK_CORPUS_LOAD", 0);
    let words = serde_json::json!({
        "build": build, "load": load, "program": program, "way": way.to_string(), "table": table, "wrong": wrong,
    });
    let path = directory.join(format!("{build}-{load}-{}-{way}.json", program.name()));
    fs::write(&path, words.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[test]
fn a_program_checked_as_a_whole() {
    hold(Program::Whole, &[Way::Libtest { threads: 1 }, Way::Libtest { threads: 4 }]);
}

#[test]
fn a_program_with_a_shadowed_attribute() {
    hold(Program::Shadowed, &[Way::Libtest { threads: 1 }, Way::Libtest { threads: 4 }]);
}

#[test]
fn a_program_with_marked_tests() {
    hold(Program::Marked, &[Way::Libtest { threads: 1 }, Way::Libtest { threads: 4 }]);
}

#[test]
fn under_nextest() {
    hold(Program::Whole, &[Way::Nextest]);
    hold(Program::Shadowed, &[Way::Nextest]);
}

/// The time of a failing test beyond its grace, measured with a process for each test, one after the other.
/// The time is recorded and not asserted, since other work on the machine changes it. Without recording, a
/// few tests are enough.
#[test]
fn leaking_tests_one_by_one() {
    let _load = load::start();
    let expected = expected::of(Program::Whole);
    let is_recorded = env::var_os("LEAK_CORPUS_RECORD").is_some();
    let mut table = Table::default();
    let leaking = expected.iter().filter(|(_, case)| !case.left.is_empty());
    for (test, case) in leaking.take(if is_recorded { usize::MAX } else { 3 }) {
        let module = case.file.trim_end_matches(".rs");
        let outcome = run::one_test(&format!("cases::{module}::{test}"), &[]);
        assert!(!outcome.leaks.is_empty(), "{test}: {}", outcome.said);
        table.beyond_grace_ms.push(outcome.beyond_grace_ms());
    }
    println!("beyond the grace, in milliseconds: {:?}", table.beyond_grace_ms);
    if let Some(directory) = env::var_os("LEAK_CORPUS_RECORD") {
        record(Path::new(&directory), Program::Whole, Way::Alone, &table, &[]);
    }
}
