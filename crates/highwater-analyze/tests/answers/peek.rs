//! Trees, folded stacks, callers and callees, and what a file holds.

use highwater_analyze::{DiffOptions, GroupBy, Query, Tree, Unit, folded, folded_diff, info, peek, tree};
use regex::Regex;

use crate::build::{Build, everything};

const PUSH: &str = "alloc::vec::Vec<T,A>::push@~alloc/src/vec/mod.rs:2400";
const LOAD: &str = "demo::load@src/load.rs:7";
const PARSE: &str = "demo::parse@src/parse.rs:9";
const MAIN: &str = "demo::main@src/main.rs:3";

/// `parse` allocates 4 bytes called by `main` and 2 called by itself, `load` allocates 1.
fn recursive() -> Build {
    let mut build = Build::new(1);
    build.live(&[PUSH, PARSE, MAIN], 4, 1);
    build.live(&[PUSH, PARSE, PARSE, PARSE, MAIN], 2, 1);
    build.live(&[LOAD, PARSE, LOAD, PARSE, MAIN], 1, 1);
    build
}

fn by_function() -> Query {
    Query { by: GroupBy::Function, ..everything() }
}

fn outline(tree: &Tree) -> Vec<(usize, &str, i64, i64)> {
    tree.nodes.iter().map(|it| (it.depth, it.label.as_str(), it.cumulative.value, it.flat.value)).collect()
}

#[test]
fn a_tree_branches_from_the_root() {
    let profile = recursive().profile;
    let answer = tree(&profile, &by_function()).unwrap();
    assert_eq!(
        outline(&answer),
        [
            (0, "[root]", 7, 0),
            (1, "demo::main", 7, 0),
            (2, "demo::parse", 7, 4),
            (3, "demo::parse", 2, 0),
            (4, "demo::parse", 2, 2),
            (3, "demo::load", 1, 0),
            (4, "demo::parse", 1, 0),
            (5, "demo::load", 1, 1),
        ]
    );
    assert_eq!(answer.nodes[2].frame.as_ref().unwrap().line, Some(9));
    let pruned = tree(&profile, &Query { min_fraction: 0.2, ..by_function() }).unwrap();
    assert_eq!((pruned.nodes.len(), pruned.omitted.rows, pruned.omitted.value), (5, 3, 1));
    let narrow = tree(&profile, &Query { limit: Some(1), ..by_function() }).unwrap();
    assert_eq!(narrow.nodes.len(), 5);
    // Neighbours in one crate are one node.
    let crates = tree(&profile, &Query { by: GroupBy::Crate, ..everything() }).unwrap();
    assert_eq!(outline(&crates), [(0, "[root]", 7, 0), (1, "demo", 7, 7)]);
    let leaves = tree(&profile, &Query { leaf: true, ..by_function() }).unwrap();
    assert!(leaves.nodes.iter().any(|it| it.label == "alloc::vec::Vec<T,A>::push" && it.flat.value == 4));
}

#[test]
fn recursion_counts_once() {
    let profile = recursive().profile;
    let answer = peek(&profile, &Regex::new("parse").unwrap(), &by_function()).unwrap();
    let [parse] = &answer.functions[..] else { panic!("one function matches: {answer:?}") };
    assert_eq!((parse.flat.value, parse.cumulative.value), (6, 7));
    let edges = |list: &[highwater_analyze::PeekEdge]| {
        list.iter().map(|it| (it.key.label.clone(), it.value.value)).collect::<Vec<_>>()
    };
    assert_eq!(edges(&parse.callers), [("demo::main".into(), 7), ("demo::load".into(), 1)]);
    assert_eq!(edges(&parse.callees), [("alloc::vec::Vec<T,A>::push".into(), 6), ("demo::load".into(), 1)]);
    let top = highwater_analyze::top(&profile, &by_function()).unwrap();
    assert_eq!((top.rows[0].flat.value, top.rows[0].cumulative.value), (6, 7));
    assert!(peek(&profile, &Regex::new("absent").unwrap(), &by_function()).unwrap().functions.is_empty());
}

#[test]
fn folded_stacks_are_merged_and_ordered() {
    let build = recursive();
    let answer = folded(&build.profile, &by_function()).unwrap();
    let lines: Vec<_> = answer.iter().map(|it| format!("{} {}", it.frames.join(";"), it.value)).collect();
    assert_eq!(
        lines,
        [
            "demo::main;demo::parse 4",
            "demo::main;demo::parse;demo::load;demo::parse;demo::load 1",
            "demo::main;demo::parse;demo::parse;demo::parse 2",
        ]
    );
    let mut new = Build::new(1);
    new.live(&[LOAD, MAIN], 5, 1).live(&[PARSE, MAIN], 3, 1);
    let answer = folded_diff(&build.profile, &new.profile, &by_function(), &DiffOptions::default()).unwrap();
    let values: Vec<_> =
        answer.iter().map(|it| (it.frames.last().unwrap().as_str(), it.base, it.new)).collect();
    assert_eq!(
        values,
        [("demo::load", 0, 5), ("demo::parse", 4, 3), ("demo::load", 1, 0), ("demo::parse", 2, 0)]
    );
}

#[test]
fn info_says_what_there_is_and_what_is_missing() {
    let mut build = recursive();
    let raw = build.address(0x4000);
    build.live_at(&[raw], 1, 1);
    let answer = info(&build.profile);
    assert_eq!(
        (answer.samples, answer.locations, answer.symbolized_locations, answer.functions),
        (4, 5, 4, 4)
    );
    assert!(answer.exact);
    let live = &answer.sample_types[1];
    assert_eq!(
        (live.name.as_str(), &live.unit, live.total, live.default),
        ("live-bytes", &Unit::Bytes, 8, true)
    );
    let program = &answer.mappings[0];
    assert_eq!((program.build_id.as_deref(), program.locations, program.symbolized), (Some("00ff17"), 5, 4));
    // The profile has live values only.
    assert_eq!(answer.missing, ["allocated totals", "peak totals", "duration", "function names"]);
    let empty = info(&highwater_profile::Profile::new(Vec::new()));
    assert_eq!(empty.missing, ["sample types", "sampling interval", "time", "duration", "recorder facts"]);
}
