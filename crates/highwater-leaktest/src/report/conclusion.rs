//! The last word of a process: the tests that failed, what was passed over, and what could not be judged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::calls::path;
use super::phrases::{count, verb, what};
use super::{group, memory};
use crate::finding::{Excess, Findings, Kind, Leak, Origin, Why};

/// What is to be said when the process exits: nothing if there is nothing. It stands right below libtest's
/// result.
pub(crate) fn conclusion(findings: &Findings, unused_rules: &[String], faults: &[String]) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        let _ = writeln!(text, "highwater-leaktest: {words}");
    };
    for fault in faults {
        line(&format!("error: {fault}"));
    }
    for words in failed(findings) {
        line(&words);
    }
    let has_line = |leak: &Leak| leak.spawned.iter().any(|it| it.line.is_some() && it.origin == Origin::Own);
    if !findings.leaks.is_empty() && !findings.leaks.iter().any(has_line) {
        line(
            "where they were started is known by debug information: set `debug = \"line-tables-only\"` in the profile that tests \
             are built with",
        );
    }
    let mut passed: BTreeMap<(u8, &str, &str), usize> = BTreeMap::new();
    for each in &findings.passed_over {
        let (why, detail) = match each.why {
            Why::Global => (0, each.detail.as_str()),
            Why::Rule => (1, each.detail.as_str()),
            Why::Test => (2, each.detail.as_str()),
            Why::Baseline => (3, ""),
        };
        let kind = match each.kind {
            Kind::Thread => "thread",
            Kind::Task => "task",
            Kind::Descriptor => "descriptor",
            Kind::Child => "child process",
        };
        *passed.entry((why, detail, kind)).or_default() += 1;
    }
    for ((why, detail, kind), number) in passed {
        let threads = count(number, kind).replace("processs", "processes");
        line(&match why {
            0 => format!("passed over {threads} of the process ({detail})"),
            1 => format!("passed over {threads} that highwater.toml allows ({detail})"),
            2 => format!("passed over {threads} that a test allows ({detail})"),
            _ => format!("passed over {threads} of the baseline"),
        });
    }
    if let Some(first) = findings.unjudged.first() {
        let tests: BTreeSet<&str> = findings.unjudged.iter().map(|it| it.test.as_str()).collect();
        let name = if first.name.is_empty() { "a task" } else { &first.name };
        line(&format!(
            "not judged: {} of {} had been woken, or had not begun, when the runtime was dropped, so it cannot be told whether \
             they would have ended. #[highwater_leaktest::test] gives the tasks of a test their time. The first: {name} of {}, \
             spawned {}",
            count(findings.unjudged.len(), "task"),
            count(tests.len(), "test"),
            first.test,
            path(&first.spawned)
        ));
    }
    for late in &findings.late_tasks {
        line(&format!(
            "warning: late: {} was spawned after the verdict on {}, by its task {}; spawned {}",
            if late.name.is_empty() { "a task" } else { &late.name },
            late.test,
            late.parent,
            path(&late.spawned)
        ));
    }
    for job in &findings.stuck_jobs {
        line(&format!(
            "warning: a job does not come to its end on {}, and no test is blamed; it is in {}",
            job.pool,
            path(&job.now)
        ));
    }
    if findings.lacks_futures {
        line(
            "not judged: the futures of a FuturesUnordered are known by debug information, which this program lacks: set \
             `debug = \"line-tables-only\"` in the profile that tests are built with",
        );
    }
    for rule in unused_rules {
        line(&format!(
            "warning: a rule of highwater.toml allowed nothing here: {rule}. Delete it, or add `program = \"…\"` if it is \
             for another test program."
        ));
    }
    if !findings.unclassified.is_empty() {
        line(&format!(
            "warning: unclassified: {} alive that was not seen to start, and no test is blamed: {}",
            count(findings.unclassified.len(), "thread"),
            findings.unclassified.join(", ")
        ));
    }
    for (kind, names, how) in [
        ("descriptor", &findings.unclassified_descriptors, "open that was not seen to be opened"),
        ("child process", &findings.unclassified_children, "there that was not seen to start"),
    ] {
        if !names.is_empty() {
            line(&format!(
                "warning: unclassified: {} {how}, and no test is blamed: {}",
                count(names.len(), kind).replace("processs", "processes"),
                names.join(", ")
            ));
        }
    }
    for each in &findings.unclassified_tasks {
        line(&format!(
            "warning: unclassified: a block that may be a task is alive, and no test is blamed, because this version of \
             highwater-leaktest does not know {each}"
        ));
    }
    text
}

/// Each test that left something or did not keep a limit: libtest's result may call it `ok`.
fn failed(findings: &Findings) -> Vec<String> {
    let mut words = Vec::new();
    let leaking = by_test(&findings.leaks, |it| &it.test);
    let exceeding = by_test(&findings.memory, |it| &it.test);
    let tests = |number: usize| format!("{number} of {}", count(findings.tests.max(number), "test"));
    let is_ok = |test: &str| findings.called_ok.iter().any(|it| it == test);
    let ok =
        |test: &str| if is_ok(test) { "   (libtest does not know: its `ok` does not count)" } else { "" };
    if !leaking.is_empty() {
        words.push(format!("FAILED: {} left {}:", tests(leaking.len()), what(&findings.leaks)));
    }
    for (test, leaks) in &leaking {
        let groups = group::by_place(leaks.iter().copied(), |it| it.spawned.as_slice());
        let spawned = leaks.iter().find(|it| !it.spawned.is_empty());
        let lines = match (spawned, groups.len()) {
            (Some(first), 1) => {
                format!(", {} {}", verb(first.kind), path(first.site().map_or(&[], std::slice::from_ref)))
            }
            (Some(first), lines) => format!(", {} at {lines} lines", verb(first.kind)),
            (None, _) => String::new(),
        };
        words.push(format!("  {test} ... LEAKED {}{lines}{}", group::number(leaks), ok(test)));
    }
    if !exceeding.is_empty() {
        words.push(format!("FAILED: {} did not keep their limits for memory:", tests(exceeding.len())));
    }
    for (test, found) in &exceeding {
        let limits: Vec<String> = found.iter().map(|it: &&Excess| memory::headline(it)).collect();
        words.push(format!("  {test} ... {}{}", limits.join("; "), ok(test)));
    }
    words
}

