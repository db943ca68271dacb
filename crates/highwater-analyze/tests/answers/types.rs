//! Types of blocks: in rankings, differences and trees, as a filter, and with what keeps them.

use highwater_analyze::{
    ContainerRule, DiffOptions, Element, Field, GroupBy, Query, Shape, TypePart, Variant, diff, layout, top,
    tree, types, types_diff,
};
use regex::Regex;

use crate::build::Build;

const PUSH: &str = "alloc::raw_vec::RawVec<demo::Session>::grow_one@~alloc/src/raw_vec/mod.rs:1";
const TEXT: &str = "alloc::raw_vec::RawVec<u8>::grow_one@~alloc/src/raw_vec/mod.rs:1";
const STRING: &str = "alloc::string::String::push_str@~alloc/src/string.rs:1";
const ADD: &str = "demo::add@src/add.rs:7";
const NAME: &str = "demo::name@src/name.rs:3";
const ARENA: &str = "demo::arena::Arena::grow@src/arena.rs:9";
const ARENA_OF_LEAVES: &str = "demo::arena::Arena::add::<demo::Leaf>@src/arena.rs:4";

/// 6,000 B of sessions from two lines, 2,000 B of text, and 1,000 B that an arena takes.
fn build(sessions: i64) -> Build {
    let mut build = Build::new(1);
    build.live(&[PUSH, ADD], 4 * sessions, 1000);
    build.live(&[PUSH, NAME], 2 * sessions, 1000);
    build.live(&[TEXT, STRING, NAME], 4, 500);
    build.live(&[ARENA, ARENA_OF_LEAVES, ADD], 1, 1000);
    build
}

fn by(grouping: GroupBy) -> Query {
    Query { by: grouping, ..Query::default() }
}

fn rows(query: &Query) -> Vec<(String, i64)> {
    let answer = top(&build(1).profile, query).unwrap();
    answer.rows.into_iter().map(|row| (row.key.label, row.flat.value)).collect()
}

