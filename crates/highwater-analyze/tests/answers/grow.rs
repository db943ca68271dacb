//! The change between two profiles along the call tree.

use highwater_analyze::{DiffOptions, GroupBy, Growth, Query, diff, growth};

use crate::build::{Build, everything};

const MAIN: &str = "demo::main@src/main.rs:3";
const OLD: &str = "demo::old@src/old.rs:1";
const NEW: &str = "demo::new@src/new.rs:2";

fn by_function() -> Query {
    Query { by: GroupBy::Function, ..everything() }
}

fn ask(base: &Build, new: &Build, query: &Query) -> Growth {
    let options = DiffOptions { force: true, ..DiffOptions::default() };
    growth(&base.profile, &new.profile, query, &options).unwrap()
}

fn outline(growth: &Growth) -> Vec<(usize, &str, i64, i64, i64)> {
    let nodes = growth.nodes.iter();
    nodes.map(|it| (it.depth, it.label.as_str(), it.change.value, it.grown, it.shrunk)).collect()
}

#[test]
fn callers_add_up_growth_and_shrinkage_apart() {
    let (mut base, mut new) = (Build::new(1), Build::new(1));
    base.live(&[OLD, MAIN], 40, 1).live(&[MAIN], 3, 1);
    new.live(&[NEW, MAIN], 60, 1).live(&[MAIN], 3, 1);
    let answer = ask(&base, &new, &by_function());
    assert_eq!(
        outline(&answer),
        [
            (0, "[root]", 20, 60, 40),
            (1, "demo::main", 20, 60, 40),
            (2, "demo::new", 60, 60, 0),
            (2, "demo::old", -40, 0, 40),
        ]
    );
    assert_eq!((answer.nodes[1].base.value, answer.nodes[1].new.value), (43, 63));
    assert!(answer.nodes.iter().all(|it| it.significant), "exact profiles have no noise");
    let wide = ask(&base, &new, &Query { min_fraction: 0.5, ..by_function() });
    assert_eq!((wide.nodes.len(), wide.omitted.rows, wide.omitted.value), (3, 1, -40));
    // What moved between callees changes the whole by nothing, and is seen all the same.
    let mut moved = Build::new(1);
    moved.live(&[NEW, MAIN], 40, 1).live(&[MAIN], 3, 1);
    let answer = ask(&base, &moved, &by_function());
    assert_eq!(outline(&answer)[1], (1, "demo::main", 0, 40, 40));
    assert!(!answer.nodes[1].significant && answer.nodes[2].significant);
    assert_eq!(ask(&base, &base, &by_function()).nodes.len(), 1, "nothing but the root is left");
}

#[test]
fn nodes_are_tested_as_rows_are() {
    let interval = 512 << 10;
    let (mut base, mut new) = (Build::new(interval), Build::new(interval));
    base.sampled(&[OLD, MAIN], 40, 1 << 10).sampled(&[NEW, MAIN], 20, 1 << 10);
    new.sampled(&[OLD, MAIN], 41, 1 << 10).sampled(&[NEW, MAIN], 200, 1 << 10);
    let answer = ask(&base, &new, &by_function());
    let of = |label: &str| answer.nodes.iter().find(|it| it.label == label).unwrap();
    assert!(of("demo::new").significant && of("demo::main").significant);
    assert!(!of("demo::old").significant, "one sample more may be chance");
    assert_eq!(answer.tested, 4);
    // The root is the whole, and a leaf the row of its function.
    let options = DiffOptions { force: true, ..DiffOptions::default() };
    let rows = diff(&base.profile, &new.profile, &by_function(), &options).unwrap();
    assert_eq!(answer.nodes[0].change, rows.total_change.change);
    assert_eq!(answer.total_change.change, rows.total_change.change);
    let row = rows.rows.iter().find(|it| it.key.label == "demo::new").unwrap();
    assert_eq!((of("demo::new").change, of("demo::new").new), (row.change, row.new));
}