/// What was found, by the test.
fn by_test<'a, T>(found: &'a [T], test: impl Fn(&'a T) -> &'a str) -> BTreeMap<&'a str, Vec<&'a T>> {
    let mut tests: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for each in found {
        tests.entry(test(each)).or_default().push(each);
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Activity, Frame, PassedOver};
    use crate::finding::{LateTask, StuckJob};

    fn leak() -> Leak {
        Leak {
            test: "tests::a".to_owned(),
            kind: Kind::Thread,
            name: "kid".to_owned(),
            activity: Activity::Asleep,
            waited_ms: 512,
            parent: None,
            id: None,
            spawned: vec![
                Frame::at("pool::spawn", "/x/registry/src/y/pool.rs", 3, Origin::Dependency),
                Frame::at("worker::start", "/x/src/worker.rs", 41, Origin::Own),
            ],
            now: vec![],
        }
    }

    #[test]
    fn the_conclusion_says_what_there_is_and_else_nothing() {
        assert_eq!(conclusion(&Findings { tests: 3, ..Findings::default() }, &[], &[]), "");
        let passed = PassedOver {
            test: "b".to_owned(),
            kind: Kind::Thread,
            name: "pool".to_owned(),
            why: Why::Global,
            detail: "std::sync::Once".to_owned(),
        };
        let findings = Findings {
            memory: vec![],
            program: "p".to_owned(),
            tests: 3,
            leaks: vec![leak(), leak()],
            passed_over: vec![passed.clone(), passed],
            unclassified: vec!["raw".to_owned()],
            unclassified_descriptors: vec!["pipe".to_owned()],
            unclassified_children: vec!["sleep".to_owned(), "sh".to_owned()],
            unclassified_tasks: vec!["tokio 2.0".to_owned()],
            unjudged: vec![leak(), leak()],
            stuck_jobs: vec![StuckJob { pool: "rayon's global pool".to_owned(), now: leak().spawned }],
            late_tasks: vec![LateTask {
                name: "mine::late::{async_fn}".to_owned(),
                test: "tests::a".to_owned(),
                parent: "mine::parent::{async_fn}".to_owned(),
                spawned: leak().spawned,
            }],
            called_ok: vec!["tests::a".to_owned()],
            lacks_futures: true,
            lookups: None,
        };
        let said = conclusion(&findings, &["threads = \"x\"".to_owned()], &["a fault".to_owned()]);
        for words in [
            "error: a fault\n",
            "highwater-leaktest: FAILED: 1 of 3 tests left threads alive:\n\
             highwater-leaktest:   tests::a ... LEAKED 2 threads, spawned /x/src/worker.rs:41 worker::start   \
             (libtest does not know: its `ok` does not count)\n",
            "passed over 2 threads of the process (std::sync::Once)\n",
            "allowed nothing here: threads = \"x\".",
            "does not know tokio 2.0\n",
            "not judged: the futures of a FuturesUnordered are known by debug information",
            "not judged: 2 tasks of 1 test had been woken, or had not begun, when the runtime was dropped, ",
            "The first: kid of tests::a, spawned pool::spawn < /x/src/worker.rs:41 worker::start\n",
            "a job does not come to its end on rayon's global pool, and no test is blamed; it is in pool::spawn < ",
            "late: mine::late::{async_fn} was spawned after the verdict on tests::a, by its task mine::parent::{async_fn}; spawned pool::spawn < ",
            "1 thread alive that was not seen to start, and no test is blamed: raw\n",
            "unclassified: 1 descriptor open that was not seen to be opened, and no test is blamed: pipe\n",
            "unclassified: 2 child processes there that was not seen to start, and no test is blamed: sleep, sh\n",
        ] {
            assert!(said.contains(words), "{words:?} is missing from {said}");
        }
    }

    #[test]
    fn each_test_that_failed_has_a_line() {
        let excess = Excess {
            test: "tests::c".to_owned(),
            limit: crate::finding::Limit::Peak,
            allowed: 1024,
            found: 2048,
            waited_ms: 0,
            sites: vec![],
        };
        let task = Leak { test: "tests::b".to_owned(), kind: Kind::Task, spawned: vec![], ..leak() };
        let mut other = leak();
        other.spawned[1].line = Some(42);
        let findings = Findings {
            tests: 9,
            leaks: vec![leak(), other, task],
            memory: vec![excess],
            called_ok: vec!["tests::a".to_owned(), "tests::c".to_owned()],
            ..Findings::default()
        };
        assert_eq!(
            failed(&findings),
            [
                "FAILED: 2 of 9 tests left threads and tasks alive:",
                "  tests::a ... LEAKED 2 threads, spawned at 2 lines   (libtest does not know: its `ok` does not count)",
                "  tests::b ... LEAKED 1 task",
                "FAILED: 1 of 9 tests did not keep their limits for memory:",
                "  tests::c ... 2.0 KiB live at the peak, 1.0 KiB above max_peak   (libtest does not know: its `ok` does not count)",
            ]
        );
    }
}