fn named(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn a_ranking_by_type_and_by_what_keeps_it() {
    const NONE: &str = "[no type: allocated without a collection]";
    assert_eq!(rows(&by(GroupBy::Type)), named(&[("demo::Session", 6000), ("str", 2000), (NONE, 1000)]));
    let containers = [("Vec<demo::Session>", 6000), ("String", 2000), (NONE, 1000)];
    assert_eq!(rows(&by(GroupBy::Container)), named(&containers));
    let answer = top(&build(1).profile, &by(GroupBy::Type)).unwrap();
    let names: Vec<Option<&str>> = answer.rows.iter().map(|row| row.key.type_name.as_deref()).collect();
    assert_eq!(names, [Some("demo::Session"), Some("str"), None]);
}

#[test]
fn a_filter_asks_for_the_type_or_for_what_keeps_it() {
    let only = |text: &str| Query { types: vec![Regex::new(text).unwrap()], ..Query::default() };
    let lines = [("src/add.rs:7 demo::add", 4000), ("src/name.rs:3 demo::name", 2000)];
    assert_eq!(rows(&only("^demo::Session$")), named(&lines));
    assert_eq!(rows(&only("^String$")), named(&[("src/name.rs:3 demo::name", 2000)]));
    assert_eq!(rows(&only("nothing")), []);
}

#[test]
fn a_collection_of_the_programs_own_is_named_by_a_rule() {
    let rule = ContainerRule { path: "demo::arena::Arena".to_owned(), element: Element::Argument(0) };
    let query = Query { containers: vec![rule], ..by(GroupBy::Type) };
    assert_eq!(rows(&query)[2], ("demo::Leaf".to_owned(), 1000));
}

#[test]
fn a_difference_and_a_tree_are_of_types_too() {
    let answer = diff(&build(1).profile, &build(3).profile, &by(GroupBy::Type), &Default::default()).unwrap();
    let changes: Vec<(&str, i64)> =
        answer.rows.iter().map(|row| (row.key.label.as_str(), row.change.value)).collect();
    assert_eq!(changes[0], ("demo::Session", 12_000));
    let answer = serde_json::to_string(&tree(&build(1).profile, &by(GroupBy::Type)).unwrap()).unwrap();
    let at = |text: &str| answer.find(text).unwrap_or_else(|| panic!("{text}: {answer}"));
    assert!(at("src/add.rs:7 demo::add") < at("Vec<demo::Session>"), "the line calls the type");
}

#[test]
fn the_view_of_types_says_what_keeps_them_and_who_makes_them() {
    let answer = types(&build(1).profile, &Query::default()).unwrap();
    let first = &answer.rows[0];
    assert_eq!(
        (first.key.label.as_str(), first.bytes.value, first.fraction),
        ("demo::Session", 6000, 6.0 / 9.0)
    );
    assert_eq!(first.blocks.map(|blocks| blocks.value), Some(6));
    assert_eq!(first.mean_block_bytes, Some(1000.0));
    let parts = |parts: &[TypePart]| -> Vec<(String, i64)> {
        parts.iter().map(|part| (part.key.label.clone(), part.bytes.value)).collect()
    };
    assert_eq!(parts(&first.containers), named(&[("Vec<demo::Session>", 6000)]));
    let lines = [("src/add.rs:7 demo::add", 4000), ("src/name.rs:3 demo::name", 2000)];
    assert_eq!((parts(&first.lines), first.line_count), (named(&lines), 2));
    assert_eq!(answer.header.total.value, 9000);
    let limited = types(&build(1).profile, &Query { limit: Some(1), ..Query::default() }).unwrap();
    assert_eq!((limited.rows.len(), limited.omitted.rows, limited.omitted.value), (1, 2, 3000));
}

#[test]
fn of_two_profiles_the_change_by_type_has_the_evidence_of_a_comparison() {
    let (base, new) = (build(1), build(3));
    let (query, options) = (Query { by: GroupBy::Line, ..Query::default() }, DiffOptions::default());
    let answer = types_diff(&base.profile, &new.profile, &query, &options).unwrap();
    assert_eq!(
        answer.diff,
        diff(&base.profile, &new.profile, &by(GroupBy::Type), &options).unwrap(),
        "the rows are those of a comparison by type"
    );
    let (row, change) = (&answer.diff.rows[0], &answer.types[0]);
    assert_eq!((row.key.label.as_str(), row.change.value), ("demo::Session", 12_000));
    assert_eq!(change.blocks.map(|blocks| blocks.value), Some(12));
    let parts = |parts: &[TypePart]| -> Vec<(String, i64)> {
        parts.iter().map(|part| (part.key.label.clone(), part.bytes.value)).collect()
    };
    assert_eq!(parts(&change.containers), named(&[("Vec<demo::Session>", 12_000)]));
    let lines = [("src/add.rs:7 demo::add", 8000), ("src/name.rs:3 demo::name", 4000)];
    assert_eq!((parts(&change.lines), change.line_count), (named(&lines), 2));
    // What did not change is no row, and no part of one.
    let limited = Query { limit: Some(1), ..query };
    let answer = types_diff(&base.profile, &new.profile, &limited, &options).unwrap();
    assert_eq!((answer.diff.rows.len(), answer.types.len()), (1, 1));
}

fn field(name: &str, offset: u64, size: u64, type_name: &str) -> Field {
    Field { name: name.to_owned(), offset, size, type_name: type_name.to_owned(), count: 1 }
}

fn variant(name: &str, fields: Vec<Field>) -> Variant {
    Variant { name: name.to_owned(), fields, line: None }
}

/// An enum of 200 B with one variant of 192 B, and others of 8 B and 4 B.
fn uneven(name: &str) -> Shape {
    Shape {
        name: name.to_owned(),
        size: 200,
        alignment: Some(8),
        fields: vec![field("", 0, 1, "u8")],
        variants: vec![
            variant("Small", vec![field("__0", 4, 4, "u32")]),
            variant("Large", vec![field("__0", 8, 192, "u64")]),
            variant("Middle", vec![field("__0", 8, 8, "u64")]),
        ],
    }
}

#[test]
fn a_variant_that_is_much_larger_than_the_others_is_put_into_a_box() {
    let shapes = [uneven("demo::Session")];
    let answer = layout(&build(1).profile, &Query::default(), &shapes).unwrap();
    let row = &answer.rows[0];
    // Blocks of 1,000 B have room for five values each.
    assert_eq!((row.key.label.as_str(), row.size, row.values.value), ("demo::Session", 200, 30));
    let boxed = row.boxed.as_ref().unwrap();
    assert_eq!((boxed.variant.as_str(), boxed.variant_bytes, boxed.next_bytes), ("Large", 192, 8));
    // Behind the tag lies a pointer, or the 8 B of `Middle`.
    assert_eq!((boxed.size_then, boxed.saves_up_to.value), (16, 30 * (200 - 16)));
    assert_eq!(row.variants[0].name, "Large");
    assert_eq!((answer.unknown.rows, answer.unknown.value), (2, 3000));

    // An enum inside of the type counts as often as it is in it; one of the standard library is not the reader's.
    let fields = vec![
        field("one", 0, 200, "demo::Event"),
        Field { count: 3, ..field("more", 200, 600, "demo::Event") },
    ];
    let outer = Shape { name: "demo::Session".to_owned(), size: 1000, fields, ..Shape::default() };
    let shapes = [outer.clone(), uneven("demo::Event")];
    let answer = layout(&build(1).profile, &Query::default(), &shapes).unwrap();
    let boxed = answer.rows[0].boxed.as_ref().unwrap();
    assert_eq!((boxed.type_name.as_str(), boxed.saves_up_to.value), ("demo::Event", 6 * 3 * (200 - 16)));
    assert_eq!(answer.rows[0].padding, Some(200));
    let foreign =
        Field { type_name: "core::option::Option<demo::Event>".to_owned(), ..field("one", 0, 200, "") };
    let shapes = [Shape { fields: vec![foreign], ..outer }, uneven("core::option::Option<demo::Event>")];
    let answer = layout(&build(1).profile, &Query::default(), &shapes).unwrap();
    assert_eq!(answer.rows[0].boxed, None);
}

#[test]
fn the_variables_of_a_future_are_those_of_its_awaits() {
    let state = |name: &str, line, fields| Variant { line, ..variant(name, fields) };
    // Two variables share a place.
    let kept =
        vec![field("a", 0, 64, "u8"), field("b", 32, 64, "u8"), field("__awaitee", 96, 8, "demo::Read")];
    let shape = Shape {
        name: "demo::Session".to_owned(),
        size: 200,
        variants: vec![
            state("Unresumed", Some(3), Vec::new()),
            state("Returned", Some(9), Vec::new()),
            state("Suspend1", Some(8), Vec::new()),
            state("Suspend0", Some(5), kept),
        ],
        ..Shape::default()
    };
    let answer = layout(&build(1).profile, &Query::default(), &[shape]).unwrap();
    let row = &answer.rows[0];
    assert!(row.is_future && row.boxed.is_none() && row.padding.is_none());
    let states: Vec<_> = row.variants.iter().map(|it| (it.line, it.bytes, it.fields.len())).collect();
    assert_eq!(states, [(Some(5), 104, 3), (Some(8), 0, 0)]);
}
