//! `callgrind_annotate`, valgrind's reader of callgrind's format.

use std::collections::BTreeMap;
use std::process::Command;

use highwater_profile::{Format, Profile};
use highwater_tests::succeed;

use crate::model::{
    Values, by_hand, by_leaf, file, names, profiles, same, top_ten, total, with_one_more, written,
};

/// The tool's output about one event.
struct Annotation {
    total: i64,
    functions: Values,
}

/// Asks for the functions by one event, exclusive or inclusive.
fn annotate(text: &str, event: &str, is_inclusive: bool) -> Annotation {
    let (directory, path) = file("callgrind.out", text.as_bytes());
    let mut command = Command::new("callgrind_annotate");
    command.args(["--auto=no", "--threshold=100", "--show-percs=no"]);
    command.args([format!("--show={event}"), format!("--sort={event}")]);
    command.arg(format!("--inclusive={}", if is_inclusive { "yes" } else { "no" })).arg(path);
    let printed = succeed(command.current_dir(directory.path()));
    let rows: Vec<(i64, &str)> = printed
        .lines()
        .filter_map(|line| line.trim_start().split_once(' '))
        .filter_map(|(number, rest)| Some((number.replace(',', "").parse().ok()?, rest.trim())))
        .collect();
    let total = rows.iter().find(|(_, rest)| rest.starts_with("PROGRAM TOTALS"));
    let (total, _) = total.unwrap_or_else(|| panic!("no totals in\n{printed}"));
    let mut functions = Values::new();
    for (value, rest) in rows.iter().filter(|(_, rest)| !rest.starts_with("PROGRAM TOTALS")) {
        // The form is `file:function [binary]`, and the function may contain colons too.
        let name = rest.split_once(':').map_or(*rest, |(_, name)| name);
        let name = name.strip_suffix(" []").unwrap_or(name);
        *functions.entry(name.to_owned()).or_default() += value;
    }
    Annotation { total: *total, functions }
}

/// Values by function including its callees; each stack counts once.
fn inclusive(profile: &Profile, kind: &str) -> Values {
    let column = profile.sample_type(kind).unwrap();
    let mut values = BTreeMap::new();
    for (index, row) in profile.samples.iter().enumerate() {
        let mut functions = names(profile, index);
        functions.sort();
        functions.dedup();
        for function in functions {
            *values.entry(function).or_default() += row.values[column];
        }
    }
    values
}

fn compare(profile: &Profile, text: &str) -> Result<(), String> {
    for value_type in profile.sample_types() {
        let kind = &value_type.kind;
        let own = annotate(text, kind, false);
        same(kind, &total(profile, kind), &own.total)?;
        let mut ours = by_leaf(profile, kind);
        if let Some(value) = ours.remove("") {
            ours.insert("[root]".to_owned(), value);
        }
        same(kind, &top_ten(&ours), &top_ten(&own.functions))?;
    }
    Ok(())
}

#[test]
fn written_files_are_annotated_with_the_same_totals() {
    for (what, profile) in profiles() {
        compare(&profile, &written(&profile, Format::Callgrind)).unwrap_or_else(|it| panic!("{what}: {it}"));
    }
}

#[test]
fn callees_are_counted_once_even_in_a_recursion() {
    let profile = by_hand();
    let theirs = annotate(&written(&profile, Format::Callgrind), "inuse_space", true).functions;
    let ours = inclusive(&profile, "inuse_space");
    assert_eq!(theirs["shop::walk"], ours["shop::walk"]);
    for (name, value) in ours.iter().filter(|(_, value)| **value != 0) {
        assert_eq!(theirs.get(name), Some(value), "{name}");
    }
}

#[test]
fn a_value_that_was_changed_is_noticed() {
    let profile = by_hand();
    let text = written(&profile, Format::Callgrind);
    // The own values of a function. The first one is for the default sample type.
    let changed = with_one_more(&text, "grow\n550 ", 5_000_004_468);
    assert!(compare(&profile, &changed).is_err());
    let changed = with_one_more(&text, "\nsummary: ", total(&profile, "inuse_space"));
    assert!(compare(&profile, &changed).is_err());
}
