//! Stacks far deeper than recursion could go, with every frame different: no answer may need more than linear time.

use std::time::{Duration, Instant};

use highwater_analyze::{DiffOptions, GroupBy, Query, diff, folded, peek, top, tree};
use highwater_profile::{LocationId, Profile};
use regex::Regex;

use crate::build::{Build, everything};

const DEPTH: usize = 100_000;

fn deep() -> Profile {
    let mut build = Build::new(1);
    let stack: Vec<LocationId> =
        (0..DEPTH).map(|at| build.location(&[&format!("demo::f{at}@src/f.rs:{}", at + 1)])).collect();
    build.live_at(&stack, 1, 10).live_at(&stack[1..], 1, 1);
    build.profile
}

#[test]
fn a_stack_of_100_000_frames() {
    let profile = deep();
    let started = Instant::now();
    let query = Query { by: GroupBy::Function, ..everything() };

    let answer = tree(&profile, &query).unwrap();
    assert_eq!((answer.nodes.len(), answer.nodes[DEPTH].depth), (DEPTH + 1, DEPTH));
    assert_eq!((answer.nodes[DEPTH].flat.value, answer.nodes[DEPTH - 1].flat.value), (10, 1));
    assert!(serde_json::to_string(&answer).is_ok());

    let answer = folded(&profile, &query).unwrap();
    assert_eq!(answer.iter().map(|it| it.frames.len()).collect::<Vec<_>>(), [DEPTH - 1, DEPTH]);

    let answer = peek(&profile, &Regex::new("f[0-9]*7$").unwrap(), &query).unwrap();
    assert_eq!((answer.functions.len(), answer.functions[0].callers.len()), (DEPTH / 10, 1));

    let answer = top(&profile, &Query { cumulative: true, ..query.clone() }).unwrap();
    assert_eq!((answer.rows.len(), answer.rows[0].cumulative.value), (DEPTH, 11));

    let answer = diff(&profile, &profile, &query, &DiffOptions::default()).unwrap();
    assert_eq!(answer.rows.len(), 2);
    // A quadratic step would take hours; this allows for a slow, busy machine.
    assert!(started.elapsed() < Duration::from_secs(120));
}
