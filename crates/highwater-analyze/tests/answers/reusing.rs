//! Reuse is advised for buffers of one size that live shortly and come at a high rate. No advice is about a buffer
//! that the standard library fills.

use highwater_analyze::{Measure, MeasureKind};
use highwater_profile::Profile;

use crate::advising::{LINE, MAIN, ask, kinds, only};
use crate::build::Build;

fn temporary(sizes: &[(i64, i64)], kept: i64) -> Profile {
    let mut build = Build::snapshot(1, 1, 10);
    for &(size, blocks) in sizes {
        let values = [
            ("alloc_objects", blocks),
            ("alloc_space", blocks * size),
            ("temp_objects", blocks),
            ("temp_space", blocks * size),
        ];
        build.row(&[LINE, MAIN], &values, &[("bytes", size)]);
    }
    build.row(&[LINE, MAIN], &[("alloc_objects", kept), ("alloc_space", kept)], &[("bytes", 1)]);
    build.profile
}

#[test]
fn reuse_is_for_blocks_of_one_size_at_a_high_rate() {
    let answer = ask(&temporary(&[(32, 100), (1024, 4000), (2048, 5000), (9000, 50)], 0));
    let Measure::Reuse { least_bytes, most_bytes, temporary_fraction } = only(&answer).measure else {
        panic!("{answer:?}")
    };
    assert_eq!((least_bytes, most_bytes, temporary_fraction), (1024, 2048, 1.0));
    assert_eq!(only(&answer).saves_blocks.unwrap().per_second.unwrap().value, 900.0, "those of one size");

    assert_eq!(kinds(&ask(&temporary(&[(64, 3000), (1024, 3000), (16_384, 3000)], 0))), [], "of all sizes");
    assert_eq!(kinds(&ask(&temporary(&[(1024, 9000)], 9000))), [], "half of the blocks stay");
    assert_eq!(kinds(&ask(&temporary(&[(1024, 900)], 0))), [], "90 per second are few");
    assert_eq!(kinds(&ask(&temporary(&[(1, 9000), (2, 9000), (3, 9000)], 0))), [], "too small to keep");
    let some = ask(&temporary(&[(8, 900), (1024, 9000)], 0));
    assert_eq!(only(&some).saves_blocks.unwrap().total.value, 9000, "those of other sizes are not saved");
}

/// 9,000 temporary blocks of 1 KiB of this stack, which lived for so long, in nanoseconds.
fn temporary_of(stack: &[&str], lived_ns: i64) -> Profile {
    let mut build = Build::snapshot(1, 1, 10);
    let values = [
        ("alloc_objects", 9000),
        ("alloc_space", 9000 << 10),
        ("temp_objects", 9000),
        ("temp_space", 9000 << 10),
    ];
    build.row(stack, &values, &[("bytes", 1024)]);
    let freed = [("freed_objects", 9000), ("freed_space", 9000 << 10)];
    build.row(stack, &freed, &[("bytes", 1024), ("lifetime", lived_ns)]);
    build.profile
}

#[test]
fn reuse_is_for_buffers_and_for_what_is_freed_when_it_was_used() {
    let vec = "alloc::raw_vec::RawVecInner<A>::try_allocate_in@~alloc/src/raw_vec/mod.rs:1";
    let boxed = "alloc::boxed::Box<T>::new@~alloc/src/boxed.rs:1";
    let copy = "<demo::Item as core::clone::Clone>::clone@src/item.rs:3";
    let found = |stack: &[&str], lived_ns: i64| kinds(&ask(&temporary_of(stack, lived_ns)));
    assert_eq!(found(&[vec, LINE, MAIN], 2048), [MeasureKind::Reuse]);
    assert_eq!(found(&[vec, LINE, MAIN], 131_072), [], "a node of a map, say");
    assert_eq!(found(&[boxed, LINE, MAIN], 2048), [], "a box is no buffer");
    assert_eq!(found(&[vec, copy, MAIN], 2048), [], "a copy is for who asked for it");
    let push = "alloc::vec::Vec<T,A>::push@~alloc/src/vec/mod.rs:1";
    assert_eq!(found(&[vec, push, LINE, MAIN], 2048), [MeasureKind::Reuse]);
    for maker in [
        "core::iter::traits::iterator::Iterator::collect::<alloc::vec::Vec<demo::Item>>@~core/src/iter.rs:1",
        "alloc::fmt::format@~alloc/src/fmt.rs:1",
        "<alloc::vec::Vec<T> as core::iter::traits::collect::FromIterator<T>>::from_iter@~alloc/src/vec/mod.rs:1",
        "<T as alloc::string::ToString>::to_string@~alloc/src/string.rs:1",
        "alloc::str::<impl str>::to_uppercase@~alloc/src/str.rs:1",
        "alloc::str::<impl str>::replacen@~alloc/src/str.rs:1",
    ] {
        assert_eq!(
            found(&[vec, maker, LINE, MAIN], 2048),
            [],
            "made whole, and handed on for all we know: {maker}"
        );
    }
}

#[test]
fn a_buffer_that_the_standard_library_fills_takes_no_advice() {
    let vec = "alloc::raw_vec::RawVecInner<A>::grow_amortized@~alloc/src/raw_vec/mod.rs:1";
    let writer = "<demo::Escaped as core::fmt::Display>::fmt@src/escape.rs:4";
    assert_eq!(kinds(&ask(&temporary_of(&[vec, writer, MAIN], 2048))), [], "who formats has the buffer");
    let grown = |stack: &[&str]| {
        let mut build = Build::snapshot(1, 1, 10);
        let first = [("alloc_objects", 1000), ("alloc_space", 1000 << 10)];
        build.row(stack, &first, &[("bytes", 1024)]);
        for size in [2048, 4096] {
            let values = [
                ("alloc_objects", 1000),
                ("alloc_space", 1000 * size),
                ("realloc_objects", 1000),
                ("realloc_space", 500 * size),
                ("realloc_doublings", 1000),
            ];
            build.row(stack, &values, &[("bytes", size)]);
        }
        kinds(&ask(&build.profile))
    };
    assert_eq!(grown(&[vec, LINE, MAIN]), [MeasureKind::Reserve]);
    assert_eq!(grown(&[vec, "alloc::str::<impl str>::replacen@~alloc/src/str.rs:1", LINE, MAIN]), []);
    assert_eq!(grown(&[vec, writer, MAIN]), []);
}
