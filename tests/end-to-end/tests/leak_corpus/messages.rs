//! The harness's messages are useful: the shown rule can be pasted, the last word names each test, threads of
//! one line are reported once, and a baseline matches by place.

use std::collections::BTreeSet;
use std::fs;

use crate::guide;
use crate::run;

/// The tests in question.
const TESTS: &str = "cases::std_threads::";

/// The rules that are shown for leaks.
fn rules_in(said: &str) -> BTreeSet<String> {
    let parts = said.split("[[leaktest.allow]]").skip(1);
    parts
        .map(|it| {
            let end = it.find("reason = ").expect("a rule has a reason");
            let line = it[end..].find('\n').expect("the line ends");
            format!("[[leaktest.allow]]{}", &it[..end + line + 1])
        })
        .collect()
}

#[test]
fn the_rules_that_are_shown_allow_what_was_found() {
    hold_rules(TESTS);
}

/// The rules that are shown for what these tests leave allow it, and every rule that is shown is needed.
pub fn hold_rules(tests: &str) {
    let first = run::some_tests(tests, &[]);
    let rules = rules_in(&first.said);
    assert!(first.leaks.len() > 5 && rules.len() > 3, "{}", first.said);
    let directory = tempfile::tempdir().expect("a directory");
    let settings = String::from("[leaktest]\ngrace = \"300ms\"\nbusy-grace = \"1s\"\n");
    let allowed = settings.clone() + &rules.iter().map(String::as_str).collect::<String>();
    fs::write(directory.path().join("highwater.toml"), allowed).expect("it can be written");
    let path = directory.path().display().to_string();
    let again = run::some_tests(tests, &[("CARGO_MANIFEST_DIR", &path)]);
    assert_eq!((again.leaks.len(), again.code), (0, Some(0)), "{}", again.said);
    // Without one of the rules, its leak is reported again.
    let but_one = settings + &rules.iter().skip(1).map(String::as_str).collect::<String>();
    fs::write(directory.path().join("highwater.toml"), but_one).expect("it can be written");
    let again = run::some_tests(tests, &[("CARGO_MANIFEST_DIR", &path)]);
    assert!(!again.leaks.is_empty() && again.code == Some(101), "{}", again.said);
}

#[test]
fn the_last_word_names_the_test_that_libtest_calls_ok() {
    let test = "cases::std_threads::leak_detached";
    let outcome = run::one_test(test, &[]);
    assert_eq!(outcome.passed.get(test), Some(&true), "libtest does not know: {}", outcome.said);
    let (_, last) = outcome.said.split_once("FAILED: 1 of 1 test left threads alive:\n").expect("it is said");
    let line = last.lines().next().expect("a line for the test");
    assert!(
        line.starts_with(&format!("highwater-leaktest:   {test} ... LEAKED 1 thread, spawned ")),
        "{line}"
    );
    assert!(line.ends_with("(libtest does not know: its `ok` does not count)"), "{line}");
}

#[test]
fn a_test_that_fails_itself_is_named_without_more() {
    let (code, said) = guide::tell("guide_leaking", &[]);
    assert_eq!(code, Some(101), "{said}");
    assert!(said.contains("a_slow_report_times_out ... LEAKED 3 tasks, spawned "), "{said}");
    assert!(!said.contains("does not count"), "{said}");
}

#[test]
fn annotations_are_for_github() {
    let said = run::one_test("cases::std_threads::leak_detached", &[("GITHUB_ACTIONS", "true")]).said;
    let line = said.lines().find(|it| it.starts_with("::error ")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("cases/std_threads.rs,line=") && line.contains("leak_detached"), "{line}");
}

#[test]
fn one_line_of_code_has_one_annotation() {
    let (_, said) = guide::tell("guide_leaking", &[("GITHUB_ACTIONS", "true")]);
    let lines: Vec<&str> = said.lines().filter(|it| it.starts_with("::error ")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains("title=a_slow_report_times_out left 3 tasks alive::3 tasks were"), "{said}");
}

/// As if the tests had been renamed since then, and with them their unnamed threads.
#[test]
fn a_baseline_may_go_by_the_place() {
    let first = run::some_tests(TESTS, &[]);
    let mut known = first.leaks.clone();
    for leak in &mut known {
        let is_unnamed = leak.kind == "thread" && leak.test.starts_with(&leak.name) && leak.name.len() >= 15;
        leak.test = leak.test.replace("cases::std_threads::", "of_before::module::");
        if is_unnamed {
            leak.name = leak.test.chars().take(15).collect();
        }
    }
    let directory = run::baseline(known);
    let path = directory.path().display().to_string();
    let baseline = ("HIGHWATER_LEAKTEST_BASELINE", path.as_str());
    let by_test = run::some_tests(TESTS, &[baseline]);
    assert_eq!(by_test.leaks.len(), first.leaks.len(), "the tests have other names: {}", by_test.said);
    let by_site = run::some_tests(TESTS, &[baseline, ("HIGHWATER_LEAKTEST_BASELINE_BY", "site")]);
    assert_eq!((by_site.leaks.len(), by_site.code), (0, Some(0)), "{}", by_site.said);
}
