//! Several questions of one profile, answered together, have the answers that each has alone.

use highwater_analyze::{GroupBy, Query, SampleKind, holdings, top, tree};
use highwater_profile::{Line, Location, Profile, ValueType};

use crate::build::everything;

/// What of a program has values of one kind need not have any of another.
fn profile() -> Profile {
    let types = [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_space", "bytes")];
    let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    let mut frame = |name: &str, line| {
        let function = profile.add_function(name, name, "src/main.rs");
        profile.add_location(Location::symbolized(vec![Line::new(function, line)]))
    };
    let [main, load, parse, cache] =
        ["main", "load", "alloc::boxed::Box<demo::Tree>::new", "cache"].map(|name| frame(name, 7));
    let again = frame("parse", 9);
    for (stack, values) in [
        (&[parse, load, main][..], [3, 300, 0]),
        (&[again, load, main], [2, 20, 0]),
        (&[cache, load, main], [1, 100, 100]),
        (&[cache, main], [4, 40, 40]),
        (&[parse, parse, main], [1, 1, 0]),
    ] {
        profile.samples.push(stack, &values, &[]);
    }
    profile
}

#[test]
fn together_or_alone_answers_are_the_same() {
    let profile = profile();
    let kinds = [SampleKind::AllocBytes, SampleKind::LiveBytes, SampleKind::AllocBlocks];
    let groupings = [GroupBy::Site, GroupBy::Type, GroupBy::Function, GroupBy::Container, GroupBy::Line];
    for narrowest in [0.0, 0.05, 0.5] {
        let query = Query { limit: Some(2), ..everything() };
        let together = holdings(&profile, &kinds, &groupings, &query, narrowest).unwrap();
        let mut expected = kinds.iter().flat_map(|kind| groupings.map(|by| (kind.clone(), by)));
        for it in &together {
            assert_eq!((it.sample.clone(), it.by), expected.next().unwrap());
            let query = Query { sample: Some(it.sample.clone()), by: it.by, ..query.clone() };
            assert_eq!(it.top, top(&profile, &query).unwrap());
            let calls = Query { limit: None, min_fraction: narrowest, ..query };
            assert_eq!(it.tree, tree(&profile, &calls).unwrap(), "{} by {}", it.sample, it.by);
        }
        assert!(expected.next().is_none());
    }
    // What would be seen if what has no live bytes were a node of the tree of live bytes.
    let live = tree(&profile, &Query { sample: Some(SampleKind::LiveBytes), ..everything() }).unwrap();
    let alloc = tree(&profile, &Query { sample: Some(SampleKind::AllocBytes), ..everything() }).unwrap();
    assert!(live.nodes.len() < alloc.nodes.len());
}

#[test]
fn a_kind_that_is_missing_is_an_error() {
    let kinds = [SampleKind::AllocBytes, SampleKind::PeakBytes];
    assert!(holdings(&profile(), &kinds, &[GroupBy::Line], &everything(), 0.0).is_err());
    assert!(holdings(&profile(), &[], &[GroupBy::Line], &everything(), 0.0).unwrap().is_empty());
}
