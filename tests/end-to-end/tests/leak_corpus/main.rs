//! The leak corpus (`tests/leak-corpus`) under the leak harness: every leak is found, the right test is
//! blamed, the line that starts the thread is named, and nothing else is said to leak.
//!
//! `cargo xtask suites leak-corpus` repeats the tests of [`ways`], also on a busy machine and of a release
//! build, and adds up what they write down.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod bad_arguments;
mod build;
mod builds;
mod compare;
mod expected;
mod guide;
mod hang;
mod held;
mod learnt;
mod load;
mod memory;
mod messages;
mod own_allocators;
mod run;
mod unsupported;
mod ways;

use compare::Table;
use run::{Program, Way};

#[test]
fn the_comparison_finds_faults() {
    let expected = expected::of(Program::Whole);
    let whole = run::run(Program::Whole, Way::Unchecked);
    let found = Table::default().add(&expected, &whole);
    assert!(found.len() >= 40, "without the harness every leak is missed: {found:?}");
    assert!(found.iter().all(|it| it.contains("not found") || it.contains("exit")), "{found:?}");
}

#[test]
fn what_is_not_run_by_libtest_is_told() {
    let said = run::foreign();
    assert!(said.contains("no test was seen: libtest does not run this program"), "{said}");
}

#[test]
fn a_runtime_that_is_not_known_is_unclassified() {
    let (code, said) = guide::tell("unknown", &[]);
    let words = "warning: unclassified: a block that may be a task is alive, and no test is blamed, because this version of \
                 highwater-leaktest does not know tokio in the version of this program, which the path of its sources does not tell, spawned at ";
    assert!(said.contains(words) && said.contains("unknown.rs:10"), "{said}");
    assert_eq!(code, Some(0), "no test is blamed: {said}");
}

#[test]
fn what_goes_on_at_the_end_is_told() {
    let (code, said) = guide::tell("remaining", &["RUST_TEST_THREADS"].map(|it| (it, "1")));
    let line = |words: &str| {
        said.lines()
            .find(|it| it.contains(words))
            .unwrap_or_else(|| panic!("{words:?} is missing from {said}"))
    };
    let late = line("warning: late: remaining::child::{async_fn} was spawned after the verdict on ");
    assert!(
        late.contains(
            "a_leaves_a_task_that_spawns_later, by its task remaining::parent::{async_fn}; spawned "
        ),
        "{late}"
    );
    assert!(late.contains("remaining.rs:19 "), "{late}");
    let stuck = line("warning: a job does not come to its end on rayon's global pool");
    assert!(stuck.contains("remaining.rs:41 ") && stuck.contains("remaining::stuck"), "{stuck}");
    assert_eq!(said.matches("does not come to its end").count(), 1, "{said}");
    assert_eq!(said.matches("... LEAKED ").count(), 1, "only the first one has left something: {said}");
    assert_eq!(code, Some(101), "{said}");
}

/// Without the attribute nobody can say whether a task would have ended that was woken when its runtime went.
#[test]
fn tasks_that_were_about_to_run_are_told() {
    for test in ["clean_task_that_was_woken_when_its_runtime_went", "clean_task_that_never_ran"] {
        let outcome = run::one_test(&format!("cases::tasks::{test}"), &[]);
        let words =
            "not judged: 1 task of 1 test had been woken, or had not begun, when the runtime was dropped";
        assert!(outcome.said.contains(words), "{}", outcome.said);
        assert!(outcome.said.contains("#[highwater_leaktest::test]"), "{}", outcome.said);
        assert!(outcome.said.contains("cases/tasks.rs:"), "it has its place: {}", outcome.said);
        assert_eq!(outcome.code, Some(0), "no test is blamed: {}", outcome.said);
    }
}

#[test]
fn an_unused_rule_is_told() {
    let said = run::run(Program::Whole, Way::Libtest { threads: 4 }).said;
    let unused = "a rule of highwater.toml allowed nothing here: threads = \"nobody\", program = \"whole\"";
    assert!(said.contains(unused), "{said}");
    assert!(!said.contains("allowed nothing here: threads = \"allowed-*\""), "{said}");
    assert!(said.contains("highwater.toml allows (what the corpus allows by name)"), "{said}");
}

#[test]
fn a_baseline_excuses_what_it_has_and_nothing_else() {
    let first = run::run(Program::Whole, Way::Libtest { threads: 4 });
    let again = run::with_baseline(&first, |_| true);
    assert_eq!(again.leaks.len(), 0, "{}", again.said);
    let leaves_one = run::with_baseline(&first, |leak| leak.name != "detached");
    let names: Vec<&str> = leaves_one.leaks.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["detached"]);
    assert_eq!(leaves_one.code, Some(101));
}

#[test]
fn settings_that_cannot_be_read_fail_the_run() {
    for (variable, value, words) in [
        ("HIGHWATER_LEAKTEST", "sometimes", "expected all, marked or off"),
        ("HIGHWATER_LEAKTEST_GRACE", "long", "expected a time"),
        ("HIGHWATER_LEAKTEST_BASELINE_BY", "line", "expected test or site"),
        ("HIGHWATER_LEAKTEST_BASELINE", "/no/such/directory", "cannot read the baseline"),
    ] {
        let outcome = run::one_clean_test(&[(variable, value)]);
        assert_eq!(outcome.code, Some(101), "{}", outcome.said);
        assert!(outcome.said.contains(words), "{}", outcome.said);
    }
    let clean = run::one_clean_test(&[]);
    assert_eq!(clean.code, Some(0), "{}", clean.said);
    assert!(!clean.said.contains("highwater"), "nothing is said of a clean run: {}", clean.said);
}
