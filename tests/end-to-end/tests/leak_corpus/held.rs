//! What is said of descriptors and child processes, and what settings do about them.

use std::fs;

use crate::messages;
use crate::run::{self, Outcome};

#[test]
fn the_rules_that_are_shown_allow_descriptors_and_children() {
    // Those that a rule of the corpus allows are left out.
    messages::hold_rules("cases::descriptors::leak_");
    messages::hold_rules("cases::children::leak_");
}

/// The line below the one that begins so, too.
fn lines(outcome: &Outcome, begin: &str) -> [String; 2] {
    let mut lines = outcome.said.lines().skip_while(|it| !it.trim_start().starts_with(begin));
    [lines.next(), lines.next()]
        .map(|it| it.unwrap_or_else(|| panic!("{begin}: {}", outcome.said)).trim().to_owned())
}

#[test]
fn a_descriptor_is_told_with_what_it_leads_to_and_its_place() {
    let outcome = run::one_test("cases::descriptors::leak_listener", &[]);
    let [what, place] = lines(&outcome, "fd ");
    assert!(what.contains("  socket tcp 127.0.0.1:") && what.ends_with(", listening  open"), "{what}");
    assert!(place.starts_with("opened  cases/descriptors.rs:"), "{place}");
    assert!(outcome.said.contains("left descriptors open:"), "{}", outcome.said);
    assert!(
        outcome.said.contains("leak_listener ... LEAKED 1 descriptor, opened cases/"),
        "{}",
        outcome.said
    );
}

#[test]
fn a_child_is_told_with_its_command_its_state_and_its_place() {
    let running = run::one_test("cases::children::leak_running", &[]);
    let [what, place] = lines(&running, "child ");
    assert!(what.ends_with(" `sleep 30`  running"), "{what}");
    assert!(place.starts_with("started cases/children.rs:"), "{place}");
    assert!(running.said.contains("left child processes behind:"), "{}", running.said);
    let ended = run::one_test("cases::children::leak_that_nobody_waited_for", &[]);
    let [what, _] = lines(&ended, "child ");
    assert!(what.ends_with(" `true`  ended, and nobody has waited for it"), "{what}");
}

#[test]
fn kinds_may_be_left_to_tests_that_ask() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display().to_string();
    for word in ["asked", "off"] {
        for (kind, test) in
            [("descriptors", "descriptors::leak_listener"), ("children", "children::leak_running")]
        {
            let text = format!("[leaktest]\ngrace = \"100ms\"\n{kind} = \"{word}\"\n");
            fs::write(directory.path().join("highwater.toml"), text).expect("it can be written");
            let outcome = run::one_test(&format!("cases::{test}"), &[("CARGO_MANIFEST_DIR", &path)]);
            assert_eq!((outcome.leaks.len(), outcome.code), (0, Some(0)), "{kind}: {word}: {}", outcome.said);
        }
    }
}
